/**
 * W3C trace context, as records carry it in their headers
 * (https://www.w3.org/TR/trace-context/). Pure.
 */
import type { SpanContext } from "./spans.ts";

export const TRACEPARENT = "traceparent";
export const TRACESTATE = "tracestate";

/** What a `traceparent` says: whose child the next span is. */
export interface TraceContext extends SpanContext {
  /** Whether somebody keeps the trace; then spans of it are made. */
  readonly isSampled: boolean;
}

// Later versions may have more behind the flags.
const FORM =
  /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const SAMPLED = 1;

/** Null where the text is none that the specification allows. */
export function parseTraceparent(text: string): TraceContext | null {
  const match = FORM.exec(text);
  if (match === null) return null;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === "00" && rest !== undefined) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  const isSampled = (Number.parseInt(flags!, 16) & SAMPLED) !== 0;
  return { traceId: traceId!, spanId: spanId!, isSampled };
}

export const formatTraceparent = (
  { isSampled, spanId, traceId }: TraceContext,
): string => `00-${traceId}-${spanId}-${isSampled ? "01" : "00"}`;

/** Of a span that is made. */
export const traceparentOf = ({ spanId, traceId }: SpanContext): string =>
  formatTraceparent({ traceId, spanId, isSampled: true });
