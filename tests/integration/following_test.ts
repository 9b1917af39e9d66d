/**
 * A pool that follows the active one of two real clusters: through a primary
 * that hangs, a planned way back, and a primary that is killed.
 */
import assert from "node:assert/strict";
import { Votes } from "../../dr/state/mod.ts";
import { ensureTopics, noting } from "../support/dr_state.ts";
import {
  arrived,
  change,
  deadlineMs,
  fencedAt,
  following,
  inSteps,
  logins,
  membersGone,
  nothingAfterFence,
  once,
  outputsOn,
  type Scene,
  start,
  switchTo,
  topics,
  twoClusters,
  watching,
  type World,
} from "../support/following_world.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const { group, input, output } = topics;
const { signal } = new AbortController();

realKafkaTest(
  "a pool follows the active cluster, exactly once on each",
  async (context) => {
    await using stack = new AsyncDisposableStack();
    const world = await twoClusters(stack);
    await ensureTopics(world.state, signal);
    await world.store.change(noting("first"), { signal });
    const votes = stack.use(
      new Votes({
        library: world.state.library,
        cluster: world.state.clusters.secondary,
        requestMs: 10_000,
        onClientEvent: () => {},
        onUnreadable: ({ reason }) => assert.fail(reason),
        onFailure: () => {},
      }),
    );
    const job = stack.use(start(world, { GUARANTEE: "exactly-once" }));
    await job.logged("started");
    await using watch = watching(job);
    await inSteps(context, STEPS, { ...world, job, votes });
    assert.ok(watch.seen > 10);
    assert.deepEqual(watch.wentDown, []);
  },
);

realKafkaTest(
  "a pool that began without a state follows the first one, and ends though the cluster that it left hangs",
  async (context) => {
    await using stack = new AsyncDisposableStack();
    const world = await twoClusters(stack);
    const job = stack.use(start(world, {
      GUARANTEE: "at-least-once",
      SECONDARY_CONSUMER_GROUP_PROTOCOL: "consumer",
    }));
    await job.logged("started");
    await inSteps(context, {
      "the first state changes nothing where it works already": firstState,
      "a primary that hangs is left, and does not hold up the end": endsAlone,
    }, { ...world, job });
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
  assert.deepEqual(await following(job), {
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
  // What a transaction has committed of a group shows a moment later.
  await eventually(async () => {
    const offsets = await clients.secondary.committedOffsets(group, input);
    const sum = offsets.reduce((sum, each) => sum + (each?.offset ?? 0), 0);
    assert.equal(sum, committed.length);
    return true;
  }, { what: "committed with its outputs", timeoutMs: deadlineMs });
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

async function firstState(
  { job, state, store }: World & Pick<Scene, "job">,
): Promise<void> {
  await job.consumed(500);
  assert.equal((await following(job)).epoch, 0);
  await ensureTopics(state, signal);
  const first = await store.change(noting("first"), { signal });
  await eventually(
    async () => (await following(job)).epoch === first.state!.epoch,
    { what: "heard of the first state", timeoutMs: deadlineMs },
  );
  const { consumed } = (await job.status()).totals;
  await job.consumed(consumed + 500);
  assert.deepEqual(job.log("fenced off from primary"), []);
  assert.deepEqual(job.log("leaving primary"), []);
}

async function endsAlone(scene: World & Pick<Scene, "job">): Promise<void> {
  const { clients, clusters, job, store } = scene;
  clusters.primary.brokers[0]!.pause();
  const state = await switchTo(store, "secondary");
  await arrived(scene, "secondary", state);
  await job.stop();
  const fencedMs = fencedAt(job, state);
  clusters.primary.brokers[0]!.resume();
  await membersGone(clusters.primary);
  await nothingAfterFence(clients.primary, fencedMs);
}
