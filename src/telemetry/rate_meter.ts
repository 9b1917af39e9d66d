interface Observation {
  readonly atMs: number;
  readonly total: number;
}

/** Rates of a counter that is looked at now and then; the caller has the clock. */
export class RateMeter {
  readonly #windowMs: number;
  /** The newest last; the first one is where the window begins. */
  readonly #seen: Observation[] = [];
  #begin: Observation | undefined;

  /** @param windowMs how far `perSecond` looks back */
  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  observe(total: number, nowMs: number): void {
    const last = this.#seen.at(-1);
    // A counter that falls began anew: what it was before tells nothing.
    if (last !== undefined && total < last.total) {
      this.#seen.length = 0;
      this.#begin = undefined;
    }
    // The average begins where the counter begins to move.
    if (this.#begin === undefined || total === this.#begin.total) {
      this.#begin = { atMs: nowMs, total };
    }
    this.#seen.push({ atMs: nowMs, total });
    while (
      this.#seen.length > 2 && this.#seen[1]!.atMs <= nowMs - this.#windowMs
    ) this.#seen.shift();
  }

  /** Over the window, or what there is of it. */
  get perSecond(): number {
    return between(this.#seen[0], this.#seen.at(-1));
  }

  /** Since the counter began to move. */
  get averagePerSecond(): number {
    return between(this.#begin, this.#seen.at(-1));
  }
}

function between(from: Observation | undefined, to: Observation | undefined) {
  if (from === undefined || to === undefined || to.atMs <= from.atMs) return 0;
  return (to.total - from.total) * 1000 / (to.atMs - from.atMs);
}
