/** A switch that is given up once it had fenced, and a failover later. */
import assert from "node:assert/strict";
import { StateStore } from "../../dr/state/mod.ts";
import { ensureTopics, stateClusters, TIMINGS } from "../support/dr_state.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const busy = "busy";
const idle = "idle";
const topics = [busy, idle];
const group = "readers";
const { signal } = new AbortController();

realKafkaTest(
  "a mirror that goes on after a switch was given up leaves groups where they stood",
  async () => {
    await using pair = await MirrorPair.start({
      heapMb: 256,
    });
    try {
      await goOn(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

async function goOn(pair: MirrorPair): Promise<void> {
  const runs = new FailbackRuns(pair, {
    MIRROR_TOPICS: topics.join(","),
    HTTP_PORT: "0",
  });
  for (const topic of topics) await pair.create(topic, 1);
  await using mirror = pair.mirror(topics, {
    MIRROR_GROUP_SYNC: "true",
    MIRROR_CUT_INTERVAL_MS: "300",
  });
  await mirror.running();
  for (const topic of topics) await produce(pair, topic, 10);
  await stand(pair, busy, 3);
  await stand(pair, idle, 10);
  await pair.caughtUp(topics, [mirror]);
  await released(pair, 3);

  await fenced(pair);
  const { state } = await runs.json("failover", "--cancel");
  assert.deepEqual([state.active, state.phase, state.era], [
    "primary",
    "steady",
    1,
  ]);
  await eventually(async () => {
    await produce(pair, busy, 1);
    return (await mirror.status()).era === 1;
  }, { what: "mirrored in the next era", timeoutMs: 90_000, everyMs: 500 });
  await pair.caughtUp(topics, [mirror]);
  // A cut that knows of the new era: all positions come with it.
  await stand(pair, busy, 4);
  await released(pair, 4);
  await mirror.stop();
  await runs.json("failover", "--force");
  await released(pair, 4);
}

const produce = ({ source }: MirrorPair, topic: string, count: number) =>
  source.client.produce(
    topic,
    Array.from({ length: count }, (_, at) => ({ key: null, value: `${at}` })),
  );

async function stand(
  { source }: MirrorPair,
  topic: string,
  offset: number,
): Promise<void> {
  const [answer] = await source.admin.groups.alterOffsets(
    group,
    [{ topic, partition: 0, offset }],
    { timeoutMs: 60_000 },
  );
  if (answer!.error !== null) throw answer!.error;
}

/** It stands behind as many records there as here. */
async function released({ target }: MirrorPair, read: number): Promise<void> {
  await eventually(async () => {
    for (const [topic, count] of [[busy, read], [idle, 10]] as const) {
      const [position] = await target.client.committedOffsets(group, topic);
      const records = await target.client.readTopic(topic);
      const expected = records[count - 1]!.offset + 1;
      if (position?.offset === expected) continue;
      throw new Error(`${topic}: at ${position?.offset}, not ${expected}`);
    }
    return true;
  }, { what: "released on the secondary", timeoutMs: 60_000, everyMs: 300 });
}

/** Somebody was in the middle of a switch, and is gone. */
async function fenced({ source, target }: MirrorPair): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const clusters = stateClusters(stack, {
    primary: source.cluster.bootstrapServers,
    secondary: target.cluster.bootstrapServers,
  });
  await ensureTopics(clusters, signal, 1);
  const store = stack.use(new StateStore({ ...clusters, timings: TIMINGS }));
  await store.change(() => ({
    active: "primary",
    phase: "fencing",
    era: 0,
    lanes: null,
    reason: "test",
  }), { signal });
}
