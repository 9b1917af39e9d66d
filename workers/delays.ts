/** Waits that end early, and for good, when the worker ends. */
export class Delays {
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #onCrash: (error: unknown) => void;

  /** @param onCrash told what an action throws */
  constructor(onCrash: (error: unknown) => void) {
    this.#onCrash = onCrash;
  }

  after(delayMs: number, action: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      try {
        action();
      } catch (error) {
        this.#onCrash(error);
      }
    }, delayMs);
    this.#timers.add(timer);
  }

  /** No action that waits is done any more. */
  clear(): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
  }
}
