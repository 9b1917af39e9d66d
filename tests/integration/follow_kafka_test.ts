/** The same clients on two real clusters, of which the old one stands still. */
import assert from "node:assert/strict";
import {
  ActiveCluster,
  type ActiveClusterOptions,
  type FollowedBatch,
  type FollowerEvent,
  FollowError,
  FollowingConsumer,
  FollowingProducer,
} from "../../dr/follow/mod.ts";
import { StateStore } from "../../dr/state/mod.ts";
import {
  ensureTopics,
  noting,
  stateClusters,
  TIMINGS,
} from "../support/dr_state.ts";
import { library, text } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually, within } from "../support/wait.ts";

const { signal } = new AbortController();
const ORDERS = "orders";
const GROUP = "application";
/** Less than librdkafka would wait for a broker that stands still. */
const PATIENCE_MS = 30_000;
const order = (value: string) => ({ topic: ORDERS, key: "k", value });
const isStale = (error: unknown) =>
  error instanceof FollowError && error.kind === "stale";

const propertiesOf = ({ bootstrapServers }: KafkaCluster) => ({
  kafka: { "bootstrap.servers": bootstrapServers },
});

realKafkaTest(
  "an application leaves a cluster that stands still, resends, and commits nothing old on the new one",
  async () => {
    await using stack = new AsyncDisposableStack();
    const primary = stack.use(await KafkaCluster.start({ heapMb: 256 }));
    const secondary = stack.use(
      await KafkaCluster.start({ heapMb: 256, nodeIdBase: 101 }),
    );
    const clusters = stateClusters(stack, {
      primary: primary.bootstrapServers,
      secondary: secondary.bootstrapServers,
    });
    const events: FollowerEvent[] = [];
    const options = {
      library,
      primary: propertiesOf(primary),
      secondary: propertiesOf(secondary),
      onEvent: (event: FollowerEvent) => events.push(event),
      endMs: 500,
    };
    await beginsWithoutState(options);
    await ensureTopics(clusters, signal);
    for (const cluster of [primary, secondary]) {
      await cluster.createTopic(ORDERS, 1);
    }
    const store = stack.use(new StateStore({ ...clusters, timings: TIMINGS }));
    await store.change(noting("first"), { signal });

    const active = stack.use(await ActiveCluster.open(options, signal));
    const producer = stack.use(
      new FollowingProducer(active, { onSwitch: "resend" }),
    );
    const consumer = stack.use(
      new FollowingConsumer(active, { group: GROUP, topics: [ORDERS] }),
    );
    await producer.send(order("1"), signal);
    const first = await consumer.next(signal);
    await first.commit(signal);
    await producer.send(order("2"), signal);
    const second = await consumer.next(signal);

    for (const broker of primary.brokers) broker.pause();
    const values = Array.from({ length: 100 }, (_, at) => `resent ${at}`);
    const sending = Promise.all(
      values.map((value) => producer.send(order(value), signal)),
    );
    const committing = second.commit(signal);
    committing.catch(() => {}); // awaited below
    await eventually(() => producer.pendingBytes > 0, { what: "sent" });
    const { state } = await store.change((newest) => ({
      ...newest!,
      active: "secondary",
      era: newest!.era + 1,
      reason: "it stands still",
    }), { force: true, signal });

    const places = (await within(sending, PATIENCE_MS, "acknowledged")).flat();
    assert.deepEqual(
      places.map(({ cluster, epoch, offset }) => [cluster, epoch, offset]),
      values.map((_, offset) => ["secondary", state!.epoch, offset]),
    );
    await assert.rejects(within(committing, PATIENCE_MS, "refused"), isStale);
    const seen: FollowedBatch[] = [];
    const count = () => seen.flatMap(({ records }) => records).length;
    while (count() < values.length) {
      const batch = await within(consumer.next(signal), PATIENCE_MS, "moved");
      seen.push(batch);
      await batch.commit(signal);
    }
    assert.deepEqual(
      seen.flatMap(({ records }) => records).map(({ value }) => text(value)),
      values,
    );
    assert.ok(seen.every(({ cluster }) => cluster === "secondary"));
    await using independent = await IndependentClient.connect(
      secondary.bootstrapServers,
    );
    const [committed] = await independent.committedOffsets(GROUP, ORDERS);
    assert.equal(committed?.offset, values.length);
    const resent = events.filter(({ kind }) => kind === "resent");
    assert.equal(resent.length, 1);

    await within(consumer[Symbol.asyncDispose](), PATIENCE_MS, "ended");
    await within(producer[Symbol.asyncDispose](), PATIENCE_MS, "ended");
    await within(active[Symbol.asyncDispose](), PATIENCE_MS, "ended");
    for (const broker of primary.brokers) broker.resume();
    await within(active.idle(), 120_000, "idle");
  },
);

/** As soon as both clusters say that there is no such topic. */
async function beginsWithoutState(options: ActiveClusterOptions) {
  const unlimited = { ...options, startMs: 10 * PATIENCE_MS };
  await using active = await within(
    ActiveCluster.open(unlimited, signal),
    PATIENCE_MS,
    "begun",
  );
  assert.equal(active.stay?.cluster, "primary");
  assert.equal(active.epoch, 0);
  await active[Symbol.asyncDispose]();
  await within(active.idle(), 120_000, "idle");
}
