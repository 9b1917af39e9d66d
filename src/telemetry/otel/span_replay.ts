/**
 * Makes the SDK's spans out of ours, which have ended already and have their
 * ids. Whether they are wanted was decided where they were made.
 */
import {
  ROOT_CONTEXT,
  type Sampler,
  SamplingDecision,
  type SpanContext as OtelSpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer,
} from "@opentelemetry/api";
import type { Span, SpanContext, SpanSink } from "../spans.ts";
import { hrTime } from "./metric_data.ts";

export const SAMPLED: Sampler = {
  shouldSample: () => ({ decision: SamplingDecision.RECORD_AND_SAMPLED }),
  toString: () => "sampled by Switchyard",
};

/** An id generator that hands out what it was given. */
export class GivenIds {
  #next: SpanContext = { traceId: "", spanId: "" };

  give(next: SpanContext): void {
    this.#next = next;
  }

  readonly generateTraceId = (): string => this.#next.traceId;
  readonly generateSpanId = (): string => this.#next.spanId;
}

/** @param ids what the provider of the tracer asks for ids */
export const spanReplay =
  (tracer: Tracer, ids: GivenIds): SpanSink => (spans) => {
    for (const span of spans) replay(tracer, ids, span);
  };

const KINDS: Readonly<Record<Span["kind"], SpanKind>> = {
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

function replay(tracer: Tracer, ids: GivenIds, span: Span): void {
  const { attributes, endMs, error, kind, links, name, parentSpanId, startMs } =
    span;
  const parent = parentSpanId === null ? ROOT_CONTEXT : trace.setSpanContext(
    ROOT_CONTEXT,
    sampled({ traceId: span.traceId, spanId: parentSpanId }),
  );
  ids.give(span);
  const replayed = tracer.startSpan(name, {
    kind: KINDS[kind],
    startTime: hrTime(startMs),
    attributes,
    links: links.map((each) => ({ context: sampled(each) })),
  }, parent);
  if (error !== null) {
    replayed.setStatus({ code: SpanStatusCode.ERROR, message: error });
  }
  replayed.end(hrTime(endMs));
}

const sampled = ({ spanId, traceId }: SpanContext): OtelSpanContext => ({
  traceId,
  spanId,
  traceFlags: TraceFlags.SAMPLED,
});
