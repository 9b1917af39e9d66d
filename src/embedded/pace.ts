/**
 * Spreads work over time. What could not be done in its time is given up rather
 * than made good by a burst, except for a short while that hides the jitter of
 * timers.
 */
export class Pace {
  readonly #rate: number;
  readonly #most: number;
  #lastMs: number;
  #credit = 0;

  /** @param rate per second; any share of one is kept for later */
  constructor(rate: number, nowMs: number) {
    this.#rate = rate;
    // One more, or else a slow rate would lose the rest of each whole one.
    this.#most = 1 + rate * BURST_MS / 1000;
    this.#lastMs = nowMs;
  }

  /** How many to do now: what is due, but at most `room`. */
  take(nowMs: number, room: number): number {
    const elapsedMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    this.#credit = Math.min(
      this.#most,
      this.#credit + this.#rate * elapsedMs / 1000,
    );
    const count = Math.max(0, Math.min(Math.floor(this.#credit), room));
    this.#credit -= count;
    return count;
  }
}

const BURST_MS = 200;
