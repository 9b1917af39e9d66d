/**
 * The copy of the state on the primary, kept as new as the secondary's: one that
 * was written while the primary was away has not arrived.
 */
import { STATE_TOPIC } from "../formats/mod.ts";
import type { StateClusters } from "./cluster.ts";
import { decodeState } from "./codec.ts";
import { logEnd, logRange, readRange, type TopicRecord } from "./read_log.ts";
import type { DrState } from "./types.ts";

/** What there is in a copy, as far as it decides whether to write it anew. */
export interface CopyTail {
  /** The highest epoch in it; 0: none. */
  readonly highest: number;
  /** That of the last record, which outlives compaction; 0: it is no state. */
  readonly last: number;
}

export const EMPTY_COPY: CopyTail = { highest: 0, last: 0 };

/** The copy with one more record. Pure. */
export function copyWith(
  { highest }: CopyTail,
  { key, value }: Pick<TopicRecord, "key" | "value">,
): CopyTail {
  const decoded = decodeState(key, value);
  switch (decoded.kind) {
    case "value": {
      const { epoch } = decoded.value;
      return { highest: Math.max(highest, epoch), last: epoch };
    }
    case "unreadable":
      return { highest: Math.max(highest, decoded.epoch ?? 0), last: 0 };
  }
}

/**
 * Whether the state belongs at the end of the copy. One that has seen a higher
 * epoch knows more than we do. Pure.
 */
export const lacks = (
  { highest, last }: CopyTail,
  { epoch }: Pick<DrState, "epoch">,
): boolean => highest <= epoch && last !== epoch;

export interface PrimaryCopyParts extends Pick<StateClusters, "library"> {
  readonly primary: StateClusters["clusters"]["primary"];
  /** At the end of the copy. @throws {StateError | KafkaError} */
  readonly write: (state: DrState, signal: AbortSignal) => Promise<void>;
}

export class PrimaryCopy {
  readonly #parts: PrimaryCopyParts;
  /** Where the log ended when no state up to this epoch was lacking. */
  #checked = { end: -1, epoch: 0 };

  constructor(parts: PrimaryCopyParts) {
    this.#parts = parts;
  }

  /**
   * Writes the state where the copy lacks it; called again it looks whether that
   * came out well, which costs one question once it has.
   * @returns whether it had to be written.
   * @throws {StateError | KafkaError | ReadError} where the primary does not
   * answer, or has no such topic; the signal's reason.
   */
  async renew(state: DrState, signal: AbortSignal): Promise<boolean> {
    const { library, primary, write } = this.#parts;
    const end = await logEnd(primary, STATE_TOPIC, "written", signal);
    const { epoch } = state;
    if (this.#checked.end === end && this.#checked.epoch >= epoch) return false;
    const range = await logRange(primary, STATE_TOPIC, "written", signal);
    let copy = EMPTY_COPY;
    const records = readRange(library, primary, STATE_TOPIC, range, signal);
    for await (const record of records) copy = copyWith(copy, record);
    if (lacks(copy, state)) {
      await write(state, signal);
      return true;
    }
    this.#checked = { end: range.end, epoch };
    return false;
  }
}
