/**
 * How far the tail of each partition of the old cluster was brought to the
 * active one, and where it lies there: the compacted topic
 * `switchyard-replay.<source>.internal` of the active cluster, in JSON. Each
 * transaction that carries records of a tail writes one, a **chunk**, so that
 * both are there or neither is:
 *
 *     key    "<topic id>/<partition>/<from>"
 *     value  {"topic":"t","topicId":"...","partition":0,"from":100,"next":200,
 *             "action":"replay","target":"t","targetId":"...",
 *             "runs":[[100,7000,60],[161,7060,39]],
 *             "made":[],"madeOfTail":[{"topicId":"...","partition":0,"group":"g",
 *             "count":1,"output":"t","outputs":[[98,0]]}]}
 *
 * `from` and `next` are offsets of the old cluster; what is between them is dealt
 * with. A run is its first offset there, the first of its copies, and how many.
 * `made` are outputs of pools among its records, of inputs that were mirrored, in
 * the active cluster's terms; `madeOfTail` are those of inputs in the tail, in the
 * old one's.
 * Replayed copies are on the old cluster already: the mirror back leaves them out,
 * as long as both topics are the ones that they were. Pure.
 */
import { z } from "zod";
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { KeptOutputs } from "../../src/pool/kept_outputs.ts";
import type { OffsetRanges } from "../../src/pool/offset_ranges.ts";

/** What becomes of a tail. */
export type TailAction = "replay" | "quarantine" | "discard";

/** `reconcile`: nothing is copied. */
export type Treatment = TailAction | "reconcile";

export type ChunkRun = readonly [
  upstream: number,
  downstream: number,
  length: number,
];

/** A part of a tail; `topic` and `partition` are the old cluster's. */
export interface Chunk extends TopicPartition {
  readonly topicId: string;
  readonly from: number;
  /** The next offset to be dealt with. */
  readonly next: number;
  readonly action: Treatment;
  /** Whose partition of that number has the copies. */
  readonly target: string;
  /** Of that topic, which may be made anew; "" where there is none. */
  readonly targetId: string;
  readonly runs: readonly ChunkRun[];
  readonly made: readonly KeptOutputs[];
  readonly madeOfTail: readonly KeptOutputs[];
}

/** Ids of topics as they are now, by name. */
export interface IdsNow {
  readonly old: ReadonlyMap<string, string>;
  readonly active: ReadonlyMap<string, string>;
}

/** Where a record of the tail lies on the active cluster. */
export interface Copy extends Pick<Chunk, "target" | "targetId"> {
  readonly offset: number;
}

export interface ChunkRecord {
  readonly key: string;
  readonly value: string;
}

const offset = z.int().min(0);
const outputs: z.ZodType<KeptOutputs[]> = z.array(z.object({
  topicId: z.string(),
  partition: offset,
  group: z.string(),
  count: offset,
  output: z.string(),
  outputs: z.array(z.tuple([offset], offset)),
}));
const schema: z.ZodType<Chunk> = z.object({
  topic: z.string(),
  topicId: z.string().min(1),
  partition: offset,
  from: offset,
  next: offset,
  action: z.enum(["replay", "quarantine", "discard", "reconcile"]),
  target: z.string(),
  targetId: z.string(),
  runs: z.array(z.tuple([offset, offset, z.int().min(1)])),
  made: outputs,
  madeOfTail: outputs,
});

export const chunkRecord = (chunk: Chunk): ChunkRecord => ({
  key: keyOf(chunk),
  value: JSON.stringify(chunk),
});

/** Of copies in the order of their originals. */
export function chunkRuns(
  pairs: readonly (readonly [upstream: number, downstream: number])[],
): ChunkRun[] {
  const runs: [number, number, number][] = [];
  for (const [upstream, downstream] of pairs) {
    const last = runs.at(-1);
    const continues = last !== undefined && upstream === last[0] + last[2] &&
      downstream === last[1] + last[2];
    if (continues) last[2]++;
    else runs.push([upstream, downstream, 1]);
  }
  return runs;
}

type Partition = Pick<Chunk, "topicId" | "partition">;

/** What the topic says. */
export class ReplayLog {
  /** By their keys. */
  readonly #chunks = new Map<string, Chunk>();
  /** By partition, ascending and apart; null: not since the last change. */
  #byPartition: ReadonlyMap<string, readonly Chunk[]> | null = null;

  /** Takes the topic's records in their order; what is none says nothing. */
  take(key: string | null, value: string | null): void {
    if (value === null) {
      if (key !== null && this.#chunks.delete(key)) this.#byPartition = null;
      return;
    }
    const chunk = chunkOf(value);
    if (chunk !== null && keyOf(chunk) === key) this.add(chunk);
  }

  add(chunk: Chunk): void {
    this.#chunks.set(keyOf(chunk), chunk);
    this.#byPartition = null;
  }

  /** Where the tail goes on; 0: nothing of it was dealt with. */
  next(partition: Partition): number {
    return this.#of(partition)
      .reduce((most, { next }) => Math.max(most, next), 0);
  }

  /**
   * Keys of chunks of earlier failbacks: a later mirror has passed what they say,
   * and so has every mirror back.
   * @param position of the mirror from the old cluster; null: it has none
   */
  stale(position: (chunk: Chunk) => number | null): string[] {
    return [...this.#chunks]
      .filter(([, chunk]) => chunk.next <= (position(chunk) ?? 0))
      .map(([key]) => key);
  }

  /** The topics that copies were written to. */
  targets(): string[] {
    const chunks = this.#chunks.values();
    return [...new Set(chunks.map(({ target }) => target))];
  }

  /** The offset of the copy of one record; null: it has none. */
  copyOf(partition: Partition, upstream: number): Copy | null {
    const chunk = lastUpTo(this.#of(partition), ({ from }) => from, upstream);
    if (chunk === null) return null;
    const { runs, target, targetId } = chunk;
    const run = lastUpTo(runs, ([first]) => first, upstream);
    if (run === null) return null;
    const [first, downstream, length] = run;
    const at = upstream - first;
    return at < length ? { target, targetId, offset: downstream + at } : null;
  }

  /** Of the old cluster. */
  topics(): string[] {
    const chunks = this.#chunks.values();
    return [...new Set(chunks.map(({ topic }) => topic))];
  }

  /**
   * Outputs that the old cluster has in its tails and that pools make again on
   * the active one, by the offsets at which their inputs lie there. Those of a
   * topic that the old cluster has no more do not count.
   */
  kept(now: IdsNow): KeptOutputs[] {
    const chunks = [...this.#chunks.values()]
      .filter(({ topic, topicId }) => now.old.get(topic) === topicId);
    return [
      ...chunks.flatMap(({ made }) => made),
      ...chunks.flatMap(({ madeOfTail }) => madeOfTail)
        .flatMap((each) => this.#ofCopies(each)),
    ];
  }

  /** Of inputs that were copied; they may lie in several topics. */
  #ofCopies({ outputs, ...input }: KeptOutputs): KeptOutputs[] {
    return outputs.flatMap(([offset, ...ordinals]) => {
      const copy = this.copyOf(input, offset);
      return copy === null ? [] : [{
        ...input,
        topicId: copy.targetId,
        outputs: [[copy.offset, ...ordinals] as const],
      }];
    });
  }

  /**
   * What replays have written, by `topic-partition` of the active cluster:
   * ascending, and apart from one another. Copies of a topic that the old cluster
   * has no more, or in one that the active one has anew, do not count.
   */
  written(now: IdsNow): ReadonlyMap<string, OffsetRanges> {
    const ranges = new Map<string, [number, number][]>();
    for (const chunk of this.#chunks.values()) {
      const { action, partition, runs, target } = chunk;
      const isThere = now.old.get(chunk.topic) === chunk.topicId &&
        now.active.get(target) === chunk.targetId;
      if (action !== "replay" || !isThere) continue;
      const id = `${target}-${partition}`;
      const known = ranges.get(id) ?? [];
      ranges.set(id, known);
      for (const [, first, length] of runs) {
        known.push([first, first + length]);
      }
    }
    return new Map(Array.from(ranges, ([id, each]) => [id, joined(each)]));
  }

  #of(partition: Partition): readonly Chunk[] {
    this.#byPartition ??= new Map(
      Array.from(
        Map.groupBy(this.#chunks.values(), partitionKey),
        ([key, chunks]) => [key, chunks.sort((a, b) => a.from - b.from)],
      ),
    );
    return this.#byPartition.get(partitionKey(partition)) ?? [];
  }
}

function joined(ranges: readonly [number, number][]): OffsetRanges {
  const edges: number[] = [];
  for (const [start, end] of ranges.toSorted(([a], [b]) => a - b)) {
    if (edges.at(-1) === start) edges[edges.length - 1] = end;
    else edges.push(start, end);
  }
  return edges;
}

function chunkOf(value: string): Chunk | null {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
  return schema.safeParse(json).data ?? null;
}

const partitionKey = ({ partition, topicId }: Partition): string =>
  `${topicId}/${partition}`;
const keyOf = (chunk: Pick<Chunk, "from" | "partition" | "topicId">): string =>
  `${partitionKey(chunk)}/${chunk.from}`;

/** @param items in the order of their starts */
function lastUpTo<T>(
  items: readonly T[],
  startOf: (item: T) => number,
  offset: number,
): T | null {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (startOf(items[middle]!) <= offset) low = middle + 1;
    else high = middle;
  }
  return items[low - 1] ?? null;
}
