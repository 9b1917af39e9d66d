/** Repeats actions until it is disposed. */
export class Timers implements Disposable {
  readonly #timers: ReturnType<typeof setInterval>[] = [];

  every(intervalMs: number, action: () => void): void {
    this.#timers.push(setInterval(action, intervalMs));
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) clearInterval(timer);
  }
}
