/**
 * When the primary's copy of the state may be believed. The secondary is written
 * first, so what it says is the truth. The copy is behind where the primary was
 * away: believed at once, it would send whoever begins then to a cluster that has
 * been left. But where the secondary is lost work must go on, so doubt ends.
 */

/** In ms, from when somebody begins to ask. */
export const DOUBT_MS = 10_000;

/** From the beginning to the secondary's first answer, or to the end of doubt. */
export class Doubt implements Disposable {
  readonly #over = Promise.withResolvers<void>();
  readonly #timer: ReturnType<typeof setTimeout>;

  constructor(forMs: number) {
    this.#timer = setTimeout(this.#over.resolve, forMs);
  }

  /** The secondary was read; or nobody waits any more. */
  end(): void {
    clearTimeout(this.#timer);
    this.#over.resolve();
  }

  /** Never rejects. */
  get over(): Promise<void> {
    return this.#over.promise;
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
