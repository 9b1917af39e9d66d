/**
 * A pool that follows the active one of two real clusters: through a primary
 * that hangs, a planned way back, and a primary that is killed.
 */
import assert from "node:assert/strict";
import {
  type DrState,
  type Proposal,
  StateStore,
  Votes,
} from "../../dr/state/mod.ts";
import { ensureTopics, noting, stateClusters } from "../support/dr_state.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { createInput, Job, jsonOf, topicsOf } from "../support/job.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { pause } from "../support/pause.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const name = "following";
const logins = 12_000;
const partitions = 4;
const deadlineMs = 60_000;
const { input, output, group } = topicsOf(name);
const { signal } = new AbortController();
/** Short where a cluster is dead; it is the test that decides to go on. */
const timings = {
  requestMs: 8_000,
  readMs: 3_000,
  forcedReadMs: 500,
  copyMs: 2_000,
};

type Side = "primary" | "secondary";

interface Scene {
  readonly job: Job;
  readonly clusters: Readonly<Record<Side, KafkaCluster>>;
  readonly clients: Readonly<Record<Side, IndependentClient>>;
  readonly store: StateStore;
  readonly votes: Votes;
}

realKafkaTest(
  "a pool follows the active cluster, exactly once on each",
  async (context) => {
    await using stack = new AsyncDisposableStack();
    const [primary, secondary] = await Promise.all(
      [1, 101].map(async (nodeIdBase) =>
        stack.use(await KafkaCluster.start({ heapMb: 256, nodeIdBase }))
      ),
    ) as [KafkaCluster, KafkaCluster];
    const clusters = { primary, secondary };
    const onPrimary = stack.use(
      await IndependentClient.connect(primary.bootstrapServers),
    );
    const clients = {
      primary: onPrimary,
      secondary: stack.use(
        await IndependentClient.connect(secondary.bootstrapServers, {
          sharing: onPrimary,
        }),
      ),
    };
    for (const side of ["primary", "secondary"] as const) {
      await createInput(clusters[side], clients[side], {
        name,
        partitions,
        logins,
      });
    }
    const state = stateClusters(stack, {
      primary: primary.bootstrapServers,
      secondary: secondary.bootstrapServers,
    });
    await ensureTopics(state, signal);
    const store = stack.use(new StateStore({ ...state, timings }));
    await store.change(noting("first"), { signal });
    const votes = stack.use(
      new Votes({
        library: state.library,
        cluster: state.clusters.secondary,
        requestMs: 10_000,
        onClientEvent: () => {},
        onUnreadable: ({ reason }) => assert.fail(reason),
        onFailure: () => {},
      }),
    );
    const job = stack.use(Job.start({
      brokers: primary.bootstrapServers,
      name,
      env: {
        SECONDARY_BROKERS: secondary.bootstrapServers,
        GUARANTEE: "exactly-once",
        INSTANCE_ID: "only",
        // So slow that there is work in every step.
        RATE_RECORDS: "1000",
      },
    }));
    await job.logged("started");
    await using watch = watching(job);
    const scene: Scene = { job, clusters, clients, store, votes };
    for (const [step, run] of Object.entries(STEPS)) {
      if (await context.step(step, () => run(scene))) continue;
      primary.keepLogs();
      secondary.keepLogs();
      console.log(job.child.lines("stderr").slice(-40).join("\n"));
    }
    assert.ok(watch.seen > 10);
    assert.deepEqual(watch.wentDown, []);
  },
);

// In this order: each goes on where the one before has left the pool.
const STEPS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "it says that it gets on": votesThatItGetsOn,
  "a primary that hangs is left at once, and gets nothing when it wakes": hangs,
  "a planned way back finishes what was begun": returns,
  "a primary that is killed is left, and all is there once": killed,
};

async function votesThatItGetsOn({ votes }: Scene): Promise<void> {
  const vote = await eventually(async () => {
    const { votes: all } = await votes.current(signal);
    return all.find(({ isProgressing }) => isProgressing);
  }, { what: "a vote that it gets on", timeoutMs: deadlineMs });
  assert.equal(vote.kind, "pool");
  assert.equal(vote.epoch, 1);
  assert.deepEqual(vote.health, { primary: "unknown", secondary: "unknown" });
}

async function hangs(scene: Scene): Promise<void> {
  const { clients, clusters, job, store, votes } = scene;
  await job.consumed(2_000);
  clusters.primary.brokers[0]!.pause();
  const state = await switchTo(store, "secondary");
  await arrived(scene, "secondary", state);
  // While the other one still hangs.
  await outputsOn(scene, "secondary", 1_000);
  const { text } = await job.get("/status");
  assert.deepEqual(JSON.parse(text).following, {
    active: "secondary",
    epoch: state.epoch,
    phase: "steady",
  });
  await eventually(async () => (await job.get("/readyz")).status === 200, {
    what: "ready",
  });
  await eventually(async () => {
    const { votes: all } = await votes.current(signal);
    return all.some((each) => each.epoch === state.epoch && each.isProgressing);
  }, { what: "a vote that it gets on with the secondary" });

  clusters.primary.brokers[0]!.resume();
  await membersGone(clusters.primary);
  await nothingAfterFence(clients.primary, fencedAt(job, state));
}

async function returns(scene: Scene): Promise<void> {
  const { clients, job, store } = scene;
  const begun = await change(store, (newest) => ({
    ...newest,
    phase: "fencing",
    reason: "planned",
  }));
  await eventually(async () => {
    const { workers } = await job.status();
    return workers.length === 0;
  }, { what: "drained", timeoutMs: deadlineMs });
  assert.deepEqual(
    job.log("fenced off from secondary").filter((line) =>
      (line.epoch as number) >= begun.epoch
    ),
    [],
  );
  // Nothing was thrown away: what it had produced is committed, with its inputs.
  const all = await clients.secondary.readTopic(output);
  const committed = await clients.secondary.readTopic(output, {
    isolation: "read_committed",
    awaitTransactions: true,
  });
  assert.equal(committed.length, all.length);
  const offsets = await clients.secondary.committedOffsets(group, input);
  assert.equal(
    offsets.reduce((sum, each) => sum + (each?.offset ?? 0), 0),
    committed.length,
  );
  const state = await switchTo(store, "primary");
  await arrived(scene, "primary", state);
  await outputsOn(scene, "primary", 4_000);
}

async function killed(scene: Scene): Promise<void> {
  const { clients, clusters, job, store } = scene;
  const [broker] = clusters.primary.brokers;
  await broker!.kill();
  const state = await switchTo(store, "secondary");
  await arrived(scene, "secondary", state);
  await outputsOn(scene, "secondary", logins);
  await once(clients.secondary, logins);

  await broker!.restart();
  await membersGone(clusters.primary);
  await nothingAfterFence(clients.primary, fencedAt(job, state));
  await once(clients.primary, null);
  assert.deepEqual(job.log("clients of primary could not be closed"), []);
  const { consumed } = await job.stop();
  const onPrimary = await clients.primary.readTopic(output, {
    isolation: "read_committed",
    awaitTransactions: true,
  });
  // Of a commit that was under way when a cluster died nobody has heard.
  assert.ok(consumed <= logins + onPrimary.length, `${consumed}`);
  assert.ok(consumed >= logins, `${consumed}`);
}

async function change(
  store: StateStore,
  propose: (newest: DrState) => Proposal,
): Promise<DrState> {
  const { state } = await store.change((newest) => propose(newest!), {
    force: true,
    signal,
  });
  return state!;
}

const switchTo = (store: StateStore, active: Side) =>
  change(store, (newest) => ({
    ...newest,
    active,
    phase: "steady",
    era: newest.era + 1,
    reason: `to ${active}`,
  }));

/** Waits for the pool, and says how long it took. */
async function arrived(
  { clients, job }: Scene,
  side: Side,
  { epoch, sinceMs }: DrState,
): Promise<void> {
  const line = await job.logged(
    `switched to ${side} (epoch ${epoch})`,
    deadlineMs,
  );
  const { time } = line;
  const first = await eventually(async () => {
    const records = await clients[side].readTopic(output, {
      isolation: "read_committed",
    });
    const times = records.map((each) => each.timestampMs)
      .filter((ms) => ms >= sinceMs);
    return times.length > 0 ? Math.min(...times) : null;
  }, { what: `outputs on ${side}`, timeoutMs: deadlineMs });
  const fencedMs = fencedAt(job, { epoch });
  console.log(
    `${side}: fenced after ${fencedMs === null ? "-" : fencedMs - sinceMs}, ` +
      `threads after ${Date.parse(time) - sinceMs}, ` +
      `first output after ${first - sinceMs} ms`,
  );
}

/** When its fences were raised; null: it had ended before. */
function fencedAt(job: Job, { epoch }: Pick<DrState, "epoch">): number | null {
  const line = job.log().find((each) =>
    each.message.startsWith("fenced off from") && each.epoch === epoch
  );
  return line === undefined ? null : Date.parse(line.time);
}

async function outputsOn(
  { clients }: Scene,
  side: Side,
  count: number,
): Promise<void> {
  await eventually(async () => {
    const records = await clients[side].readTopic(output, {
      isolation: "read_committed",
    });
    return records.length >= count;
  }, { what: `${count} outputs on ${side}`, timeoutMs: deadlineMs });
}

/** Aborted or not: the time of a record is that at which it was produced. */
async function nothingAfterFence(
  client: IndependentClient,
  fencedMs: number | null,
): Promise<void> {
  assert.ok(fencedMs !== null, "fenced off");
  const records = await client.readTopic(output);
  const late = records.map((each) => each.timestampMs - fencedMs)
    .filter((ms) => ms > 0);
  assert.deepEqual(late, []);
}

/** No login has two outputs; with a count, each of those has one. */
async function once(
  client: IndependentClient,
  count: number | null,
): Promise<void> {
  const records = await client.readTopic(output, {
    isolation: "read_committed",
    awaitTransactions: true,
  });
  const ids = records.map((each) =>
    jsonOf<{ event_id: number }>(each).event_id
  );
  assert.equal(new Set(ids).size, ids.length, "repeated");
  if (count !== null) assert.equal(ids.length, count, "lost");
}

/** The group has forgotten the member of the old session. */
async function membersGone(cluster: KafkaCluster): Promise<void> {
  const admin = quietKafka(cluster.bootstrapServers).admin();
  await admin.connect();
  try {
    await eventually(async () => {
      const { groups } = await admin.describeGroups([group]);
      return groups.every(({ members }) => members.length === 0);
    }, { what: "members gone", timeoutMs: deadlineMs });
  } finally {
    await admin.disconnect();
  }
}

/** Looks at the totals all the time: they never go down. */
function watching(job: Job) {
  const stop = new AbortController();
  const wentDown: number[][] = [];
  let last = 0;
  let seen = 0;
  const ended = (async () => {
    while (!stop.signal.aborted && job.child.alive) {
      try {
        const { totals } = await job.status();
        if (totals.consumed < last) wentDown.push([last, totals.consumed]);
        last = totals.consumed;
        seen++;
      } catch {
        // It has ended meanwhile.
      }
      await pause(50, stop.signal).catch(() => {});
    }
  })();
  return {
    wentDown,
    get seen() {
      return seen;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await ended;
    },
  };
}
