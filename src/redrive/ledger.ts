/**
 * Which dead letters were put back: by partition the first that was not, and
 * ranges of offsets above it. Pure.
 *
 * It is kept as one record a partition in a compacted topic, written in the
 * transaction that puts the letters back. Not as offsets of a group: brokers
 * forget those a week after their last use, and a week later everything would be
 * put back once more; and their metadata is too short for what a filter leaves.
 */
import {
  decodeRanges,
  encodeRanges,
  isWithin,
  join,
  NO_RANGES,
  type Settled,
} from "../pool/offset_ranges.ts";

/** Well below the largest record that brokers take by default. */
const RANGE_BYTES = 512 * 1024;

/** What was put back is too scattered to be remembered. */
export class LedgerFullError extends Error {
  override readonly name = "LedgerFullError";
}

/** The ledger's topic. */
export const ledgerTopic = (deadLetterTopic: string) =>
  `${deadLetterTopic}.redriven`;

export class Ledger {
  readonly #topicId: string;
  readonly #partitions = new Map<number, Settled>();
  /** What was read last, or where reading began. */
  readonly #seen = new Map<number, number>();
  /** By partition: ranges of what is put back and not yet written. */
  #changed = new Map<number, number[]>();

  /**
   * @param topicId of the dead-letter topic: what was noted of another topic of
   * the same name says nothing of this one
   */
  constructor(topicId: string) {
    this.#topicId = topicId;
  }

  /** Takes a record of the ledger's topic; the last one of a key counts. */
  read(key: string | null, value: string | null): void {
    const note = parse(value);
    if (note === null || note.topicId !== this.#topicId) return;
    const { next, beyond } = note;
    this.#partitions.set(Number(key), {
      next,
      beyond: decodeRanges(next, beyond),
    });
  }

  /** Where to begin to read a partition. */
  next(partition: number): number {
    return this.#of(partition).next;
  }

  has(partition: number, offset: number): boolean {
    const { next, beyond } = this.#of(partition);
    return offset < next || isWithin(beyond, offset);
  }

  /**
   * Notes a letter that was met, in the order of offsets. Offsets that no
   * record has, because of transactions or retention, go with the next one.
   * @param isDone it is put back now
   */
  note(partition: number, offset: number, isDone: boolean): void {
    const first = this.#seen.get(partition) ?? this.next(partition);
    this.#seen.set(partition, offset + 1);
    if (!isDone) return;
    const done = this.#changed.get(partition) ?? [];
    this.#changed.set(partition, done);
    if (done.at(-1) === first) done[done.length - 1] = offset + 1;
    else done.push(first, offset + 1);
  }

  /**
   * The records that say what has changed since the last call.
   * @throws {LedgerFullError}
   */
  takeChanged(): { readonly key: string; readonly value: string }[] {
    const changed = [...this.#changed].map(([partition, done]) => {
      const settled = join(this.#of(partition), { next: 0, beyond: done });
      this.#partitions.set(partition, settled);
      const { next, beyond } = settled;
      const ranges = encodeRanges(next, beyond, RANGE_BYTES);
      if (ranges === null) {
        throw new LedgerFullError(
          "what was put back is too scattered to be remembered; use wider " +
            "filters, or none",
        );
      }
      const note: Note = { topicId: this.#topicId, next, beyond: ranges };
      return { key: String(partition), value: JSON.stringify(note) };
    });
    this.#changed = new Map();
    return changed;
  }

  #of(partition: number): Settled {
    return this.#partitions.get(partition) ?? { next: 0, beyond: NO_RANGES };
  }
}

interface Note {
  readonly topicId: string;
  readonly next: number;
  /** As in the metadata of a commit. */
  readonly beyond: string;
}

/** Null for what is not ours. */
function parse(value: string | null): Note | null {
  let note: Partial<Note> | null;
  try {
    note = JSON.parse(value ?? "null");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return null;
  }
  const { topicId, next, beyond } = note ?? {};
  return typeof topicId === "string" && Number.isSafeInteger(next) &&
      typeof beyond === "string"
    ? { topicId, next: next!, beyond }
    : null;
}
