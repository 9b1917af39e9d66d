/** Connected traces, from the generator through the pool to who reads. */
import assert from "node:assert/strict";
import { LoginSource } from "../../src/embedded/login_source.ts";
import { MockCluster, type ReadHeader } from "../../src/kafka/mod.ts";
import type { Span } from "../../src/telemetry/spans.ts";
import {
  parseTraceparent,
  type TraceContext,
} from "../../src/telemetry/trace_context.ts";
import {
  library,
  Member,
  produce,
  type Received,
  text,
} from "../support/embedded.ts";
import { topicsOf } from "../support/job.ts";
import { delayTopicOf, PoolRun } from "../support/pool_run.ts";
import { eventually } from "../support/wait.ts";

const LOGINS = new URL(
  "../../workers/processors/user_login.ts",
  import.meta.url,
);
const COUNTED = new URL("../support/processors/counted.ts", import.meta.url);
const GUARANTEES = ["at-least-once", "exactly-once"] as const;
const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SENDER = "b7ad6b7169203331";

/** A cluster with the topics of a job, one partition each. */
function embedded(name: string): MockCluster {
  const { input, output, deadLetter } = topicsOf(name);
  const cluster = new MockCluster(library, 1);
  for (const topic of [input, output, deadLetter, delayTopicOf(name)]) {
    cluster.createTopic(topic, 1);
  }
  return cluster;
}

async function read(
  brokers: string,
  topics: readonly string[],
  count: number,
): Promise<readonly Received[]> {
  await using member = new Member(brokers, { "group.id": "reader" });
  member.consumer.subscribe(topics);
  await member.until(() => member.received.length >= count, "read");
  return member.received;
}

const headerOf =
  ({ headers }: { readonly headers: readonly ReadHeader[] }) =>
  (name: string): string | null =>
    text(headers.findLast(({ key }) => key === name)?.value ?? null);

const contextOf = (record: Received): TraceContext => {
  const context = parseTraceparent(headerOf(record)("traceparent") ?? "");
  assert.ok(context !== null);
  return context;
};

const byId = (spans: readonly Span[]) =>
  new Map(spans.map((each) => [each.spanId, each]));

for (const guarantee of GUARANTEES) {
  Deno.test(`a login's trace goes from the generator through the pool to its readers, ${guarantee}`, async () => {
    const name = `traced-${guarantee}`;
    const { input, output, group } = topicsOf(name);
    await using cluster = embedded(name);
    const brokers = cluster.bootstrapServers;
    await using run = new PoolRun({
      brokers,
      name,
      processor: LOGINS,
      guarantee,
      coordinates: null,
      done: null,
      tracing: { ratio: 1, restMs: 0, isPropagated: true },
    });
    const sent: Span[] = [];
    await using source = new LoginSource(library, {
      bootstrapServers: brokers,
      topic: input,
      stream: {
        seed: 1,
        malformed: 0,
        startSeconds: 1_700_000_000,
        perSecond: 100,
      },
      rate: 10_000,
      limit: 50,
      settled: () => run.pool.settledOffsets,
      tracing: { ratio: 1, restMs: 0, isPropagated: true },
      onSpans: (spans) => sent.push(...spans),
    });
    await run.pool.start();
    await source.run(AbortSignal.timeout(30_000));
    await eventually(() => run.pool.status().totals.consumed === 50, {
      what: "consumed",
    });
    assert.equal(await run.pool.drain(10_000), true);

    const senders = byId(sent);
    assert.equal(senders.size, 50);
    for (const { kind, name } of sent) {
      assert.deepEqual([kind, name], ["producer", `send ${input}`]);
    }
    const processed = byId(run.spans);
    const outputs = await read(brokers, [output], 50);
    const traces = outputs.map((record) => {
      const { isSampled, spanId, traceId } = contextOf(record);
      const process = processed.get(spanId)!;
      const sender = senders.get(process.parentSpanId!)!;
      assert.ok(isSampled);
      assert.deepEqual([process.traceId, sender.traceId], [traceId, traceId]);
      assert.equal(process.name, `process ${input}`);
      assert.equal(
        typeof process.attributes["messaging.kafka.offset"],
        "number",
      );
      return traceId;
    });
    assert.equal(new Set(traces).size, 50);

    // Each batch is a trace of its own, with links to what came in it.
    const batches = run.spans.filter(({ links }) => links.length > 0)
      .filter(({ name }) => name.startsWith("process "));
    const linked = batches.flatMap(({ links }) => links);
    assert.deepEqual(
      linked.map(({ spanId }) => spanId).toSorted(),
      [...senders.keys()].sort(),
    );
    for (const batch of batches) {
      const poll = processed.get(batch.parentSpanId!)!;
      assert.equal(poll.name, `poll ${input}`);
      assert.equal(poll.parentSpanId, null);
      const children = run.spans.filter(({ parentSpanId }) =>
        parentSpanId === batch.spanId
      );
      const names = children.map(({ name }) => name);
      assert.ok(names.includes(`send ${output}`), names.join());
    }
    // A commit is in one batch's trace, and linked to those of the others.
    const commits = run.spans.filter(({ name }) => name === `commit ${input}`);
    const committed = commits.flatMap(({ links, parentSpanId }) => [
      ...links.map(({ spanId }) => spanId),
      parentSpanId,
    ]);
    assert.deepEqual(
      committed.toSorted(),
      batches.map(({ spanId }) => spanId).toSorted(),
    );
    for (const { attributes } of commits) {
      assert.equal(attributes["messaging.operation.type"], "settle");
      assert.equal(attributes["messaging.consumer.group.name"], group);
      assert.equal(
        attributes["switchyard.transaction"] ?? false,
        guarantee === "exactly-once",
      );
    }
    const rebalances = run.spans.map(({ name }) => name)
      .filter((name) => name === "rebalance assign");
    assert.ok(rebalances.length > 0);
    // Nothing of a record is in a span.
    assert.doesNotMatch(JSON.stringify(run.spans), /user_id|device/);
  });
}

Deno.test("a trace goes on through delay topics to results and dead letters, and what nobody keeps passes as it came", async () => {
  const name = "traced-retries";
  const { input, output, deadLetter } = topicsOf(name);
  await using cluster = embedded(name);
  const brokers = cluster.bootstrapServers;
  const login = (id: number, failures: number, flags?: string) => ({
    topic: input,
    value: JSON.stringify({ id, outputs: 1, failures }),
    ...flags === undefined ? {} : {
      headers: [
        { key: "traceparent", value: `00-${TRACE}-${SENDER}-${flags}` },
        { key: "tracestate", value: "vendor=1" },
      ],
    },
  });
  await produce(brokers, [
    login(0, 1, "01"),
    login(1, 2, "01"),
    login(2, 1, "00"),
    login(3, 0),
  ]);
  await using run = new PoolRun({
    brokers,
    name,
    processor: COUNTED,
    guarantee: "exactly-once",
    coordinates: null,
    done: null,
    tracing: { ratio: 0, restMs: 0, isPropagated: true },
  });
  await run.pool.start();
  await eventually(() => run.pool.status().totals.consumed === 4, {
    what: "consumed",
  });
  assert.equal(await run.pool.drain(10_000), true);

  const records = await read(brokers, [output, deadLetter], 4);
  const found = new Map(records.map((record) => {
    const { id } = JSON.parse(text(record.value)!);
    return [id as number, record];
  }));
  const spans = byId(run.spans);
  // Only what records bring is traced.
  assert.equal(spans.size, 4);
  const topics = { 0: output, 1: deadLetter };
  for (const [id, topic] of Object.entries(topics)) {
    const record = found.get(Number(id))!;
    assert.equal(record.topic, topic);
    assert.equal(headerOf(record)("tracestate"), "vendor=1");
    const last = spans.get(contextOf(record).spanId)!;
    const first = spans.get(last.parentSpanId!)!;
    assert.deepEqual(
      [first.name, first.parentSpanId, first.error],
      [`process ${input}`, SENDER, "Error"],
    );
    assert.equal(last.name, `process ${delayTopicOf(name)}`);
    assert.equal(last.error, id === "0" ? null : "Error");
    assert.deepEqual([first.traceId, last.traceId], [TRACE, TRACE]);
  }
  const passed = headerOf(found.get(2)!);
  assert.equal(passed("traceparent"), `00-${TRACE}-${SENDER}-00`);
  assert.equal(passed("tracestate"), "vendor=1");
  assert.equal(headerOf(found.get(3)!)("traceparent"), null);
});

Deno.test("what a commit that failed was to make count has failed in the traces, and goes on in them when it is repeated", async () => {
  const name = "traced-commit";
  const { input, output } = topicsOf(name);
  await using cluster = embedded(name);
  const brokers = cluster.bootstrapServers;
  await produce(brokers, [{
    topic: input,
    value: JSON.stringify({ id: 0, outputs: 1, failures: 0 }),
    headers: [{ key: "traceparent", value: `00-${TRACE}-${SENDER}-01` }],
  }]);
  let asked = 0;
  await using run = new PoolRun({
    brokers,
    name,
    processor: COUNTED,
    guarantee: "exactly-once",
    coordinates: null,
    done: null,
    tracing: { ratio: 1, restMs: 0, isPropagated: true },
    mayCommit: () => asked++ > 0,
  });
  await run.pool.start();
  await eventually(() => run.pool.status().totals.consumed === 1, {
    what: "consumed",
  });
  assert.equal(await run.pool.drain(10_000), true);

  const errorsOf = (name: string) =>
    run.spans.filter((each) => each.name === name)
      .toSorted((one, other) => one.startMs - other.startMs)
      .map(({ error, traceId }) => [traceId === TRACE, error]);
  assert.deepEqual(
    errorsOf(`process ${input}`).filter(([isRecord]) => isRecord),
    [[true, "abandoned"], [true, null]],
  );
  for (const span of [`process ${input}`, `send ${output}`]) {
    const ofBatches = errorsOf(span).filter(([isRecord]) => !isRecord);
    assert.deepEqual(ofBatches, [[false, "abandoned"], [false, null]]);
  }
  assert.deepEqual(
    errorsOf(`commit ${input}`).map(([, error]) => error === null),
    [false, true],
  );
  // Here what was aborted is seen as well.
  const records = await read(brokers, [output], 2);
  const spans = byId(run.spans);
  const attempts = records.map((record) =>
    spans.get(contextOf(record).spanId)!
  );
  assert.deepEqual(
    attempts.map(({ error, parentSpanId, traceId }) => [
      traceId,
      parentSpanId,
      error,
    ]),
    [[TRACE, SENDER, "abandoned"], [TRACE, SENDER, null]],
  );
});

Deno.test("without tracing nothing is traced, and headers pass by hand alone", async () => {
  const name = "untraced";
  const { input, output } = topicsOf(name);
  await using cluster = embedded(name);
  const brokers = cluster.bootstrapServers;
  const traceparent = `00-${TRACE}-${SENDER}-01`;
  await produce(brokers, [{
    topic: input,
    value: JSON.stringify({ id: 0, outputs: 1, failures: 0 }),
    headers: [{ key: "traceparent", value: traceparent }],
  }]);
  await using run = new PoolRun({
    brokers,
    name,
    processor: COUNTED,
    guarantee: "at-least-once",
    coordinates: null,
    done: null,
  });
  await run.pool.start();
  const [record] = await read(brokers, [output], 1);
  assert.equal(headerOf(record!)("traceparent"), traceparent);
  assert.equal(await run.pool.drain(10_000), true);
  assert.deepEqual(run.spans, []);
});
