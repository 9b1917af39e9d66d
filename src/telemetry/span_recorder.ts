/**
 * Makes spans around what is done, nested as the work is:
 *
 *     await recorded(spans, { name: "failover" }, (within) =>
 *       recorded(within, { name: "failover seal" }, () => seal()));
 *
 * Where `spans` is null nothing is made, down to the last step.
 */
import { SpanIds } from "./span_ids.ts";
import { TraceRoots } from "./trace_roots.ts";
import type {
  Span,
  SpanContext,
  SpanKind,
  SpanSink,
  Tracing,
} from "./spans.ts";

export interface SpanAbout extends Partial<Pick<Span, "attributes" | "links">> {
  readonly name: string;
  /** Default: `internal`. */
  readonly kind?: SpanKind;
  /** Default: that of the recorder, or none. */
  readonly parent?: SpanContext | null;
  /** Of a trace that begins here: only a share is kept, see `Tracing`. */
  readonly isFrequent?: boolean;
}

/** One that has ended, of which the times are known. */
export interface PastSpan extends SpanAbout {
  /** Both in ms since the epoch. */
  readonly startMs: number;
  readonly endMs: number;
  readonly error?: string | null;
}

export interface SpanRecorderOptions
  extends Partial<Omit<Tracing, "isPropagated">> {
  readonly sink: SpanSink;
  readonly ids?: SpanIds;
  /** Milliseconds since the epoch, with fractions. */
  readonly now?: () => number;
}

/** More precise than `Date.now`, and never going back. */
export const spanNow = (): number => performance.timeOrigin + performance.now();

export class SpanRecorder {
  readonly #parts: Required<SpanRecorderOptions>;
  readonly #parent: SpanContext | null;
  readonly #frequent: TraceRoots;

  constructor(
    { ids = new SpanIds(), now = spanNow, ratio = 1, restMs = 0, sink }:
      SpanRecorderOptions,
    parent: SpanContext | null = null,
  ) {
    this.#parts = { sink, ids, now, ratio, restMs };
    this.#frequent = new TraceRoots(this.#parts, ids);
    this.#parent = parent;
  }

  /** Of the span in which this records; null: traces begin here. */
  get context(): SpanContext | null {
    return this.#parent;
  }

  /** The span ends with `work`, which makes its own in what it is given. */
  async record<T>(
    about: SpanAbout,
    work: (within: SpanRecorder | null) => Promise<T>,
  ): Promise<T> {
    const { context, parent } = this.#begin(about);
    if (context === null) return await work(null);
    const startMs = this.#parts.now();
    let error: string | null = null;
    try {
      return await work(this.#within(context));
    } catch (thrown) {
      error = thrown instanceof Error ? thrown.message : String(thrown);
      throw thrown;
    } finally {
      this.#end(about, context, parent, {
        startMs,
        endMs: this.#parts.now(),
        error,
      });
    }
  }

  /**
   * Writes down a span that has ended.
   * @returns what records in it; null: its trace is not kept.
   */
  ended(past: PastSpan): SpanRecorder | null {
    const { context, parent } = this.#begin(past);
    if (context === null) return null;
    this.#end(past, context, parent, { error: null, ...past });
    return this.#within(context);
  }

  #within(context: SpanContext): SpanRecorder {
    return new SpanRecorder(this.#parts, context);
  }

  #begin({ isFrequent = false, parent = this.#parent }: SpanAbout): {
    readonly context: SpanContext | null;
    readonly parent: SpanContext | null;
  } {
    const { ids, now, ratio } = this.#parts;
    if (parent === null) {
      // What is rare is always kept, unless nothing is.
      const context = isFrequent
        ? this.#frequent.begin(now())
        : ids.trace(Math.ceil(ratio));
      return { context, parent };
    }
    const { traceId } = parent;
    return { context: { traceId, spanId: ids.spanId() }, parent };
  }

  #end(
    { attributes = {}, kind = "internal", links = [], name }: SpanAbout,
    context: SpanContext,
    parent: SpanContext | null,
    { endMs, error, startMs }: Pick<Span, "endMs" | "error" | "startMs">,
  ): void {
    this.#parts.sink([{
      ...context,
      parentSpanId: parent?.spanId ?? null,
      name,
      kind,
      startMs,
      endMs,
      attributes,
      links,
      error,
    }]);
  }
}

/** Where nobody takes spans the work is all that is done. */
export const recorded = <T>(
  spans: SpanRecorder | null | undefined,
  about: SpanAbout,
  work: (within: SpanRecorder | null) => Promise<T>,
): Promise<T> =>
  spans === null || spans === undefined
    ? work(null)
    : spans.record(about, work);
