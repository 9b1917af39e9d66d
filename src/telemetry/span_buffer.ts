/** Spans that wait to be passed on, not more than a bound. */
import type { Span } from "./spans.ts";

export class SpanBuffer {
  readonly #most: number;
  #spans: Span[] = [];
  #dropped = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get size(): number {
    return this.#spans.length;
  }

  /** What is too much is dropped, and counted. */
  add(span: Span): void {
    if (this.#spans.length < this.#most) this.#spans.push(span);
    else this.#dropped++;
  }

  /** One that is not even made. */
  drop(): void {
    this.#dropped++;
  }

  /** What came since the last call; null: nothing did. */
  take(): { readonly spans: readonly Span[]; readonly dropped: number } | null {
    if (this.#spans.length === 0 && this.#dropped === 0) return null;
    const taken = { spans: this.#spans, dropped: this.#dropped };
    this.#spans = [];
    this.#dropped = 0;
    return taken;
  }
}
