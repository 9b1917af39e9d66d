/**
 * GUARANTEE=exactly-once on real Kafka: whatever fails, readers of committed
 * records find every result once.
 */
import assert from "node:assert/strict";
import {
  type ClusterFixture,
  type ClusterStep,
  clusterSteps,
} from "../support/cluster_steps.ts";
import {
  createInput,
  groupGenerations,
  Job,
  jsonOf,
  patience,
  patienceOfKip848,
  topicsOf,
  uncommitted,
} from "../support/job.ts";
import {
  checkJob,
  committedTotal,
  indexed,
  type Inputs,
} from "../support/job_checker.ts";
import { paced, seededRandom } from "../support/load.ts";
import { loginRecord } from "../support/login_fixture.ts";
import { seed, sized } from "../support/soak.ts";
import { eventually, within } from "../support/wait.ts";

const partitions = 8;
const deadlineMs = 120_000;
const faulty = new URL("../support/processors/faulty.ts", import.meta.url);
const keyless = new URL("../support/processors/keyless.ts", import.meta.url);

clusterSteps("exactly once", {}, {
  "every input has its output once, and the summary agrees": delivers,
  "kill -9 under load repeats nothing and loses nothing": survivesKills,
  "a thread that crashes in a transaction repeats nothing": faultyThread(
    "throwLater",
  ),
  "a thread that hangs in a transaction writes nothing that counts when it wakes":
    hangs,
  "instances that come and go repeat nothing": (fixture) =>
    comeAndGo(fixture, "classic", patience),
  "nor do they under the new group protocol": (fixture) =>
    comeAndGo(fixture, "consumer", patienceOfKip848),
  "an output that brokers refuse is a dead letter, and what was with it counts once":
    refuses,
});

async function delivers({ cluster, client }: ClusterFixture): Promise<void> {
  const name = "once";
  const inputs = logins(sized(100_000, 2_000_000));
  await createInput(cluster, client, { name, partitions });
  await client.produce(topicsOf(name).input, indexed(inputs));
  await using job = start(cluster.bootstrapServers, name, {
    args: ["--messages", String(inputs.count)],
  });
  const { consumed, produced, deadLettered } = await job.done(deadlineMs);
  const { outputs, deadLetters } = await isExactlyOnce(client, inputs, name);
  assert.deepEqual({ consumed, produced, deadLettered }, {
    consumed: inputs.count,
    produced: outputs,
    deadLettered: deadLetters,
  });
  assert.equal(await uncommitted(client, name), 0);
}

async function survivesKills(
  { cluster, client }: ClusterFixture,
): Promise<void> {
  const name = "once-killed";
  const topics = topicsOf(name);
  const kills = sized(5, 20);
  const recordsALife = 8_000;
  const inputs = logins(recordsALife * (kills + 1));
  const random = seededRandom(seed);
  await createInput(cluster, client, { name, partitions });
  const load = client.produce(
    topics.input,
    paced(indexed(inputs), { recordsPerSecond: 8_000 }),
  );
  load.catch(() => {}); // awaited below
  for (let life = 0; life <= kills; life++) {
    const isLast = life === kills;
    await using job = start(cluster.bootstrapServers, name, {
      env: {
        RATE_RECORDS: "20000",
        // It comes back as the same member, so nobody waits for its session.
        PRIMARY_CONSUMER_GROUP_INSTANCE_ID: "only",
      },
    });
    const enough = isLast ? inputs.count : (life + random()) * recordsALife;
    await eventually(
      async () => await committedTotal(client, topics) >= enough,
      { what: `committed ${enough}`, timeoutMs: deadlineMs },
    );
    if (isLast) {
      await job.stop();
    } else {
      await new Promise((resolve) => setTimeout(resolve, 400 * random()));
      job.child.signal("SIGKILL");
      await job.child.exit();
    }
  }
  await within(load, deadlineMs, "all produced");
  await isExactlyOnce(client, inputs, name);
}

function faultyThread(fault: string): ClusterStep {
  return async ({ cluster, client, folder }) => {
    const name = `once-${fault}`;
    const inputs = logins(24_000);
    await createInput(cluster, client, { name, partitions });
    await using job = start(cluster.bootstrapServers, name, {
      args: ["--messages", String(inputs.count)],
      env: {
        PROCESSOR: faulty.pathname,
        FAULT: fault,
        FAULT_AT: "4000",
        FAULT_MARK: `${folder}/${name}`,
      },
    });
    await client.produce(
      topicsOf(name).input,
      paced(indexed(inputs), { recordsPerSecond: 6_000 }),
    );
    await job.done(deadlineMs);
    assert.equal(job.log("worker restarts").length, 1);
    assert.equal(await groupGenerations(cluster, name), 1);
    await hasEachOnce(client, name, inputs.count);
  };
}

async function hangs(
  { cluster, client, folder }: ClusterFixture,
): Promise<void> {
  const name = "once-hang";
  const inputs = logins(30_000);
  await createInput(cluster, client, { name, partitions });
  const env = {
    PROCESSOR: faulty.pathname,
    FAULT: "hang",
    FAULT_AT: "4000",
    // It wakes when it has been given up, and before the process ends.
    FAULT_HANG_MS: "7500",
    FAULT_MARK: `${folder}/${name}`,
    // It is in the middle of one when it hangs.
    COMMIT_INTERVAL_MS: "2000",
  };
  // It judges workers that start, too, and a busy machine starts them late.
  await using job = start(cluster.bootstrapServers, name, {
    env: { ...env, WATCHDOG_MS: "5000" },
  });
  await client.produce(
    topicsOf(name).input,
    paced(indexed(inputs), { recordsPerSecond: 6_000 }),
  );
  await eventually(() => Deno.stat(`${folder}/${name}.woke`), {
    what: "awake again",
  });
  await job.failed();
  await using next = start(cluster.bootstrapServers, name, { env });
  await eventually(async () => await uncommitted(client, name) === 0, {
    what: "all committed",
    timeoutMs: deadlineMs,
  });
  await next.stop();
  await hasEachOnce(client, name, inputs.count);
}

async function comeAndGo(
  { cluster, client }: ClusterFixture,
  protocol: string,
  env: Env,
): Promise<void> {
  const name = `once-rebalance-${protocol}`;
  const endless = logins(1_000_000);
  await createInput(cluster, client, { name, partitions });
  const over = new AbortController();
  const load = client.produce(
    topicsOf(name).input,
    paced(indexed(endless), { recordsPerSecond: 6_000, signal: over.signal }),
  );
  load.catch(() => {}); // awaited below
  const instance = (id: string) =>
    start(cluster.bootstrapServers, name, {
      env: { ...env, INSTANCE_ID: id },
    });
  await using stays = instance("stays");
  await stays.consumed(2_000);
  for (let visit = 0; visit < sized(3, 30); visit++) {
    await using visitor = instance(`visitor-${visit}`);
    await visitor.logged("partitions assigned");
    await visitor.consumed(500);
    await visitor.stop();
  }
  over.abort();
  const count = await within(load, deadlineMs, "all produced");
  await eventually(async () => await uncommitted(client, name) === 0, {
    what: "all committed",
    timeoutMs: deadlineMs,
  });
  await stays.stop();
  await isExactlyOnce(client, { ...endless, count }, name);
}

/** Brokers refuse records without a key for a compacted topic. */
async function refuses(
  { cluster, client }: ClusterFixture,
): Promise<void> {
  const name = "once-refused";
  const topics = topicsOf(name);
  const inputs = logins(5_000);
  await createInput(cluster, client, { name, partitions });
  await cluster.createTopic("compacted", 1, {
    config: { "cleanup.policy": "compact" },
  });
  await client.produce(topics.input, indexed(inputs));
  await using job = start(cluster.bootstrapServers, name, {
    args: ["--messages", String(inputs.count)],
    env: { PROCESSOR: keyless.pathname },
  });
  const { deadLettered } = await job.done(deadlineMs);
  assert.equal(deadLettered, 5);
  assert.ok(job.log("transaction aborted").length > 0);
  const letters = await client.readTopic(topics.deadLetter, {
    isolation: "read_committed",
  });
  const refused = new Set(letters.map((each) => jsonOf<Login>(each).event_id));
  assert.deepEqual(
    [...refused].sort((a, b) => a - b),
    [0, 1, 2, 3, 4].map(
      (each) => each * 1_000,
    ),
  );
  const outputs = await client.readTopic(topics.output, {
    isolation: "read_committed",
  });
  const ids = new Set(outputs.map((each) => jsonOf<Login>(each).event_id));
  assert.equal(outputs.length, inputs.count - 5);
  assert.equal(ids.size, outputs.length);
}

interface Login {
  readonly event_id: number;
}

type Env = Readonly<Record<string, string>>;

interface Options {
  readonly args?: readonly string[];
  readonly env?: Env;
}

function start(brokers: string, name: string, { args, env }: Options): Job {
  return Job.start({
    brokers,
    name,
    args: args ?? [],
    env: {
      ...patience,
      GUARANTEE: "exactly-once",
      INSTANCE_ID: "only",
      ...env,
    },
  });
}

type Client = ClusterFixture["client"];

async function isExactlyOnce(client: Client, inputs: Inputs, name: string) {
  const found = await checkJob(client, inputs, topicsOf(name), {
    isolation: "read_committed",
  });
  const { missing, repeated, outOfOrder, elsewhere, wrong } = found;
  assert.deepEqual({ missing, repeated, outOfOrder, elsewhere, wrong }, {
    missing: 0,
    repeated: 0,
    outOfOrder: 0,
    elsewhere: 0,
    wrong: [],
  });
  return found;
}

/** For a processor whose outputs are not those of the reference one. */
async function hasEachOnce(client: Client, name: string, count: number) {
  const times = new Uint8Array(count);
  const see = (text: string) => {
    const { event_id } = JSON.parse(text) as { event_id: number };
    times[event_id]!++;
  };
  const decoder = new TextDecoder();
  const { output } = topicsOf(name);
  await client.visitTopic(output, (records) => {
    for (const { value } of records) see(decoder.decode(value!));
  }, { isolation: "read_committed" });
  const wrong = times.entries().filter(([, each]) => each !== 1).take(5);
  assert.deepEqual([...wrong], []);
}

function logins(count: number): Inputs {
  const options = { seed, users: 1_000 };
  return { count, record: (index) => loginRecord(index, options) };
}
