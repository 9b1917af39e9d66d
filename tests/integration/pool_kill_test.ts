/** What kill -9 costs on real Kafka: some repetition, never a record. */
import assert from "node:assert/strict";
import type { Child } from "../support/child.ts";
import { IndependentClient } from "../support/independent_client.ts";
import {
  checkJob,
  committedOffsets,
  committedTotal,
  indexed,
  type Inputs,
} from "../support/job_checker.ts";
import { cleanEnd, logOf, startJob } from "../support/job_process.ts";
import { withCluster } from "../support/kafka_cluster.ts";
import { loginRecord } from "../support/login_fixture.ts";
import { paced, seededRandom } from "../support/load.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually, within } from "../support/wait.ts";

/** `TEST_KILLS=20` for the long form, `TEST_SEED` for other moments. */
const kills = Number(Deno.env.get("TEST_KILLS") ?? 5);
const seed = Number(Deno.env.get("TEST_SEED") ?? 1);
const recordsALife = 10_000;
const count = recordsALife * (kills + 1);
const deadlineMs = 90_000;
const topics = {
  input: "user-login",
  output: "user-login-processed",
  deadLetter: "user-login.dlq",
  group: "killed",
};

realKafkaTest(
  `kill -9, ${kills} times under load, loses nothing and repeats only ` +
    "what was not committed",
  () =>
    withCluster(
      // A killed member holds its partitions until its session is over.
      { config: { "group.min.session.timeout.ms": "1000" } },
      async (cluster) => {
        await cluster.createTopic(topics.input, 8);
        const brokers = cluster.bootstrapServers;
        await using client = await IndependentClient.connect(brokers);
        const inputs = logins(count);
        const random = seededRandom(seed);

        // Half of it is there at the start; the rest comes while it runs.
        await client.produce(topics.input, indexed(inputs, 0, count / 2));
        const load = client.produce(
          topics.input,
          paced(indexed(inputs, count / 2), { recordsPerSecond: 5_000 }),
        );
        load.catch(() => {}); // awaited below

        /** The committed offsets from which each life began. */
        const starts: number[][] = [];
        for (let life = 0; life <= kills; life++) {
          starts.push(await committedOffsets(client, topics));
          await using job = start(brokers);
          const least = life === kills
            ? count
            : (life + random()) * recordsALife;
          await eventually(
            async () => {
              assert.ok(job.alive, job.lines("stderr").slice(-5).join("\n"));
              return await committedTotal(client, topics) >= least;
            },
            { what: `committed ${least} of ${count}`, timeoutMs: deadlineMs },
          );
          if (life < kills) await killAt(job, 400 * random());
          else await endCleanly(job);
        }
        await within(load, deadlineMs, "all produced");

        const found = await checkJob(client, inputs, topics);
        assert.deepEqual(found.wrong, []);
        assert.equal(found.missing, 0);
        assert.equal(found.outOfOrder, 0);

        // An input may be delivered once by every life that began at or below
        // it, because what is committed is never processed again.
        const { partition, offset } = found.places;
        const tooOften = Array.from(found.deliveries.keys()).filter((index) => {
          const lives = starts.filter((start) =>
            (start[partition[index]!] ?? 0) <= offset[index]!
          );
          return found.deliveries[index]! > lives.length;
        });
        assert.deepEqual(tooOften.slice(0, 10), []);
        console.log(`${found.repeated} of ${count} repeated by ${kills} kills`);
      },
    ),
);

function start(brokers: string): Child {
  return startJob({
    brokers,
    env: {
      GROUP_ID: topics.group,
      RATE_RECORDS: "20000",
      PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "3000",
      PRIMARY_CONSUMER_HEARTBEAT_INTERVAL_MS: "500",
    },
  });
}

async function killAt(job: Child, afterMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  job.signal("SIGKILL");
  assert.equal((await job.exit()).signal, "SIGKILL");
  // Else its partitions would have been read by the group's choice, too.
  assertKeptItsPartitions(job);
}

async function endCleanly(job: Child): Promise<void> {
  job.signal("SIGTERM");
  await cleanEnd(job, deadlineMs);
  assertKeptItsPartitions(job);
}

function assertKeptItsPartitions(job: Child): void {
  const lost = logOf(job).filter(({ message }) => /lost/.test(message));
  assert.deepEqual(lost, []);
}

function logins(count: number): Inputs {
  const options = { seed, malformedShare: 0.02, users: 1_000 };
  const startMs = Date.now();
  return {
    count,
    record: (index) => ({
      ...loginRecord(index, options),
      timestampMs: startMs + index % 1000,
    }),
  };
}
