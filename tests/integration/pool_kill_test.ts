/**
 * What kill -9 costs on real Kafka: some repetition, never a record.
 *
 * The short form kills a static member, which gets its partitions back at once.
 * The members of the long form are dynamic, so that each life waits until the
 * session of the one before is over.
 */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { createInput, Job, topicsOf } from "../support/job.ts";
import {
  checkJob,
  committedOffsets,
  committedTotal,
  indexed,
  type Inputs,
} from "../support/job_checker.ts";
import { paced, seededRandom } from "../support/load.ts";
import { loginRecord } from "../support/login_fixture.ts";
import { isSoak, seed, sized } from "../support/soak.ts";
import { eventually, within } from "../support/wait.ts";

const kills = sized(5, 20);
const recordsALife = 8_000;
const count = recordsALife * (kills + 1);
const deadlineMs = 90_000;
const name = "killed";
const topics = topicsOf(name);

clusterSteps(`kill -9, ${kills} times under load`, {}, {
  "loses nothing and repeats only what was not committed": survives,
});

async function survives({ cluster, client }: ClusterFixture): Promise<void> {
  await createInput(cluster, client, { name, partitions: 8 });
  const inputs = logins(count);
  const random = seededRandom(seed);

  // Half of it is there at the start; the rest comes while it runs.
  await client.produce(topics.input, indexed(inputs, 0, count / 2));
  const load = client.produce(
    topics.input,
    paced(indexed(inputs, count / 2), { recordsPerSecond: 4_000 }),
  );
  load.catch(() => {}); // awaited below

  /** The committed offsets from which each life began, by partition. */
  const starts: number[][] = [];
  for (let life = 0; life <= kills; life++) {
    starts.push(await committedOffsets(client, topics));
    await using job = start(cluster.bootstrapServers);
    const { child } = job;
    const isLast = life === kills;
    const enough = isLast ? count : (life + random()) * recordsALife;
    await eventually(
      async () =>
        !child.alive || await committedTotal(client, topics) >= enough,
      { what: `committed ${enough} of ${count}`, timeoutMs: deadlineMs },
    );
    assert.ok(child.alive, child.lines("stderr").slice(-20).join("\n"));
    if (isLast) {
      await job.stop();
    } else {
      await new Promise((resolve) => setTimeout(resolve, 400 * random()));
      child.signal("SIGKILL");
      assert.equal((await child.exit()).signal, "SIGKILL");
    }
    // A member that the group gave up would have begun a life of its own.
    assert.deepEqual(job.log("partitions lost"), []);
  }
  await within(load, deadlineMs, "all produced");

  const found = await checkJob(client, inputs, topics);
  const { wrong, missing, outOfOrder, repeated } = found;
  assert.deepEqual({ wrong, missing, outOfOrder }, {
    wrong: [],
    missing: 0,
    outOfOrder: 0,
  });
  // Each life may deliver an input once, and only if it began at or below it:
  // what was committed before is never processed again.
  const { partition, offset } = found.places;
  const tooOften = Array.from(found.deliveries.keys()).filter((index) => {
    const lives = starts.filter((start) =>
      (start[partition[index]!] ?? 0) <= offset[index]!
    );
    return found.deliveries[index]! > lives.length;
  });
  assert.deepEqual(tooOften.slice(0, 10), []);
  console.log(`${repeated} of ${count} repeated by ${kills} kills`);
}

function start(brokers: string): Job {
  const membership = isSoak ? {} : {
    PRIMARY_CONSUMER_GROUP_INSTANCE_ID: "only",
    PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "30000",
  };
  return Job.start({
    brokers,
    name,
    env: { RATE_RECORDS: "20000", ...membership },
  });
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
