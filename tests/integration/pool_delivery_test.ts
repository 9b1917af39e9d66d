/** Every login that goes in comes out once, as it must, on real Kafka. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { createInput, Job, patience, topicsOf } from "../support/job.ts";
import { checkJob, indexed, type Inputs } from "../support/job_checker.ts";
import { loginKind, loginRecord } from "../support/login_fixture.ts";
import { byPartition, sumIn } from "../support/metrics_page.ts";
import { isSoak, sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const count = sized(200_000, 2_000_000);
const partitions = 8;
const deadlineMs = 60_000 + count / 5;
const name = "delivery";
const topics = topicsOf(name);
const unending = new URL(
  "../support/processors/unending.ts",
  import.meta.url,
).pathname;

clusterSteps(
  `${count} logins`,
  { optimizeFor: isSoak ? "throughput" : "start" },
  {
    "come out once each, computed right and in order": delivers,
    "are counted in the metrics as the topics say, once all are done": counts,
    "wait as long and as many in the metrics as in the topics": waits,
  },
);

async function delivers({ cluster, client }: ClusterFixture): Promise<void> {
  await createInput(cluster, client, { name, partitions });
  const inputs = logins(count);
  await client.produce(topics.input, indexed(inputs));

  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(count)],
    env: patience,
  });
  const summary = await job.done(deadlineMs);

  const found = await checkJob(client, inputs, topics);
  const deadLettered = malformedOf(count);
  assert.deepEqual(found, {
    ...found,
    outputs: count - deadLettered,
    deadLetters: deadLettered,
    missing: 0,
    repeated: 0,
    outOfOrder: 0,
    // The key decides the partition, for us as for every Java producer.
    elsewhere: 0,
    withoutValue: 0,
    wrong: [],
  });
  assert.deepEqual(summary, {
    event: "summary",
    consumed: count,
    produced: count - deadLettered,
    deadLettered,
    skipped: 0,
    seconds: summary.seconds,
  });
  assert.ok(summary.seconds > 0);

  const ends = await client.watermarks(topics.input);
  const committed = await client.committedOffsets(topics.group, topics.input);
  assert.equal(ends.length, partitions);
  assert.ok(ends.every(({ high }) => high > 0));
  assert.deepEqual(
    committed.map((each) => each?.offset),
    ends.map(({ high }) => high),
  );
  // They did not exist before.
  for (const topic of [topics.output, topics.deadLetter]) {
    assert.equal(await client.partitionCount(topic), partitions);
  }
}

const options = { seed: 21, malformedShare: 0.02 };

function logins(count: number): Inputs {
  const startMs = Date.now();
  return {
    count,
    record: (index) => ({
      ...loginRecord(index, options),
      timestampMs: startMs + index % 1000,
      headers: [{ name: "trace", value: null }, { name: "trace", value: "t" }],
    }),
  };
}

function malformedOf(count: number): number {
  let malformed = 0;
  for (let index = 0; index < count; index++) {
    if (loginKind(index, options) !== "valid") malformed++;
  }
  return malformed;
}

/** Among them malformed ones. */
const few = 5_000;

async function counts({ cluster, client }: ClusterFixture): Promise<void> {
  const name = "counted";
  const { deadLetter, group, input, output } = topicsOf(name);
  await createInput(cluster, client, { name, partitions });
  await client.produce(input, indexed(logins(few)));
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: { ...patience, GUARANTEE: "exactly-once", COMMIT_INTERVAL_MS: "50" },
  });
  await job.consumed(few);
  const { text: page } = await job.get("/metrics");

  const total = (record: string) =>
    sumIn(page, `switchyard_records_${record}_total`);
  const inTopic = async (topic: string) =>
    (await client.readTopic(topic)).length;
  assert.equal(total("consumed"), few);
  assert.equal(total("produced"), await inTopic(output));
  assert.equal(total("dead_lettered"), await inTopic(deadLetter));
  const committed = await client.committedOffsets(group, input);
  assert.deepEqual(
    byPartition(page, "kafka_consumergroup_group_offset"),
    committed.map((each) => each!.offset),
  );
  const marks = await client.watermarks(input);
  assert.deepEqual(
    byPartition(page, "kafka_partition_latest_offset"),
    marks.map(({ high }) => high),
  );
  assert.equal(sumIn(page, "kafka_consumergroup_group_lag"), 0);
  assert.equal(sumIn(page, "kafka_consumergroup_group_lag_seconds"), 0);
  assert.ok(
    sumIn(page, "switchyard_transactions_total", { outcome: "committed" }) > 0,
  );
  await job.stop();
}

/** Nothing of them is ever done. */
async function waits({ cluster, client }: ClusterFixture): Promise<void> {
  const name = "waiting";
  const { input } = topicsOf(name);
  await createInput(cluster, client, { name, partitions });
  await client.produce(input, indexed(logins(few)));
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: { PROCESSOR: unending, DRAIN_MS: "100" },
  });
  const marks = await client.watermarks(input);
  await eventually(async () => {
    const { text: page } = await job.get("/metrics");
    assert.deepEqual(
      byPartition(page, "kafka_consumergroup_group_lag"),
      marks.map(({ high }) => high),
    );
    const seconds = byPartition(page, "kafka_consumergroup_group_lag_seconds");
    return seconds.length === partitions && seconds.every((each) => each > 0);
  }, { what: "late in every partition" });
}
