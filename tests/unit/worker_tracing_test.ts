import assert from "node:assert/strict";
import type { OutputRecord, ReadHeader } from "../../src/kafka/mod.ts";
import { WorkerPage } from "../../src/pool/page.ts";
import type { FromWorker } from "../../src/pool/protocol.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { SpanIds } from "../../src/telemetry/span_ids.ts";
import type { Span } from "../../src/telemetry/spans.ts";
import {
  type Context,
  type Output,
  type Processor,
  RejectError,
  type Trace,
} from "../../workers/processor.ts";
import { WorkerTracing } from "../../workers/worker_tracing.ts";
import { eventually } from "../support/wait.ts";
import { acknowledged, DELAY_TOPIC } from "./support_sinks.ts";
import { streamInto, type StreamOptions } from "./support_stream.ts";
import { type FakeRecord, TOPIC } from "./support_worker_fakes.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SENDER = "b7ad6b7169203331";
const SAMPLED = `00-${TRACE}-${SENDER}-01`;
const UNSAMPLED = `00-${TRACE}-${SENDER}-00`;

const header = (key: string, text: string): ReadHeader => ({
  key,
  value: new TextEncoder().encode(text),
});

const record = (offset: number, ...headers: ReadHeader[]): FakeRecord => ({
  lane: 0,
  offset,
  headers,
});
const traced = (offset: number, text = SAMPLED) =>
  record(offset, header("traceparent", text));

const NOTHING = { dropped: 0, spans: [] };

/** A worker whose batches are traced by this ratio. */
function tracing(
  processor: Processor,
  ratio: number,
  options: StreamOptions = {},
  isTransactional = false,
  isPropagated = true,
) {
  const posts: FromWorker[] = [];
  const tracing = new WorkerTracing({
    ratio,
    restMs: 0,
    isPropagated,
    groupId: "group",
    isTransactional,
    post: (message) => posts.push(message),
    ids: new SpanIds(Uint32Array.of(1, 2, 3, 4)),
  });
  const { outbox, settlement, sink, view } = acknowledged();
  const page = new WorkerPage(view.memory);
  const rest = streamInto(
    processor,
    { page, settlement, sink },
    { ...options, tracing },
  );
  /** All that was posted, when nothing more comes. */
  const posted = () => {
    tracing.publish(true);
    return posts.flatMap((each) => each.kind === "spans" ? [each] : []);
  };
  const spans = (): Span[] => posted().flatMap((each) => each.spans);
  /** What has gone out, acknowledged. */
  const sent = (): OutputRecord[] => {
    sink.flush();
    const records = outbox.sent.map((each) => each.record);
    outbox.report();
    return records;
  };
  return { ...rest, posted, sent, settlement, spans, tracing };
}

const echo = {
  process: ({ text }: { text: string | null }): Output => ({ value: text }),
};

const headersOf = (record: OutputRecord) =>
  Object.fromEntries((record.headers ?? []).map(({ key, value }) => [
    key,
    value instanceof Uint8Array ? new TextDecoder().decode(value) : value,
  ]));

const named = (spans: readonly Span[], name: string) =>
  spans.filter((each) => each.name === name);

Deno.test("a batch that is sampled is one trace: polled, processed, sent", () => {
  const worker = tracing(echo, 1);
  worker.handle([record(0), record(1)]);
  assert.equal(worker.sent().length, 2);
  const spans = worker.spans();
  assert.deepEqual(spans.map(({ kind, name }) => [name, kind]), [
    ["poll in", "client"],
    ["process in", "consumer"],
    ["send out", "producer"],
  ]);
  const [poll, process, send] = spans;
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.deepEqual(
    spans.map(({ parentSpanId }) => parentSpanId),
    [null, poll!.spanId, process!.spanId],
  );
  assert.deepEqual(process!.attributes, {
    "messaging.system": "kafka",
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": "group",
    "messaging.destination.name": TOPIC,
    "messaging.destination.partition.id": "0",
    "messaging.batch.message_count": 2,
  });
  assert.equal(poll!.attributes["messaging.operation.type"], "receive");
  assert.equal(send!.attributes["messaging.batch.message_count"], 2);
  for (const { endMs, error, startMs } of spans) {
    assert.ok(endMs >= startMs);
    assert.equal(error, null);
  }
  // What the commit belongs to, once.
  const { spanId, traceId } = process!;
  assert.deepEqual(worker.tracing.takeSettled(), {
    traces: [{ traceId, spanId }],
  });
  assert.deepEqual(worker.tracing.takeSettled(), {});
});

Deno.test("a batch that is not sampled, of records without contexts, leaves no trace", () => {
  const worker = tracing(echo, 0);
  const ticket = worker.handle([record(0), traced(1, "no context")]);
  assert.equal(ticket.trace, null);
  const [first, second] = worker.sent();
  assert.deepEqual([first!.headers, second!.headers], [undefined, undefined]);
  assert.deepEqual(worker.posted(), []);
  assert.deepEqual(worker.tracing.takeSettled(), {});
});

Deno.test("a record goes on in its own trace, and so does its output", () => {
  const seen: (Trace | null)[] = [];
  const worker = tracing({
    process: ({ text }, { trace }) => {
      seen.push(trace);
      return { value: text, headers: [{ key: "own", value: "1" }] };
    },
  }, 0);
  worker.handle([
    record(
      7,
      header("traceparent", SAMPLED),
      header("tracestate", "vendor=1"),
    ),
  ]);
  const [output] = worker.sent();
  const [span] = worker.spans();
  assert.equal(span!.name, "process in");
  assert.equal(span!.traceId, TRACE);
  assert.equal(span!.parentSpanId, SENDER);
  assert.equal(span!.attributes["messaging.kafka.offset"], 7);
  const traceparent = `00-${TRACE}-${span!.spanId}-01`;
  assert.deepEqual(headersOf(output!), {
    own: "1",
    traceparent,
    tracestate: "vendor=1",
  });
  const [trace] = seen;
  assert.deepEqual(
    [trace?.traceId, trace?.spanId, trace?.traceparent],
    [TRACE, span!.spanId, traceparent],
  );
});

Deno.test("without propagation a record's trace is neither taken nor passed on", () => {
  const worker = tracing(echo, 0, {}, false, false);
  worker.handle([traced(0)]);
  assert.deepEqual(headersOf(worker.sent()[0]!), {});
  assert.deepEqual(worker.spans(), []);
});

Deno.test("a trace that nobody keeps is passed on as it came, without a span", () => {
  const worker = tracing(echo, 0);
  worker.handle([traced(0, UNSAMPLED)]);
  assert.deepEqual(headersOf(worker.sent()[0]!), { traceparent: UNSAMPLED });
  assert.deepEqual(worker.spans(), []);
});

Deno.test("a record without a context has an output without one, in a sampled batch too", () => {
  const worker = tracing(echo, 1);
  worker.handle([record(0), traced(1)]);
  const [without, within] = worker.sent();
  assert.equal(without!.headers, undefined);
  assert.match(headersOf(within!)["traceparent"]!, new RegExp(`^00-${TRACE}`));
});

Deno.test("what a processor says of a trace stays, and the input's header passed on is not that", () => {
  const own = `00-${"1".repeat(32)}-${"2".repeat(16)}-01`;
  const worker = tracing({
    process: ({ headers, text }) => [
      { value: text, headers: [{ key: "traceparent", value: own }] },
      { value: text, headers },
    ],
  }, 0);
  worker.handle([traced(0)]);
  const [first, second] = worker.sent();
  const [span] = worker.spans();
  assert.equal(headersOf(first!)["traceparent"], own);
  assert.deepEqual(second!.headers?.map(({ key, value }) => [key, value]), [
    ["traceparent", `00-${TRACE}-${span!.spanId}-01`],
  ]);
});

Deno.test("each attempt is a span in the trace, and the dead letter names the last one", async () => {
  const worker = tracing(
    {
      process() {
        throw new TypeError("secret payload");
      },
    },
    0,
    { retry: { attempts: 3, backoffMs: 0 } },
  );
  worker.handle([traced(0)]);
  const letters = await eventually(() => {
    const sent = worker.sent();
    return sent.length > 0 ? sent : null;
  }, { what: "given up", everyMs: 1 });
  const spans = worker.spans();
  assert.equal(spans.length, 3);
  for (const { error, parentSpanId, traceId } of spans) {
    assert.deepEqual([error, parentSpanId, traceId], [
      "TypeError",
      SENDER,
      TRACE,
    ]);
  }
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, 3);
  assert.equal(
    headersOf(letters[0]!)["traceparent"],
    `00-${TRACE}-${spans[2]!.spanId}-01`,
  );
  assert.doesNotMatch(JSON.stringify(spans), /secret/);
});

Deno.test("a record that waits in a delay topic takes its trace with it", () => {
  const worker = tracing(
    {
      process() {
        throw new Error("later");
      },
    },
    0,
    {
      retry: {
        attempts: 2,
        backoffMs: 1000,
        inPlaceMs: 0,
      },
      delayTopics: [{ topic: DELAY_TOPIC, delayMs: 1000 }],
    },
  );
  worker.handle([traced(0)]);
  const [postponed] = worker.sent();
  const [span] = worker.spans();
  assert.equal(postponed!.topic, DELAY_TOPIC);
  assert.equal(
    headersOf(postponed!)["traceparent"],
    `00-${TRACE}-${span!.spanId}-01`,
  );
  // The first of ours still stands behind those that it came with.
  assert.equal(postponed!.headers?.[0]?.key, "traceparent");
});

Deno.test("the process span is linked to the sampled contexts of its records, to 128 at the most", () => {
  const worker = tracing(echo, 1);
  const spanIdOf = (each: number) => (each + 1).toString(16).padStart(16, "0");
  worker.handle([
    // Nobody has made its span.
    traced(0, UNSAMPLED),
    ...Array.from(
      { length: 200 },
      (_, each) => traced(each + 1, `00-${TRACE}-${spanIdOf(each)}-01`),
    ),
  ]);
  worker.sent();
  const spans = worker.spans();
  const [process] = spans.filter(({ links }) => links.length > 0);
  assert.equal(process!.links.length, 128);
  assert.deepEqual(process!.links[0], { traceId: TRACE, spanId: spanIdOf(0) });
  assert.equal(process!.attributes["messaging.batch.message_count"], 201);
});

Deno.test("a batch with several topics and partitions names none", () => {
  const worker = tracing(echo, 1);
  worker.handle([record(0), { lane: 1, offset: 0 }]);
  const [poll] = worker.spans();
  assert.equal(poll!.name, "poll in");
  assert.equal(
    poll!.attributes["messaging.destination.partition.id"],
    undefined,
  );
  worker.handle([record(1), { topic: "other", lane: 1, offset: 1 }]);
  const names = worker.spans().map(({ name }) => name);
  assert.ok(names.includes("poll"), names.join());
});

Deno.test("a batch processor is told the trace of its batch, and its records keep theirs", () => {
  const contexts: Context[] = [];
  const worker = tracing({
    processBatch(batch, output, context) {
      contexts.push(context);
      for (let index = 0; index < batch.count; index++) {
        if (index === 2) output.reject(index, "no");
        else output.emit(index, { value: batch.text(index) });
      }
    },
  }, 1);
  worker.handle([record(0), traced(1), traced(2)]);
  const [without, within, letter] = worker.sent();
  const spans = worker.spans();
  const process = spans.find(({ links }) => links.length > 0)!;
  const { spanId, traceId } = process;
  assert.deepEqual(contexts[0]!.trace, {
    traceId,
    spanId,
    traceparent: `00-${traceId}-${spanId}-01`,
  });
  const own = spans.filter(({ traceId }) => traceId === TRACE);
  assert.deepEqual(own.map(({ error }) => error), ["RejectError", null]);
  assert.equal(without!.headers, undefined);
  for (const [output, span] of [[within, own[1]], [letter, own[0]]] as const) {
    assert.equal(
      headersOf(output!)["traceparent"],
      `00-${TRACE}-${span!.spanId}-01`,
    );
  }
});

Deno.test("the log lines of a record in a trace name it, and no others", () => {
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const worker = tracing(
    { process: ({ offset }, { log }) => log.info("it", { offset }) },
    0,
    { log },
  );
  worker.handle([record(0), traced(1), traced(2, UNSAMPLED)]);
  const [span] = worker.spans();
  // A processor's own fields stand apart.
  assert.deepEqual(lines.map(({ fields }) => fields), [
    { processor: { offset: 0 } },
    { processor: { offset: 1 }, trace_id: TRACE, span_id: span!.spanId },
    { processor: { offset: 2 }, trace_id: TRACE },
  ]);
});

Deno.test("records with more spans than may wait pass their traces on as they came, and that is counted", () => {
  const worker = tracing(echo, 1);
  worker.handle(Array.from({ length: 2000 }, (_, each) => traced(each)));
  const sent = worker.sent();
  const [{ dropped, spans } = NOTHING] = worker.posted();
  const own = spans.filter(({ traceId }) => traceId === TRACE);
  assert.equal(own.length + dropped, 2000);
  assert.ok(own.length > 0 && dropped > 0);
  assert.equal(headersOf(sent[1999]!)["traceparent"], SAMPLED);
  // Batches are few, and have room.
  assert.equal(named(spans, "send out").length, 1);
});

Deno.test("what a worker leaves undone ends as abandoned", async () => {
  const handler = Promise.withResolvers<void>();
  const worker = tracing({ process: () => handler.promise }, 1);
  worker.handle([traced(0)]);
  assert.deepEqual(named(worker.spans(), "process in"), []);
  worker.kind.abort();
  worker.settlement.abandon();
  const left = worker.spans().filter(({ error }) => error !== null);
  assert.deepEqual(
    left.map(({ attributes, error }) => [error, attributes["error.type"]]),
    [["abandoned", "abandoned"], ["abandoned", "abandoned"]],
  );
  // Its time-out ends with it.
  handler.resolve();
  await new Promise((resolve) => setTimeout(resolve));
});

Deno.test("with transactions spans go with the commit of their batch, but for those of polls", () => {
  const worker = tracing(echo, 1, {}, true);
  worker.handle([traced(0)]);
  worker.sent();
  // Not settled in time for the commit.
  worker.handle([traced(1)]);
  const committed = () => {
    const { spans = [], traces } = worker.tracing.takeTransaction();
    assert.ok(spans.every(({ error }) => error === null));
    const [process] = spans.filter(({ links }) => links.length > 0);
    const { spanId, traceId } = process!;
    assert.deepEqual(traces, [{ spanId, traceId }]);
    return spans.map(({ attributes, name }) => [
      name,
      attributes["messaging.kafka.offset"],
    ]);
  };
  const of = (offset: number) => [
    ["process in", offset],
    ["process in", undefined],
    ["send out", undefined],
  ];
  assert.deepEqual(committed(), of(0));
  worker.sent();
  assert.deepEqual(committed(), of(1));
  assert.deepEqual(worker.tracing.takeTransaction(), {});
  const names = worker.spans().map(({ name }) => name);
  assert.deepEqual(names, ["poll in", "poll in"]);
});

Deno.test("what is not committed ends as abandoned, though it was settled, and failures stay what they were", () => {
  const worker = tracing(
    {
      process({ offset }) {
        if (offset === 0) throw new RejectError("no");
        return { value: "yes" };
      },
    },
    1,
    {},
    true,
  );
  worker.handle([traced(0), traced(1)]);
  worker.sent();
  worker.handle([traced(2)]);
  worker.settlement.abandon();
  worker.tracing.abandon();
  const spans = worker.spans();
  assert.deepEqual(
    spans.filter(({ traceId }) => traceId === TRACE)
      .map(({ attributes, error }) => [
        attributes["messaging.kafka.offset"],
        error,
        attributes["error.type"],
      ]),
    [
      [0, "RejectError", "RejectError"],
      [1, "abandoned", "abandoned"],
      [2, "abandoned", "abandoned"],
    ],
  );
  for (const { error, name } of spans) {
    assert.equal(error === null, name === "poll in", name);
  }
});

Deno.test("spans that wait for a commit take the room of others", () => {
  const worker = tracing(echo, 0, {}, true);
  const many = (first: number) =>
    Array.from({ length: 500 }, (_, index) => traced(first + index));
  const committed = () => {
    worker.sent();
    return worker.tracing.takeTransaction().spans?.length;
  };
  worker.handle(many(0));
  worker.handle(many(500));
  assert.equal(committed(), 768);
  worker.handle(many(1_000));
  assert.equal(committed(), 500);
});

Deno.test("a handler that rejects its record fails the record's span", () => {
  const worker = tracing({
    process() {
      throw new RejectError("no");
    },
  }, 0);
  worker.handle([traced(0)]);
  worker.sent();
  const [span] = worker.spans();
  assert.equal(span!.attributes["error.type"], "RejectError");
});
