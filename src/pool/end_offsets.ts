/**
 * How long records have been waiting, as far as can be known without reading
 * them: by when the end of their partition was where they are. Pure.
 *
 *     end     ╷           ┌── x        x: the last look
 *             │      .· ──┘
 *      next ─ │─ ─ .·                  written where the line is met
 *             │ ──┘:
 *             └────┴────────────> time
 *
 * Between two looks the end is taken to have moved evenly. What lies below the
 * first look has waited at least since then.
 */

/** A place where the end was seen. */
interface Look {
  readonly offset: number;
  readonly firstMs: number;
  lastMs: number;
}

/** Of a partition; thinned out where there are more, the old ones first. */
const MOST_LOOKS = 64;

export class EndOffsets {
  /** In order; no two have the same offset. */
  #looks: Look[] = [];

  /**
   * The end of the partition, and the first offset that has yet to be
   * processed. What lies below that is forgotten.
   * @param nowMs of a clock that never goes back
   */
  look(end: number, next: number, nowMs: number): void {
    const last = this.#looks.at(-1);
    // Its topic was made again.
    if (last !== undefined && end < last.offset) this.#looks = [];
    if (last?.offset === end) last.lastMs = nowMs;
    else this.#looks.push({ offset: end, firstMs: nowMs, lastMs: nowMs });
    const below = this.#looks.findLastIndex(({ offset }) => offset <= next);
    if (below > 0) this.#looks.splice(0, below);
    if (this.#looks.length > MOST_LOOKS) this.#thinOut();
  }

  /**
   * For how long the record at `next` has been there, in ms; 0: there is none
   * yet. Null: nobody has looked.
   */
  waitingMs(next: number, nowMs: number): number | null {
    const after = this.#looks.findIndex(({ offset }) => offset > next);
    if (after === -1) return this.#looks.length === 0 ? null : 0;
    const to = this.#looks[after]!;
    const from = this.#looks[after - 1];
    if (from === undefined) return nowMs - to.firstMs;
    // The record at the offset of `from` came after all looks that saw that end.
    const share = (next + 1 - from.offset) / (to.offset - from.offset);
    const writtenMs = from.lastMs + share * (to.firstMs - from.lastMs);
    return Math.max(0, nowMs - writtenMs);
  }

  /** Drops every second look of the older half. */
  #thinOut(): void {
    const half = Math.floor(this.#looks.length / 2);
    this.#looks = this.#looks.filter((_, index) =>
      index === 0 || index >= half || index % 2 === 0
    );
  }
}
