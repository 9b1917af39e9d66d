/**
 * Which outputs of pools were on the target when it was promoted, and which of
 * their inputs were not. Pools of the new era send no output that is there; who
 * recovers the old cluster's tail sends none either. In a compacted topic on the
 * target, `switchyard-done.<source>.internal`, in JSON:
 *
 *     key "done/<era>/<part>"  {"era":1,"parts":1,"done":[{"group":"g",
 *                               "topic":"t","topicId":"...","partition":0,
 *                               "output":"o","count":2,
 *                               "outputs":[[7,0,1],[9,0]]}]}
 *     key "tail/<era>/<part>"  the same with "tail"
 *
 * An output is named by its input's offset and by its ordinal among the input's
 * outputs, of which there were `count`; it is in the target's topic `output`.
 * Inputs of `done` are records of the target, in the target's terms;
 * those of `tail` were never mirrored, so they are the source's, whose topics'
 * names may not be known here. Pure.
 */
import { z } from "zod";
import type { DoneInput, DonePartition } from "../../src/pool/done_outputs.ts";

/** As the group's pools are told; ascending by offset. */
export interface DoneEntry extends DonePartition {
  readonly group: string;
}

export interface TailEntry extends Omit<DoneEntry, "topic"> {
  /** Null: not known. */
  readonly topic: string | null;
}

/** What one promotion found. */
export interface EraOutputs {
  readonly era: number;
  readonly done: readonly DoneEntry[];
  readonly tail: readonly TailEntry[];
}

export interface DoneRecord {
  readonly key: string;
  /** Null deletes what has the key. */
  readonly value: string | null;
}

type Kind = "done" | "tail";

/** Of a record's value: well below what brokers take. */
const PART_BYTES = 400_000;
/** Of an entry, without names and outputs. */
const ENTRY_BYTES = 150;
const KEY = /^(done|tail)\/(\d+)\/(\d+)$/;

const entry = {
  group: z.string(),
  topicId: z.string(),
  partition: z.int().min(0),
  output: z.string(),
  count: z.int().min(0),
  // Of many thousands: zod takes ten times as long for each by itself.
  outputs: z.custom<DoneInput[]>(areOutputs),
};
const head = { era: z.int().min(0), parts: z.int().min(1) };
const donePart = z.object({
  ...head,
  done: z.array(z.object({ ...entry, topic: z.string() })),
});
const tailPart = z.object({
  ...head,
  tail: z.array(
    z.object({ ...entry, topic: z.string().nullable() }),
  ),
});

function areOutputs(value: unknown): boolean {
  const isCount = (each: unknown) =>
    Number.isSafeInteger(each) && each as number >= 0;
  return Array.isArray(value) &&
    value.every((each) =>
      Array.isArray(each) && each.length > 0 && each.every(isCount)
    );
}

/** At least one record of each kind: that there is nothing is said, too. */
export function doneRecords({ done, era, tail }: EraOutputs): DoneRecord[] {
  return [
    ...recordsOf("done", era, done),
    ...recordsOf("tail", era, tail),
  ];
}

function recordsOf<T extends DoneEntry | TailEntry>(
  kind: Kind,
  era: number,
  entries: readonly T[],
): DoneRecord[] {
  const parts = inParts(entries);
  return parts.map((part, number) => ({
    key: `${kind}/${era}/${number}`,
    value: JSON.stringify({ era, parts: parts.length, [kind]: part }),
  }));
}

/** An entry goes on in the next part where it does not fit into one. */
function inParts<T extends DoneEntry | TailEntry>(
  entries: readonly T[],
): T[][] {
  const parts: T[][] = [];
  let room = 0;
  for (const each of entries) {
    const { group, output, topic } = each;
    const head = ENTRY_BYTES + group.length + output.length +
      (topic?.length ?? 0);
    let outputs: DoneInput[] | null = null;
    for (const input of each.outputs) {
      const bytes = JSON.stringify(input).length + 1;
      if (room < bytes + (outputs === null ? head : 0)) {
        parts.push([]);
        room = PART_BYTES;
        outputs = null;
      }
      if (outputs === null) {
        outputs = [];
        parts.at(-1)!.push({ ...each, outputs });
        room -= head;
      }
      outputs.push(input);
      room -= bytes;
    }
  }
  return parts.length === 0 ? [[]] : parts;
}

/** What the topic says. */
export class DoneLog {
  /** By kind and era: the parts. */
  readonly #parts = new Map<string, Map<number, Part>>();

  /** Takes the topic's records in their order; what is none says nothing. */
  take(key: string | null, value: string | null): void {
    const [, kind, era, part] = KEY.exec(key ?? "") ?? [];
    if (kind === undefined) return;
    const id = `${kind}/${Number(era)}`;
    const parts = this.#parts.get(id) ?? new Map<number, Part>();
    this.#parts.set(id, parts);
    const content = value === null ? null : contentOf(kind as Kind, value);
    if (content === null) parts.delete(Number(part));
    else parts.set(Number(part), content);
  }

  /** Of the highest era that is there wholly; null: none is. */
  newest(): EraOutputs | null {
    const eras = [...this.#parts.keys()]
      .flatMap((id) => id.startsWith("done/") ? [Number(id.slice(5))] : []);
    for (const era of eras.sort((one, other) => other - one)) {
      const done = this.#whole(`done/${era}`);
      if (done === null) continue;
      const tail = this.#whole(`tail/${era}`);
      return {
        era,
        done: done.flatMap((each) => each.done ?? []),
        tail: (tail ?? []).flatMap((each) => each.tail ?? []),
      };
    }
    return null;
  }

  /**
   * Keys that the next writer of the era is to delete: parts that it does not
   * write, and what is done of eras before, which nobody asks for any more.
   */
  stale(written: readonly DoneRecord[], era: number): string[] {
    const kept = new Set(written.map(({ key }) => key));
    return [...this.#parts].flatMap(([id, parts]) =>
      [...parts.keys()].map((part) => `${id}/${part}`)
    ).filter((key) => {
      const [, kind, of] = KEY.exec(key)!;
      const isOld = kind === "done" && Number(of) < era;
      return !kept.has(key) && (isOld || Number(of) === era);
    });
  }

  #whole(id: string): readonly Part[] | null {
    const parts = this.#parts.get(id);
    const count = parts?.get(0)?.parts ?? null;
    if (parts === undefined || count === null) return null;
    const whole = Array.from({ length: count }, (_, at) => parts.get(at));
    return whole.every((each) => each?.parts === count)
      ? whole as readonly Part[]
      : null;
  }
}

interface Part {
  readonly parts: number;
  readonly done?: readonly DoneEntry[];
  readonly tail?: readonly TailEntry[];
}

function contentOf(kind: Kind, value: string): Part | null {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
  const { data } = kind === "done"
    ? donePart.safeParse(json)
    : tailPart.safeParse(json);
  return data ?? null;
}
