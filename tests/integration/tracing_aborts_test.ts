/** What traces tell where a transaction is aborted and its work repeated. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { createInput, Job, jsonOf, topicsOf } from "../support/job.ts";
import {
  OtlpReceiver,
  type OtlpSpan,
  valuesOf,
} from "../support/otlp_receiver.ts";
import { expectTraceOf, traceHeader } from "../support/traced_records.ts";

const faulty = new URL("../support/processors/faulty.ts", import.meta.url);
const COUNT = 400;
const FAILED = 2;

clusterSteps("traces of aborted transactions", {}, {
  "what is repeated stays in its input's trace, where attempts that were void have failed":
    repeats,
});

async function repeats(
  { cluster, client, folder }: ClusterFixture,
): Promise<void> {
  const name = "traced-abort";
  const { input, output } = topicsOf(name);
  await createInput(cluster, client, { name, partitions: 2 });
  await using collector = new OtlpReceiver();
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: {
      ...collector.environment,
      FAULT: "throwLater",
      FAULT_AT: String(COUNT / 2),
      FAULT_MARK: `${folder}/${name}`,
      GUARANTEE: "exactly-once",
      PROCESSOR: faulty.pathname,
      WORKERS: "1",
    },
  });
  await client.produce(
    input,
    Array.from({ length: COUNT }, (_, id) => ({
      key: null,
      value: JSON.stringify({ event_id: id }),
      partition: id % 2,
      headers: [traceHeader(id)],
    })),
  );
  await job.consumed(COUNT);
  await job.stop();
  assert.equal(job.log("worker restarts").length, 1);

  const outputs = await client.readTopic(output, {
    isolation: "read_committed",
  });
  assert.equal(outputs.length, COUNT);
  const attempts = Map.groupBy(
    collector.spans.map(({ item }) => item)
      .filter(({ attributes }) =>
        "messaging.kafka.offset" in valuesOf(attributes)
      ),
    ({ traceId }) => traceId,
  );
  assert.equal(attempts.size, COUNT);
  for (const record of outputs) {
    const { event_id: id } = jsonOf<{ event_id: number }>(record);
    expectTraceOf(id, record, collector);
  }
  const repeated = [...attempts.values()].filter(({ length }) => length > 1);
  assert.ok(repeated.length > 0);
  for (const spans of attempts.values()) {
    const [last, ...earlier] = spans.toSorted(newestFirst);
    assert.notEqual(last!.status.code, FAILED);
    for (const { attributes, status } of earlier) {
      assert.equal(status.code, FAILED);
      assert.equal(valuesOf(attributes)["error.type"], "abandoned");
    }
  }
  // What has failed is not what committed outputs name.
  const named = new Set(
    outputs.map(({ headers }) =>
      headers.find((each) => each.name === "traceparent")!
    ).map(({ value }) => new TextDecoder().decode(value!).split("-")[2]),
  );
  for (const { spanId, status } of [...attempts.values()].flat()) {
    assert.equal(named.has(spanId), status.code !== FAILED);
  }
}

const newestFirst = (one: OtlpSpan, other: OtlpSpan) =>
  Number(BigInt(other.startTimeUnixNano) - BigInt(one.startTimeUnixNano));
