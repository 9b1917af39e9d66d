/** Records that bring traces, and whether these go on in what comes of them. */
import assert from "node:assert/strict";
import {
  parseTraceparent,
  traceparentOf,
} from "../../src/telemetry/trace_context.ts";
import type { KafkaRecord } from "./independent_client.ts";
import type { OtlpReceiver } from "./otlp_receiver.ts";

const hex = (id: number, digits: number) =>
  (id + 1).toString(16).padStart(digits, "0");

const contextOf = (id: number) => ({
  traceId: hex(id, 32),
  spanId: hex(id, 16),
});

/** A header that begins the trace of this number. */
export const traceHeader = (id: number) => ({
  name: "traceparent",
  value: traceparentOf(contextOf(id)),
});

/**
 * The record came of the input with this number: up the spans that the collector
 * has got, from the record to the input.
 * @throws {AssertionError}
 */
export function expectTraceOf(
  id: number,
  { headers }: KafkaRecord,
  { spans }: OtlpReceiver,
): void {
  const said = headers.filter(({ name }) => name === "traceparent");
  assert.equal(said.length, 1);
  const text = new TextDecoder().decode(said[0]!.value!);
  const context = parseTraceparent(text);
  const input = contextOf(id);
  assert.equal(context?.traceId, input.traceId);
  let { spanId } = context;
  for (let attempts = 0; spanId !== input.spanId; attempts++) {
    const span = spans.find(({ item }) => item.spanId === spanId)?.item;
    assert.ok(span !== undefined && attempts < 10, `no span ${spanId}`);
    assert.match(span.name, /^process /);
    assert.equal(span.traceId, input.traceId);
    spanId = span.parentSpanId!;
  }
  assert.notEqual(context.spanId, input.spanId);
}
