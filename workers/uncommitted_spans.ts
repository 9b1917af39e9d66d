/**
 * Spans of what counts with the transaction that it is in, and is void when its
 * worker is lost before. So they leave with the commit, or as abandoned.
 */
import { abandoned, type Span } from "../src/telemetry/spans.ts";

export class UncommittedSpans {
  /** By batch that is under way. */
  readonly #underWay = new Map<object, Span[]>();
  #settled: Span[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(batch: object, span: Span): void {
    const spans = this.#underWay.get(batch);
    if (spans === undefined) this.#underWay.set(batch, [span]);
    else spans.push(span);
    this.#size++;
  }

  /** The rest of this batch is in the transaction that is open. */
  settled(batch: object): void {
    this.#settled.push(...this.#underWay.get(batch) ?? []);
    this.#underWay.delete(batch);
  }

  /** Of the transaction, which is to be committed. */
  take(): readonly Span[] {
    const spans = this.#settled;
    this.#settled = [];
    this.#size -= spans.length;
    return spans;
  }

  /** All that are left: nothing more will be committed. */
  abandon(): readonly Span[] {
    for (const batch of [...this.#underWay.keys()]) this.settled(batch);
    return this.take().map(abandoned);
  }
}
