/** Records that nobody should send, on real Kafka. */
import assert from "node:assert/strict";
import { fuzzInputs } from "../support/fuzz_records.ts";
import { IndependentClient } from "../support/independent_client.ts";
import {
  checkJob,
  committedTotal,
  indexed,
  type JobTopics,
} from "../support/job_checker.ts";
import { cleanEnd, startJob } from "../support/job_process.ts";
import { withCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

/** `TEST_FUZZ_RECORDS=1000000` for the long form, `TEST_SEED` for others. */
const count = Number(Deno.env.get("TEST_FUZZ_RECORDS") ?? 50_000);
const seed = Number(Deno.env.get("TEST_SEED") ?? 1);
const deadlineMs = 60_000 + count / 2;
/** The documented budget: 256 MiB, and 64 MiB for each of two workers. */
const budgetBytes = (256 + 2 * 64) * 2 ** 20;
const topics: JobTopics = {
  input: "user-login",
  output: "user-login-processed",
  deadLetter: "user-login.dlq",
  group: "fuzzed",
};

realKafkaTest(
  `${count} fuzzed records are processed or dead letters, in bounded memory`,
  () =>
    withCluster(
      { optimizeFor: count > 200_000 ? "throughput" : "start" },
      async (cluster) => {
        await cluster.createTopic(topics.input, 8);
        const brokers = cluster.bootstrapServers;
        await using client = await IndependentClient.connect(brokers);
        const inputs = fuzzInputs({ seed, count });
        await client.produce(topics.input, indexed(inputs));

        await using job = startJob({
          brokers,
          env: { GROUP_ID: topics.group },
        });
        await eventually(
          async () => {
            assert.ok(job.alive, job.lines("stderr").slice(-5).join("\n"));
            return await committedTotal(client, topics) === count;
          },
          { what: "committed every record", timeoutMs: deadlineMs },
        );
        const peakBytes = await job.peakMemoryBytes();
        job.signal("SIGTERM");
        const summary = await cleanEnd(job, deadlineMs);

        const found = await checkJob(client, inputs, topics);
        console.log({ ...found, places: 0, deliveries: 0, peakBytes, summary });
        assert.deepEqual(found.wrong, []);
        assert.deepEqual([found.missing, found.repeated], [0, 0]);
        assert.equal(found.outputs + found.deadLetters, count);
        // Else it would not test much.
        assert.ok(found.outputs > count / 10 && found.deadLetters > count / 10);
        assert.equal(summary.consumed, count);
        assert.equal(summary.produced, found.outputs);
        assert.equal(summary.deadLettered, found.deadLetters);
        assert.ok(
          peakBytes <= budgetBytes,
          `${Math.round(peakBytes / 2 ** 20)} MiB`,
        );
      },
    ),
);
