/** Records that nobody should send, on real Kafka. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { fuzzInputs } from "../support/fuzz_records.ts";
import { createInput, Job, patience, topicsOf } from "../support/job.ts";
import { checkJob, committedTotal, indexed } from "../support/job_checker.ts";
import { isSoak, seed, sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const count = sized(50_000, 1_000_000);
const deadlineMs = 60_000 + count;
const name = "fuzzed";
const topics = topicsOf(name);
const workers = 2;
/**
 * Of the process, and of each worker its buffers and the heap at which it is
 * replaced: what JSON of a megabyte becomes in memory belongs to the processor,
 * so the documented budget for logins does not hold for it.
 */
const mostBytes = (256 + workers * (16 + 16 + 256)) * 2 ** 20;

clusterSteps(
  `${count} fuzzed records`,
  { optimizeFor: isSoak ? "throughput" : "start" },
  { "are processed or dead letters, in bounded memory": survives },
);

async function survives({ cluster, client }: ClusterFixture): Promise<void> {
  await createInput(cluster, client, { name, partitions: 8 });
  const inputs = fuzzInputs({ seed, count });
  await client.produce(topics.input, indexed(inputs));

  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: patience,
  });
  const { child } = job;
  await eventually(
    async () => !child.alive || await committedTotal(client, topics) === count,
    { what: "committed every record", timeoutMs: deadlineMs },
  );
  assert.ok(child.alive, child.lines("stderr").slice(-20).join("\n"));
  const peakBytes = await child.peakMemoryBytes();
  const summary = await job.stop();

  const found = await checkJob(client, inputs, topics);
  const { outputs, deadLetters } = found;
  assert.deepEqual(found, {
    ...found,
    missing: 0,
    repeated: 0,
    outOfOrder: 0,
    wrong: [],
  });
  assert.equal(outputs + deadLetters, count);
  // Else it would not test much.
  assert.ok(outputs > count / 10 && deadLetters > count / 10);
  assert.deepEqual(
    [summary.consumed, summary.produced, summary.deadLettered],
    [count, outputs, deadLetters],
  );
  assert.deepEqual(job.log("worker restarts"), []);
  const peakMib = Math.round(peakBytes / 2 ** 20);
  console.log(`peak ${peakMib} MiB, ${found.withoutValue} values omitted`);
  assert.ok(peakBytes <= mostBytes, `${peakMib} MiB`);
}
