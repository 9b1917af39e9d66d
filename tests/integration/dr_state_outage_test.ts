/** Votes, and the state while a cluster is away, on two real clusters. */
import assert from "node:assert/strict";
import {
  type Ballot,
  type DrState,
  StateError,
  StateStore,
  type Unreadable,
  type Vote,
  Votes,
  VOTES_TOPIC,
} from "../../dr/state/mod.ts";
import {
  ensureTopics,
  insist,
  noting,
  stateClusters,
  TIMINGS,
} from "../support/dr_state.ts";
import { produce } from "../support/embedded.ts";
import { freePorts } from "../support/free_port.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually, within } from "../support/wait.ts";

const { signal } = new AbortController();
const isRefused = (error: unknown) =>
  error instanceof StateError && error.kind === "refused";
const isFailed = (error: unknown) =>
  error instanceof StateError && error.kind === "failed";

realKafkaTest("state and votes outlive the primary", async (context) => {
  await using stack = new AsyncDisposableStack();
  const primary = stack.use(await KafkaCluster.start({ heapMb: 256 }));
  const secondary = stack.use(
    await KafkaCluster.start({ heapMb: 256, nodeIdBase: 101 }),
  );
  const clusters = stateClusters(stack, {
    primary: primary.bootstrapServers,
    secondary: secondary.bootstrapServers,
  });
  await ensureTopics(clusters, signal);
  const scene: Scene = { stack, primary, secondary, clusters };
  for (const [name, step] of Object.entries(STEPS)) {
    if (await context.step(name, () => step(scene))) continue;
    primary.keepLogs();
    secondary.keepLogs();
  }
});

interface Scene {
  readonly stack: AsyncDisposableStack;
  readonly primary: KafkaCluster;
  readonly secondary: KafkaCluster;
  readonly clusters: ReturnType<typeof stateClusters>;
}

// In this order: the clusters are killed one after the other.
const STEPS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "the latest vote of each voter is read, with the broker's time": voted,
  "whoever reaches the primary alone follows its copies": followedThere,
  "the last changes can be read, and no more than are wanted": remembered,
  "without the primary a switch needs force, and epochs go on rising":
    primaryKilled,
  "without the secondary nothing can be changed": secondaryKilled,
};

async function voted({ clusters, secondary }: Scene): Promise<void> {
  const unreadable: Unreadable[] = [];
  const open = () =>
    new Votes({
      library: clusters.library,
      cluster: clusters.clusters.secondary,
      requestMs: TIMINGS.requestMs,
      onClientEvent: () => {},
      onUnreadable: (record) => unreadable.push(record),
      onFailure: (error) => assert.fail(error),
    });
  const vote: Vote = {
    voter: "one",
    kind: "sentinel",
    epoch: 1,
    health: { primary: "healthy", secondary: "healthy" },
    isProgressing: false,
  };
  const voters = ({ votes }: Ballot) => votes.map(({ voter }) => voter).sort();
  const beganMs = Date.now();
  await using one = open();
  await using two = open();
  assert.deepEqual(await one.current(signal), {
    votes: [],
    brokerNowMs: null,
  });
  // A voter whose clock stands still; the broker's counts.
  const { epoch: _, ...incomplete } = vote;
  await produce(
    secondary.bootstrapServers,
    [
      { ...vote, voter: "stopped" },
      { ...incomplete, voter: "incomplete" },
    ].map((value) => ({
      topic: VOTES_TOPIC,
      key: value.voter,
      value: JSON.stringify(value),
      timestampMs: 1,
    })),
  );
  await one.cast(vote, signal);
  await two.cast({ ...vote, voter: "two", kind: "pool" }, signal);
  await one.cast({ ...vote, epoch: 2 }, signal);

  // Whoever reads then has what was acknowledged before, to anyone.
  const ballot = await two.current(signal);
  assert.deepEqual(voters(ballot), ["one", "stopped", "two"]);
  const [mine] = ballot.votes.filter(({ voter }) => voter === "one");
  const { atMs, ...rest } = mine!;
  assert.deepEqual(rest, { ...vote, epoch: 2 });
  assert.equal(atMs, ballot.brokerNowMs);
  assert.ok(ballot.votes.every((each) => each.atMs >= beganMs));
  assert.deepEqual(
    new Set(unreadable.map(({ reason }) => reason.split(":")[0])),
    new Set(["epoch"]),
  );

  await two.withdraw("two", signal);
  assert.deepEqual(voters(await one.current(signal)), ["one", "stopped"]);
}

async function followedThere(scene: Scene): Promise<void> {
  const { clusters, primary, stack } = scene;
  const cut = stateClusters(stack, {
    primary: primary.bootstrapServers,
    secondary: `127.0.0.1:${freePorts(1)[0]}`,
  });
  await using reader = new StateStore({ ...cut, timings: TIMINGS });
  await using store = new StateStore({ ...clusters, timings: TIMINGS });
  const first = await store.change(noting("first"), { signal });
  assert.equal(first.kind === "changed" && await first.copied, null);
  await using followed = following(reader);
  await followed.until(({ reason }) => reason === "first");
  await insist(store, "second", signal);
  await followed.until(({ reason }) => reason === "second");
}

async function remembered({ clusters }: Scene): Promise<void> {
  await using store = new StateStore({ ...clusters, timings: TIMINGS });
  for (let count = 0; count < 20; count++) {
    await insist(store, `change ${count}`, signal);
  }
  const { changes, unreadable } = await store.history(3, signal);
  assert.deepEqual(
    changes.map(({ reason }) => reason),
    ["change 17", "change 18", "change 19"],
  );
  assert.deepEqual(unreadable, []);
  const all = await store.history(10_000, signal);
  assert.equal(all.changes.length, all.changes.at(-1)!.epoch);
}

async function primaryKilled({ clusters, primary }: Scene): Promise<void> {
  const timings = { ...TIMINGS, readMs: 1_500, copyMs: 1_500 };
  await using store = new StateStore({ ...clusters, timings });
  await using followed = following(store);
  const { epoch } = await insist(store, "before", signal);
  await followed.until((state) => state.epoch === epoch);
  await primary.brokers[0]!.kill();

  // The other one may be late, too, where so little time is given.
  await eventually(async () => {
    const copies = await store.read(signal);
    assert.equal(copies.primary.kind, "failed");
    assert.equal(copies.newest?.epoch, epoch);
    return true;
  }, { what: "read on the secondary alone" });
  const promote = (newest: DrState | null) => ({
    ...newest!,
    active: "secondary" as const,
    era: newest!.era + 1,
    reason: "primary is dead",
  });
  await assert.rejects(store.change(promote, { signal }), isRefused);
  const noted = await store.change(noting("noted"), { signal });
  assert.equal(noted.state?.epoch, epoch + 1);

  const forced = { force: true, signal };
  const change = await store.change(promote, forced);
  assert.equal(change.state?.epoch, epoch + 2);
  assert.equal(change.state?.active, "secondary");
  assert.ok(change.kind === "changed" && await change.copied instanceof Error);
  // Another that did not hold the right before.
  await using other = new StateStore({ ...clusters, timings });
  const later = await other.change(
    (newest) => ({ ...newest!, phase: "recovering" }),
    forced,
  );
  assert.equal(later.state?.epoch, epoch + 3);
  await followed.until((state) => state.epoch === epoch + 3);
  assert.deepEqual(
    followed.epochs.slice(-4),
    [0, 1, 2, 3].map((n) => epoch + n),
  );

  // One that knows the newest state does not ask a cluster that is gone.
  const patient = { ...timings, forcedReadMs: 600_000 };
  await using knowing = new StateStore({ ...clusters, timings: patient });
  const last = await within(
    knowing.change(noting("known"), { ...forced, followed: epoch + 3 }),
    60_000,
    "changed without the primary",
  );
  assert.equal(last.state?.epoch, epoch + 4);
  // Else it does, for as long as it may.
  await using behind = new StateStore({ ...clusters, timings });
  const asked = await behind.change(noting("behind"), {
    ...forced,
    followed: epoch + 3,
  });
  assert.equal(asked.state?.epoch, epoch + 5);
}

async function secondaryKilled({ clusters, secondary }: Scene): Promise<void> {
  const timings = { ...TIMINGS, requestMs: 2_000, readMs: 1_500 };
  await using store = new StateStore({ ...clusters, timings });
  await secondary.brokers[0]!.kill();
  await assert.rejects(
    store.change(noting("in vain"), { force: true, signal }),
    isFailed,
  );
  const copies = await store.read(signal);
  assert.deepEqual(
    [copies.primary.kind, copies.secondary.kind, copies.newest],
    ["failed", "failed", null],
  );
  await assert.rejects(store.history(1, signal), isFailed);
}

/** Follows until it is disposed of. */
function following(store: StateStore) {
  const stop = new AbortController();
  const states: DrState[] = [];
  const ended = (async () => {
    for await (const state of store.follow(stop.signal)) states.push(state);
  })();
  return {
    get epochs() {
      return states.map(({ epoch }) => epoch);
    },
    async until(condition: (state: DrState) => boolean): Promise<void> {
      await eventually(() => states.some(condition), { what: "followed" });
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stop.abort();
      await within(ended, 30_000, "ended");
    },
  };
}
