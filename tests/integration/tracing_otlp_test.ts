/** What a collector gets of the traces of `start`, by OTLP. */
import assert from "node:assert/strict";
import { cleanEnd, logOf, startJob } from "../support/job_process.ts";
import {
  OtlpReceiver,
  type OtlpSpan,
  type ResourceOf,
  valuesOf,
} from "../support/otlp_receiver.ts";
import { Rotel, rotelTest } from "../support/rotel.ts";

const DEADLINE_MS = 60_000;
const LOGINS = 200;
/** As OTLP numbers them. */
const KIND = { client: 3, producer: 4, consumer: 5 } as const;

const WHAT = "each login's trace connected, and each batch's, with the names " +
  "of the conventions";

for (const protocol of ["grpc", "http/protobuf"] as const) {
  rotelTest(`a real collector gets ${WHAT}, by ${protocol}`, async () => {
    await using rotel = await Rotel.start();
    await run(rotel.environment(protocol));
    isConnected(await rotel.spans());
  });
}

Deno.test(`JSON tells ${WHAT}`, async () => {
  await using receiver = new OtlpReceiver();
  await run(receiver.environment);
  isConnected(receiver.spans);
});

async function run(env: Readonly<Record<string, string>>): Promise<void> {
  await using job = startJob({
    args: ["--messages", String(LOGINS)],
    env: { ...env, GROUP_ID: "traced" },
  });
  const { consumed } = await cleanEnd(job, DEADLINE_MS);
  assert.equal(consumed, LOGINS);
  assert.deepEqual(
    logOf(job).filter(({ message }) => message.includes("dropped")),
    [],
  );
}

function isConnected(received: readonly ResourceOf<OtlpSpan>[]): void {
  const spans = received.map(({ item }) => item);
  const byId = new Map(spans.map((each) => [each.spanId, each]));
  const named = (name: string) => spans.filter((each) => each.name === name);

  const senders = named("send user-login");
  assert.equal(senders.length, LOGINS);
  const processed = named("process user-login")
    .filter(({ attributes }) =>
      "messaging.kafka.offset" in valuesOf(attributes)
    );
  assert.deepEqual(
    processed.map(({ traceId }) => traceId).sort(),
    senders.map(({ traceId }) => traceId).sort(),
  );
  for (const each of processed) {
    const sender = byId.get(each.parentSpanId!)!;
    assert.equal(sender.traceId, each.traceId);
    assert.deepEqual([sender.kind, each.kind], [KIND.producer, KIND.consumer]);
    assert.ok(startOf(each) >= startOf(sender));
    const { ["messaging.kafka.offset"]: offset, ...rest } = valuesOf(
      each.attributes,
    );
    const { ["messaging.destination.partition.id"]: partition, ...others } =
      rest;
    assert.ok(Number.isInteger(offset) && /^\d+$/.test(String(partition)));
    const { ["error.type"]: error, ...plain } = others;
    assert.deepEqual(plain, {
      "messaging.system": "kafka",
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.destination.name": "user-login",
      "messaging.consumer.group.name": "traced",
    });
    // Some are malformed, and become dead letters.
    assert.equal(each.status.code ?? 0, error === undefined ? 0 : 2);
  }

  const batches = named("process user-login")
    .filter(({ links }) => (links ?? []).length > 0);
  assert.ok(batches.length > 0);
  for (const batch of batches) {
    const poll = byId.get(batch.parentSpanId!)!;
    assert.deepEqual(
      [poll.name, poll.kind, poll.traceId, poll.parentSpanId ?? ""],
      ["poll user-login", KIND.client, batch.traceId, ""],
    );
    for (const { spanId, traceId } of batch.links!) {
      assert.equal(byId.get(spanId)?.traceId, traceId);
    }
    const children = spans.filter(({ parentSpanId }) =>
      parentSpanId === batch.spanId
    );
    const sends = children.filter(({ name }) => name.startsWith("send"));
    assert.equal(sends.length, 1);
    assert.equal(sends[0]!.kind, KIND.producer);
  }
  const commits = named("commit user-login");
  assert.ok(commits.length > 0);
  const processIds = new Set(batches.map(({ spanId }) => spanId));
  for (const { kind, parentSpanId } of commits) {
    assert.equal(kind, KIND.client);
    assert.ok(processIds.has(parentSpanId!));
  }
  assert.ok(named("rebalance assign").length > 0);
  const services = received.map(({ resource }) => resource["service.name"]);
  assert.deepEqual([...new Set(services)], ["switchyard"]);
  assert.doesNotMatch(JSON.stringify(spans), /user_id|device_id/);
}

const startOf = ({ startTimeUnixNano }: OtlpSpan) => BigInt(startTimeUnixNano);
