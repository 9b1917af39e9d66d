/** Every login that goes in comes out once, as it must, on real Kafka. */
import assert from "node:assert/strict";
import { IndependentClient } from "../support/independent_client.ts";
import { checkJob, indexed, type Inputs } from "../support/job_checker.ts";
import { cleanEnd, startJob } from "../support/job_process.ts";
import { withCluster } from "../support/kafka_cluster.ts";
import { loginKind, loginRecord } from "../support/login_fixture.ts";
import { realKafkaTest } from "../support/require_java.ts";

/** `TEST_MESSAGES=2000000` for the long form. */
const count = Number(Deno.env.get("TEST_MESSAGES") ?? 200_000);
const partitions = 8;
const deadlineMs = 60_000 + count / 5;
const topics = {
  input: "user-login",
  output: "user-login-processed",
  deadLetter: "user-login.dlq",
  group: "delivery",
};

realKafkaTest(
  `${count} logins come out once each, computed right and in order`,
  () =>
    withCluster(
      { optimizeFor: count > 500_000 ? "throughput" : "start" },
      async (cluster) => {
        await cluster.createTopic(topics.input, partitions);
        const brokers = cluster.bootstrapServers;
        await using client = await IndependentClient.connect(brokers);
        const inputs = logins(count);
        await client.produce(topics.input, indexed(inputs));

        await using job = startJob({
          brokers,
          args: ["--messages", String(count)],
          env: { GROUP_ID: topics.group },
        });
        const summary = await cleanEnd(job, deadlineMs);

        const found = await checkJob(client, inputs, topics);
        const { outputs, deadLetters } = found;
        assert.deepEqual(found.wrong, []);
        assert.deepEqual(
          [found.missing, found.repeated, found.outOfOrder],
          [0, 0, 0],
        );
        assert.equal(deadLetters, malformedOf(count));
        assert.equal(outputs, count - deadLetters);
        // The key decides the partition, for us as for every Java producer.
        assert.equal(found.elsewhere, 0);

        const { seconds, ...counted } = summary;
        assert.deepEqual(counted, {
          event: "summary",
          consumed: count,
          produced: outputs,
          deadLettered: deadLetters,
          skipped: 0,
        });
        assert.ok(seconds > 0);

        const ends = await client.watermarks(topics.input);
        const committed = await client.committedOffsets(
          topics.group,
          topics.input,
        );
        assert.deepEqual(
          committed.map((each) => each?.offset),
          ends.map(({ high }) => high),
        );
        assert.equal(ends.length, partitions);
        assert.ok(ends.every(({ high }) => high > 0));
        // They did not exist before.
        for (const topic of [topics.output, topics.deadLetter]) {
          assert.equal(await client.partitionCount(topic), partitions);
        }
      },
    ),
);

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
