/**
 * Memory is bounded by the documented budget, whatever waits in the input and
 * however long the destination takes.
 */
import assert from "node:assert/strict";
import { memoryBudgetMib } from "../../src/config/memory.ts";
import { loadSettings } from "../../src/config/mod.ts";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import {
  assertEveryLogin,
  Job,
  topicsOf,
  uncommitted,
} from "../support/job.ts";
import { loginRecords } from "../support/login_fixture.ts";
import { withKafkaAdmin } from "../support/quiet_kafkajs.ts";
import { sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const loginBytes = 255;
/** More than the budget: a job that keeps what it fetches exceeds that. */
const backlogGb = sized(0.5, 10);
const stallMs = sized(20_000, 60_000);

/** The inputs are on the first two brokers, the outputs on the third. */
const sources = [1, 2];
const destination = 3;

clusterSteps("memory stays within the budget", { brokers: 3 }, {
  "with a backlog of 8 partitions and a destination that stalls": (fixture) =>
    stalls(fixture, {
      name: "few-partitions",
      partitions: 8,
      logins: Math.ceil(backlogGb * 1e9 / loginBytes),
      stallMs,
    }),
  "with a backlog of 1,000 partitions and a destination that stalls": (
    fixture,
  ) =>
    stalls(fixture, {
      name: "many-partitions",
      partitions: 1_000,
      logins: 500_000,
      stallMs: stallMs / 2,
    }),
});

interface Stall {
  readonly name: string;
  readonly partitions: number;
  readonly logins: number;
  readonly stallMs: number;
}

async function stalls(
  fixture: ClusterFixture,
  { name, partitions, logins, stallMs }: Stall,
): Promise<void> {
  const { cluster, client } = fixture;
  const { input, output, deadLetter } = topicsOf(name);
  await place(fixture, input, partitions, sources);
  await place(fixture, output, 8, [destination]);
  await place(fixture, deadLetter, 1, sources);
  await client.produce(input, loginRecords(logins, { seed: 1 }));

  const workers = 2;
  const env = { WORKERS: String(workers) };
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env,
  });
  await job.consumed(logins / 5);
  const broker = cluster.brokers[destination - 1]!;
  broker.pause();
  await new Promise((resolve) => setTimeout(resolve, stallMs));
  const { totals: { consumed } } = await job.status();
  broker.resume();
  assert.ok(consumed < logins, "the destination did not stall");
  await eventually(async () => await uncommitted(client, name) === 0, {
    what: "committed everything",
    timeoutMs: 180_000,
  });

  const peakMib = await job.child.peakMemoryBytes() / 2 ** 20;
  const budgetMib = budgetOf(env);
  console.log(`${peakMib.toFixed(0)} of ${budgetMib} MiB`);
  await job.stop();
  await assertEveryLogin(client, output, logins);
  assert.ok(peakMib <= budgetMib, `${peakMib} of ${budgetMib} MiB`);
}

/** What is documented for these settings. */
function budgetOf(env: Readonly<Record<string, string>>): number {
  const { settings } = loadSettings({
    env,
    hardwareConcurrency: 1,
    hostname: "test",
    readTextFile: Deno.readTextFileSync,
  });
  return memoryBudgetMib(settings);
}

/** Creates a topic with one replica of each partition, on these brokers. */
async function place(
  { cluster, client }: ClusterFixture,
  topic: string,
  partitions: number,
  brokers: readonly number[],
): Promise<void> {
  await withKafkaAdmin(cluster.bootstrapServers, async (admin) => {
    await admin.createTopics({
      waitForLeaders: false,
      topics: [{
        topic,
        replicaAssignment: Array.from(
          { length: partitions },
          (_, partition) => ({
            partition,
            replicas: [brokers[partition % brokers.length]!],
          }),
        ),
      }],
    });
  });
  await eventually(
    async () => (await client.watermarks(topic)).length === partitions,
    { what: `lead ${topic}`, timeoutMs: 120_000 },
  );
}
