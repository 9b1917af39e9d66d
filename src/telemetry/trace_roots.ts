/** Which traces begin here: a share, and none soon after another. */
import type { SpanIds } from "./span_ids.ts";
import type { SpanContext, Tracing } from "./spans.ts";

export class TraceRoots {
  readonly #tracing: Pick<Tracing, "ratio" | "restMs">;
  readonly #ids: Pick<SpanIds, "trace">;
  #nextMs = -Infinity;

  constructor(
    tracing: Pick<Tracing, "ratio" | "restMs">,
    ids: Pick<SpanIds, "trace">,
  ) {
    this.#tracing = tracing;
    this.#ids = ids;
  }

  /**
   * Null: no trace is made.
   * @param nowMs of a clock that does not go back
   */
  begin(nowMs: number): SpanContext | null {
    if (nowMs < this.#nextMs) return null;
    const { ratio, restMs } = this.#tracing;
    const root = this.#ids.trace(ratio);
    if (root !== null) this.#nextMs = nowMs + restMs;
    return root;
  }
}
