/** Every login that goes in comes out once, as it must, on real Kafka. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { createInput, Job, topicsOf } from "../support/job.ts";
import { checkJob, indexed, type Inputs } from "../support/job_checker.ts";
import { loginKind, loginRecord } from "../support/login_fixture.ts";
import { isSoak, sized } from "../support/soak.ts";

const count = sized(200_000, 2_000_000);
const partitions = 8;
const deadlineMs = 60_000 + count / 5;
const name = "delivery";
const topics = topicsOf(name);

clusterSteps(
  `${count} logins`,
  { optimizeFor: isSoak ? "throughput" : "start" },
  { "come out once each, computed right and in order": delivers },
);

async function delivers({ cluster, client }: ClusterFixture): Promise<void> {
  await createInput(cluster, client, { name, partitions });
  const inputs = logins(count);
  await client.produce(topics.input, indexed(inputs));

  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(count)],
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
