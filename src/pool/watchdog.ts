/**
 * Finds threads that stand still. It counts its own ticks instead of reading a
 * clock: when the whole process was stopped (SIGSTOP, a suspended machine) the
 * ticks stood still too, and nobody is blamed for it.
 */
export class Watchdog {
  readonly #ticksAllowed: number;
  readonly #seen = new Map<number, { word: number; ticks: number }>();

  /** @param tickMs how often `observe` is called for each worker */
  constructor(limitMs: number, tickMs: number) {
    this.#ticksAllowed = Math.max(1, Math.ceil(limitMs / tickMs));
  }

  /** True when the worker has shown the same word for the whole limit. */
  observe(workerId: number, word: number): boolean {
    const seen = this.#seen.get(workerId);
    if (seen === undefined || seen.word !== word) {
      this.#seen.set(workerId, { word, ticks: 0 });
      return false;
    }
    seen.ticks++;
    return seen.ticks >= this.#ticksAllowed;
  }

  /** For how many looks it has shown the same word. */
  stillTicks(workerId: number): number {
    return this.#seen.get(workerId)?.ticks ?? 0;
  }

  forget(workerId: number): void {
    this.#seen.delete(workerId);
  }
}
