/** How often workers have crashed: the delay of a restart, and crash loops. */

const WINDOW_MS = 60_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 10_000;
const LOOP_CRASHES = 5;

export class CrashHistory {
  #times: number[] = [];

  /** Notes a crash; returns how long to wait before the next start. */
  add(nowMs: number): number {
    this.#forget(nowMs);
    this.#times.push(nowMs);
    const delayMs = FIRST_DELAY_MS * 2 ** (this.#times.length - 1);
    return Math.min(delayMs, LONGEST_DELAY_MS);
  }

  isLoop(nowMs: number): boolean {
    this.#forget(nowMs);
    return this.#times.length >= LOOP_CRASHES;
  }

  #forget(nowMs: number): void {
    this.#times = this.#times.filter((each) => nowMs - each < WINDOW_MS);
  }
}
