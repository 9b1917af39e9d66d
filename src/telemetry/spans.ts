/**
 * Spans as plain data, so that worker threads can make them and the core need
 * not know who takes them: `null` where nobody does.
 *
 *     worker ──message──> coordinator ──> SpanSink ──> src/telemetry/otel
 */

/** Which traces are made; null in its place: none is. */
export interface Tracing {
  /**
   * Of what has no trace yet, the share that gets one, 0 to 1. What comes with a
   * trace is in it as far as whoever began it wants that.
   */
  readonly ratio: number;
  /** Between two that one thread begins, in ms; 0: none. */
  readonly restMs: number;
  /** Whether traces are taken from records, and put into them. */
  readonly isPropagated: boolean;
}

/** Names a span in its trace; hexadecimal as W3C writes them. */
export interface SpanContext {
  /** 32 digits. */
  readonly traceId: string;
  /** 16 digits. */
  readonly spanId: string;
}

export type SpanKind = "internal" | "client" | "producer" | "consumer";

export type SpanAttributes = Readonly<
  Record<string, string | number | boolean>
>;

/** A span that has ended; only sampled ones are made. */
export interface Span extends SpanContext {
  /** Null: it is the root of its trace. */
  readonly parentSpanId: string | null;
  /** `{operation} {destination}` of messages. */
  readonly name: string;
  readonly kind: SpanKind;
  /** Both in ms since the epoch, with fractions. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: SpanAttributes;
  readonly links: readonly SpanContext[];
  /** Why it failed; null: it did not. */
  readonly error: string | null;
}

/** Why work failed that whoever was to do it has not seen through. */
export const ABANDONED = "abandoned";

/** What seemed to be well has come to nothing; a failure stays what it was. */
export const abandoned = (span: Span): Span =>
  span.error !== null ? span : {
    ...span,
    attributes: { ...span.attributes, "error.type": ABANDONED },
    error: ABANDONED,
  };

export type SpanSink = (spans: readonly Span[]) => void;
