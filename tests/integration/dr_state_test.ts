/** The state on two real clusters: who may write it, and who hears of it. */
import assert from "node:assert/strict";
import {
  type DrState,
  ensureStateTopics,
  HISTORY_TOPIC,
  STATE_TOPIC,
  STATE_TRANSACTIONAL_ID,
  StateError,
  type StateErrorKind,
  StateStore,
  StateTopicError,
} from "../../dr/state/mod.ts";
import { KafkaProxy } from "../chaos/proxy.ts";
import { Child } from "../support/child.ts";
import {
  ensureTopics,
  insist,
  noting,
  stateClusters,
  statesUpTo,
  TIMINGS,
} from "../support/dr_state.ts";
import { Sender } from "../support/embedded.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually, within } from "../support/wait.ts";

const CHANGES = 12;
const writer =
  new URL("../support/dr_state_writer.ts", import.meta.url).pathname;

realKafkaTest("the state has one writer at a time", async (context) => {
  await using stack = new AsyncDisposableStack();
  const primary = stack.use(await KafkaCluster.start({ heapMb: 256 }));
  const secondary = stack.use(
    await KafkaCluster.start({ heapMb: 256, nodeIdBase: 101, proxied: true }),
  );
  const scene = new Scene(stack, primary, secondary);
  await ensureTopics(scene.clusters, scene.signal);
  for (const [name, step] of Object.entries(STEPS)) {
    if (await context.step(name, () => step(scene))) continue;
    primary.keepLogs();
    secondary.keepLogs();
  }
});

class Scene {
  readonly primary: KafkaCluster;
  readonly secondary: KafkaCluster;
  readonly clusters: ReturnType<typeof stateClusters>;
  readonly signal = new AbortController().signal;

  constructor(
    stack: AsyncDisposableStack,
    primary: KafkaCluster,
    secondary: KafkaCluster,
  ) {
    this.primary = primary;
    this.secondary = secondary;
    this.clusters = stateClusters(stack, {
      primary: primary.bootstrapServers,
      secondary: secondary.bootstrapServers,
    });
  }

  store(requestMs = TIMINGS.requestMs): StateStore {
    return new StateStore({
      ...this.clusters,
      timings: { ...TIMINGS, requestMs },
    });
  }

  async newest(): Promise<number> {
    await using store = this.store();
    const { newest, secondary } = await store.read(this.signal);
    assert.equal(secondary.kind, "read");
    return newest?.epoch ?? 0;
  }

  /** All that was ever committed, by kafkajs; each epoch once. */
  async history(): Promise<DrState[]> {
    const last = await this.newest();
    const { bootstrapServers } = this.secondary;
    const states = await statesUpTo(bootstrapServers, HISTORY_TOPIC, last);
    assert.deepEqual(
      states.map(({ epoch }) => epoch),
      Array.from({ length: last }, (_, at) => at + 1),
    );
    return states;
  }
}

const isKind = (kind: StateErrorKind) => (error: unknown) =>
  error instanceof StateError && error.kind === kind;

const STEPS: Readonly<Record<string, (scene: Scene) => Promise<void>>> = {
  "topics that are there can be ensured again, and an unfit one is refused":
    ensured,
  "writers that race get an epoch each, and none is lost": raced,
  "one that was left in the middle is fenced, and its change never appears":
    leftInTheMiddle,
  "one that comes back after others decides anew on what they wrote": cameBack,
  "one that has the right to write goes on without taking it again": goneOn,
  "what a killed writer had open is aborted by the next one": hanging,
  "a commit whose answer is lost is looked for": answerLost,
  "a commit that another fenced before its answer came is looked for":
    answerFenced,
  "what the cluster never acknowledged was not written": neverWritten,
  "writers that are killed leave every epoch that they announced": killed,
};

async function ensured({ clusters, signal }: Scene): Promise<void> {
  await ensureTopics(clusters, signal);
  const { admin } = clusters.clusters.primary;
  const set = (value: string) =>
    admin.configs.alter([{
      type: "topic",
      name: STATE_TOPIC,
      changes: [{ operation: "set", name: "cleanup.policy", value }],
    }], { timeoutMs: 30_000 });
  const ensure = () =>
    ensureStateTopics(
      { admin, cluster: "primary", replicationFactor: 1, timeoutMs: 30_000 },
      signal,
    );
  await set("delete");
  await eventually(
    () => assert.rejects(ensure(), StateTopicError).then(() => true),
    { what: "refused" },
  );
  await set("compact");
  await eventually(() => ensure().then(() => true), { what: "taken again" });
}

async function raced(scene: Scene): Promise<void> {
  const before = await scene.newest();
  const seen: number[] = [];
  const stop = new AbortController();
  await using follower = scene.store();
  const following = (async () => {
    for await (const { epoch } of follower.follow(stop.signal)) {
      seen.push(epoch);
    }
  })();
  // It must not begin after them, or it would rightly leave some out.
  await eventually(() => before === 0 || seen.length > 0, { what: "begun" });
  const written = await Promise.all(["a", "b"].map(async (name) => {
    await using store = scene.store();
    const mine: DrState[] = [];
    for (let count = 0; count < CHANGES; count++) {
      mine.push(await insist(store, `${name} ${count}`, scene.signal));
    }
    return mine;
  }));
  const all = written.flat().toSorted((one, other) => one.epoch - other.epoch);
  const history = await scene.history();
  assert.deepEqual(history.slice(before), all);
  await eventually(() => seen.at(-1) === before + 2 * CHANGES, {
    what: "heard of the last change",
  });
  stop.abort();
  await within(following, 30_000, "ended");
  assert.deepEqual(seen, Array.from(seen, (_, at) => seen[0]! + at));
}

async function leftInTheMiddle(scene: Scene): Promise<void> {
  await using slow = scene.store();
  await using quick = scene.store();
  const { signal } = scene;
  const change = slow.change(async (newest) => {
    await insist(quick, "quick", signal);
    return noting("slow")(newest);
  }, { signal });
  await assert.rejects(change, isKind("fenced"));
  const history = await scene.history();
  assert.equal(history.at(-1)!.reason, "quick");
  assert.ok(history.every(({ reason }) => reason !== "slow"));
}

async function cameBack(scene: Scene): Promise<void> {
  await using one = scene.store();
  await using other = scene.store();
  const { signal } = scene;
  await insist(one, "one", signal);
  const { epoch } = await insist(other, "other", signal);
  // Also where it decides that there is nothing to do.
  assert.deepEqual(await one.change(() => null, { signal }), {
    kind: "unchanged",
    state: (await scene.history()).at(-1),
  });
  const seen: (string | undefined)[] = [];
  const change = await one.change((newest) => {
    seen.push(newest?.reason);
    return noting("back")(newest);
  }, { signal });
  assert.deepEqual(seen, ["other"]);
  assert.equal(change.state?.epoch, epoch + 1);
}

async function goneOn(scene: Scene): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { proxy, store } = behindProxy(scene, stack, TIMINGS.requestMs);
  const { epoch } = await insist(store, "first", scene.signal);
  using drops = proxy.drop({
    apis: ["InitProducerId"],
    count: Infinity,
    then: "cut",
  });
  for (let more = 1; more <= 3; more++) {
    const { state } = await store.change(noting("more"), scene);
    assert.equal(state?.epoch, epoch + more);
  }
  assert.equal(drops.dropped, 0);
}

async function hanging(scene: Scene): Promise<void> {
  await using dying = new Sender(scene.secondary.bootstrapServers, {
    "transactional.id": STATE_TRANSACTIONAL_ID,
    "transaction.timeout.ms": 600_000,
  });
  await dying.producer.initTransactions(30_000);
  dying.producer.beginTransaction();
  const value = JSON.stringify({
    ...noting("never")(null),
    epoch: 1_000_000,
    sinceMs: 0,
  });
  await dying.send([STATE_TOPIC, HISTORY_TOPIC].map((topic) => ({
    topic,
    key: "state",
    value,
    partition: 0,
  })));
  await using store = scene.store();
  const { epoch } = await insist(store, "after", scene.signal);
  assert.equal(await scene.newest(), epoch);
  assert.ok((await scene.history()).every(({ reason }) => reason !== "never"));
  await assert.rejects(dying.producer.commitTransaction(30_000));
  assert.equal(await scene.newest(), epoch);
}

async function answerLost(scene: Scene): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { proxy, store } = behindProxy(scene, stack, TIMINGS.requestMs);
  const before = await scene.newest();
  using drops = proxy.drop({ apis: ["EndTxn"], count: Infinity, then: "cut" });
  const { state } = await store.change(noting("unanswered"), scene);
  assert.ok(drops.dropped > 0);
  assert.deepEqual(state, (await scene.history()).at(-1));
  assert.equal(state?.epoch, before + 1);
}

async function answerFenced(scene: Scene): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { proxy, store } = behindProxy(scene, stack, TIMINGS.requestMs);
  await using other = scene.store();
  const drops = proxy.drop({ apis: ["EndTxn"], count: Infinity, then: "cut" });
  const change = store.change(noting("outrun"), scene);
  change.catch(() => {}); // awaited below
  await eventually(() => drops.dropped > 0, { what: "committed", everyMs: 1 });
  const { epoch } = await insist(other, "outrunning", scene.signal);
  drops[Symbol.dispose]();
  const { state } = await change;
  assert.equal(state?.epoch, epoch - 1);
  assert.deepEqual(
    (await scene.history()).slice(-2).map(({ reason }) => reason),
    ["outrun", "outrunning"],
  );
}

async function neverWritten(scene: Scene): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const { proxy, store } = behindProxy(scene, stack, 3_000);
  const before = await scene.newest();
  const drops = proxy.drop({ apis: ["Produce"], count: Infinity, then: "cut" });
  await assert.rejects(
    store.change(noting("lost"), scene),
    isKind("failed"),
  );
  drops[Symbol.dispose]();
  const { epoch } = await insist(store, "found", scene.signal);
  assert.equal(epoch, before + 1);
  assert.ok((await scene.history()).every(({ reason }) => reason !== "lost"));
}

async function killed(scene: Scene): Promise<void> {
  const announced: number[] = [];
  for (let turn = 1; turn <= 3; turn++) {
    await using child = Child.deno([
      "run",
      "-A",
      "--no-check",
      writer,
      scene.primary.bootstrapServers,
      scene.secondary.bootstrapServers,
      `child ${turn}`,
    ]);
    await eventually(
      () => child.lines("stdout").length >= 10 * turn,
      { what: "wrote some", timeoutMs: 60_000, everyMs: 3 },
    );
    child.signal("SIGKILL");
    assert.equal((await child.exit()).signal, "SIGKILL");
    announced.push(
      ...child.lines("stdout").map((line) => Number(line.split(" ")[1])),
    );
    await using store = scene.store();
    await insist(store, `after ${turn}`, scene.signal);
  }
  const history = await scene.history();
  for (const epoch of announced) {
    assert.match(history[epoch - 1]!.reason, /^child/);
  }
  const { bootstrapServers } = scene.secondary;
  const states = await statesUpTo(
    bootstrapServers,
    STATE_TOPIC,
    history.length,
  );
  assert.deepEqual(states.at(-1), history.at(-1));
}

/** A store that reaches the secondary through a proxy alone. */
function behindProxy(
  { primary, secondary }: Scene,
  stack: AsyncDisposableStack,
  requestMs: number,
) {
  const [route] = secondary.routes;
  const proxy = stack.use(new KafkaProxy({ ...route!, random: Math.random }));
  const clusters = stateClusters(stack, {
    primary: primary.bootstrapServers,
    secondary: secondary.proxiedServers,
  });
  const timings = { ...TIMINGS, requestMs };
  return { proxy, store: stack.use(new StateStore({ ...clusters, timings })) };
}
