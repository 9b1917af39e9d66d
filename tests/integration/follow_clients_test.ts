/** Producers and consumers that follow the state, on two embedded clusters. */
import assert from "node:assert/strict";
import {
  type FollowedBatch,
  FollowError,
  type FollowErrorKind,
  PropertyError,
} from "../../dr/follow/mod.ts";
import { produce, text } from "../support/embedded.ts";
import {
  Application,
  FollowWorld,
  GROUP,
  ORDERS,
} from "../support/follow_world.ts";
import { eventually, within } from "../support/wait.ts";

const { signal } = new AbortController();
const order = (value: string) => ({ topic: ORDERS, value });
const isKind = (kind: FollowErrorKind) => (error: unknown) =>
  error instanceof FollowError && error.kind === kind;
const valuesOf = ({ records }: FollowedBatch) =>
  records.map(({ value }) => text(value));
/** Less than what any client would wait for by itself; but not a moment. */
const PATIENCE_MS = 20_000;

Deno.test("where nobody keeps a state, the primary is in use", async () => {
  await using world = new FollowWorld();
  await using application = await within(
    Application.start(world, { startMs: 10 * PATIENCE_MS }),
    PATIENCE_MS,
    "begun when both clusters said so",
  );
  const producer = application.producer();
  const [place] = await producer.send(order("a"), signal);
  assert.deepEqual(place, { cluster: "primary", epoch: 0, offset: 0 });
  const batch = await application.consumer().next(signal);
  assert.deepEqual(valuesOf(batch), ["a"]);
  assert.deepEqual([batch.cluster, batch.epoch], ["primary", 0]);
});

Deno.test("where neither cluster answers, the primary is in use after a while, until there is a state", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  const { epoch } = await world.change("secondary");
  world.kill(world.primary);
  world.kill(world.secondary);
  await using application = await Application.start(world, {
    startMs: 200,
    endMs: 200,
  });
  assert.equal(application.active.stay?.cluster, "primary");
  const sending = application.producer().send(order("a"), signal);
  world.heal(world.secondary);
  const [place] = await within(sending, PATIENCE_MS, "acknowledged");
  assert.deepEqual(place, { cluster: "secondary", epoch, offset: 0 });
});

Deno.test("whoever begins after a switch begins on the new cluster, though the old one still says otherwise", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  const { epoch } = await world.change("secondary");
  world.kill(world.primary);
  await using application = await Application.start(world);
  const [place] = await application.producer().send(order("a"), signal);
  assert.deepEqual(place, { cluster: "secondary", epoch, offset: 0 });
});

Deno.test("producer and consumer move with the state", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  await using application = await Application.start(world);
  const producer = application.producer();
  const consumer = application.consumer();
  const seen: string[] = [];
  const handled = Promise.withResolvers<void>();
  const running = consumer.run((batch) => {
    seen.push(...valuesOf(batch).map((value) => `${batch.cluster} ${value}`));
    if (seen.length === 2) handled.resolve();
  }, signal);
  const [before] = await producer.send(order("a"), signal);
  await eventually(() => seen.length === 1, { what: "handled" });
  const { epoch } = await world.change("secondary");
  await application.on("secondary");
  const [after] = await producer.send(order("b"), signal);
  await within(handled.promise, 30_000, "handled");
  assert.deepEqual(seen, ["primary a", "secondary b"]);
  assert.equal(before!.cluster, "primary");
  assert.deepEqual(after, { cluster: "secondary", epoch, offset: 0 });
  await eventually(
    async () => await world.committedOn(world.secondary) === 1,
    { what: "committed" },
  );
  await consumer[Symbol.asyncDispose]();
  await running;
  assert.deepEqual(
    application.of("switch").map((
      { from, to },
    ) => [from?.cluster, to?.cluster]),
    [[undefined, "primary"], ["primary", "secondary"]],
  );
});

for (const fault of ["hang", "kill"] as const) {
  Deno.test(`what a cluster did not acknowledge before it was left is sent to the other one, in order (${fault})`, async () => {
    await using world = new FollowWorld();
    await world.keepState();
    await using application = await Application.start(world, { endMs: 200 });
    const producer = application.producer();
    await producer.send(order("before"), signal);
    world[fault](world.primary);
    const values = Array.from({ length: 50 }, (_, at) => `${at}`);
    const sending = Promise.all(
      values.map((value) => producer.send(order(value), signal)),
    );
    await eventually(() => producer.pendingBytes > 0, { what: "sent" });
    await world.change("secondary");
    const places = await within(sending, PATIENCE_MS, "acknowledged");
    assert.ok(places.flat().every(({ cluster }) => cluster === "secondary"));
    assert.deepEqual(await world.ordersOn(world.secondary, 50), values);
    assert.deepEqual(
      application.of("resent").map((
        { cluster, records },
      ) => [cluster, records]),
      [["secondary", 50]],
    );
    assert.equal(producer.pendingBytes, 0);
  });
}

Deno.test("where it is wished for, what was not acknowledged fails, and the next one goes to the new cluster", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  await using application = await Application.start(world, { endMs: 200 });
  const producer = application.producer({ onSwitch: "fail" });
  await producer.send(order("before"), signal);
  world.hang(world.primary);
  const sending = producer.send(order("lost"), signal);
  sending.catch(() => {}); // awaited below
  await world.change("secondary");
  await assert.rejects(
    within(sending, PATIENCE_MS, "failed"),
    isKind("unacknowledged"),
  );
  await producer.send(order("after"), signal);
  assert.deepEqual(await world.ordersOn(world.secondary, 1), ["after"]);
});

Deno.test("while a switch is under way nothing is sent, and what waits goes to the new cluster", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  await using application = await Application.start(world);
  for (const onSwitch of ["resend", "fail"] as const) {
    const producer = application.producer({ onSwitch });
    await world.change("primary", "fencing");
    await application.on(null);
    const given = new AbortController();
    const sending = producer.send(order(onSwitch), signal);
    const gone = producer.send(order("given up"), given.signal);
    given.abort(new Error("given up"));
    await assert.rejects(gone, /given up/);
    await world.change("secondary");
    const [place] = await sending;
    assert.equal(place!.cluster, "secondary");
    await world.change("primary");
    await application.on("primary");
  }
  assert.deepEqual(
    await world.ordersOn(world.secondary, 2),
    ["resend", "fail"],
  );
});

Deno.test("what is not acknowledged stays within its bound, whatever is sent", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  await using application = await Application.start(world, { endMs: 200 });
  const pendingBytes = 10_000;
  const producer = application.producer({ pendingBytes });
  await producer.send(order("before"), signal);
  world.hang(world.primary);
  const values = Array.from({ length: 100 }, (_, at) => `${at}`.padEnd(1000));
  let highest = 0;
  const sending = Promise.all(values.map(async (value) => {
    await producer.send(order(value), signal);
    highest = Math.max(highest, producer.pendingBytes);
  }));
  await eventually(() => producer.pendingBytes > pendingBytes / 2, {
    what: "full",
  });
  assert.ok(producer.pendingBytes <= pendingBytes);
  await world.change("secondary");
  await within(sending, PATIENCE_MS, "acknowledged");
  assert.ok(highest <= pendingBytes);
  // librdkafka itself had no more than that.
  const [resent] = application.of("resent");
  const { records } = resent!;
  assert.ok(records > 1 && records <= pendingBytes / 1000);
  assert.deepEqual(await world.ordersOn(world.secondary, 100), values);
});

Deno.test("the group goes on from its position on the new cluster, and the old batch is not committed there", async () => {
  await using world = new FollowWorld();
  await world.keepState();
  const values = Array.from({ length: 10 }, (_, at) => `${at}`);
  for (const cluster of [world.primary, world.secondary]) {
    await produce(cluster.bootstrapServers, values.map(order));
  }
  await world.release(world.secondary, 3);
  await using application = await Application.start(world);
  const consumer = application.consumer({ batchRecords: 5 });
  const first = await consumer.next(signal);
  await first.commit(signal);
  const second = await consumer.next(signal);
  const done = first.records.length + second.records.length;
  assert.deepEqual(
    [...valuesOf(first), ...valuesOf(second)],
    values.slice(0, done),
  );
  const { epoch } = await world.change("secondary");
  await application.on("secondary");
  assert.ok(second.signal.aborted);
  await assert.rejects(second.commit(signal), isKind("stale"));
  const third = await consumer.next(signal);
  assert.deepEqual([third.cluster, third.epoch], ["secondary", epoch]);
  assert.equal(valuesOf(third)[0], "3");
  await assert.rejects(second.commit(signal), isKind("stale"));
  assert.equal(await world.committedOn(world.secondary), 3);
  assert.equal(
    await world.committedOn(world.primary),
    first.records.length,
  );
  await third.commit(signal);
  assert.equal(
    await world.committedOn(world.secondary),
    3 + third.records.length,
  );
});

for (const fault of ["hang", "kill"] as const) {
  Deno.test(`a cluster that is dead delays neither the move nor the end (${fault})`, async () => {
    await using world = new FollowWorld();
    await world.keepState();
    for (const cluster of [world.primary, world.secondary]) {
      await produce(cluster.bootstrapServers, [order("a")]);
    }
    await using application = await Application.start(world, { endMs: 500 });
    const producer = application.producer();
    const consumer = application.consumer();
    const batch = await consumer.next(signal);
    world[fault](world.primary);
    const committing = batch.commit(signal);
    const sending = producer.send(order("b"), signal);
    committing.catch(() => {}); // awaited below
    await world.change("secondary");
    await assert.rejects(
      within(committing, PATIENCE_MS, "refused"),
      isKind("stale"),
    );
    await within(sending, PATIENCE_MS, "acknowledged");
    const again = await within(consumer.next(signal), PATIENCE_MS, "moved");
    assert.equal(again.cluster, "secondary");
    world[fault](world.secondary);
    const last = producer.send(order("c"), signal);
    last.catch(() => {}); // awaited below
    await within(application.end(), PATIENCE_MS, "ended");
    await assert.rejects(last, isKind("closed"));
    await assert.rejects(producer.send(order("d"), signal), isKind("closed"));
    await assert.rejects(consumer.next(signal), isKind("closed"));
  });
}

Deno.test("what was handled is committed when the end is wished for, and only that", async () => {
  await using world = new FollowWorld();
  const values = Array.from({ length: 20 }, (_, at) => `${at}`);
  await produce(world.primary.bootstrapServers, values.map(order));
  await using application = await Application.start(world);
  const stop = new AbortController();
  const seen: (string | null)[] = [];
  const consumer = application.consumer({ batchRecords: 4 });
  await consumer.run((batch) => {
    seen.push(...valuesOf(batch));
    if (seen.length >= 8) stop.abort();
  }, stop.signal);
  assert.equal(await world.committedOn(world.primary), seen.length);
  await consumer[Symbol.asyncDispose]();
  const next = await application.consumer().next(signal);
  assert.equal(valuesOf(next)[0], `${seen.length}`);
});

Deno.test("a handler that fails ends the run, and nothing of its batch is committed", async () => {
  await using world = new FollowWorld();
  await produce(world.primary.bootstrapServers, [order("a")]);
  await using application = await Application.start(world);
  const consumer = application.consumer();
  const running = consumer.run(() => {
    throw new Error("no order");
  }, signal);
  await assert.rejects(running, /no order/);
  assert.equal(await world.committedOn(world.primary), null);
});

Deno.test("batches come one after another until the consumer is closed", async () => {
  await using world = new FollowWorld();
  const values = Array.from({ length: 9 }, (_, at) => `${at}`);
  await produce(world.primary.bootstrapServers, values.map(order));
  await using application = await Application.start(world);
  const consumer = application.consumer({ batchRecords: 4 });
  const seen: (string | null)[] = [];
  for await (const batch of consumer) {
    assert.ok(batch.records.length <= 4);
    seen.push(...valuesOf(batch));
    await batch.commit(signal);
    if (seen.length === 9) consumer[Symbol.asyncDispose]();
  }
  assert.deepEqual(seen, values);
  assert.equal(await world.committedOn(world.primary), 9);
});

Deno.test("a batch whose partitions went to another member is not committed", async () => {
  await using world = new FollowWorld(2);
  for (const partition of [0, 1]) {
    await produce(world.primary.bootstrapServers, [
      { ...order(`${partition}`), partition },
    ]);
  }
  await using one = await Application.start(world);
  await using other = await Application.start(world);
  const consumer = one.consumer({ revokeMs: 100 });
  const batches: FollowedBatch[] = [];
  const has = (partition: number) =>
    batches.flatMap(({ records }) => records)
      .some((record) => record.partition === partition);
  while (!(has(0) && has(1))) batches.push(await consumer.next(signal));
  const second = other.consumer();
  const batch = await second.next(signal);
  const [taken] = batch.records;
  const stale = batches.find(({ records }) =>
    records.some(({ partition }) => partition === taken!.partition)
  );
  await assert.rejects(stale!.commit(signal), isKind("stale"));
  assert.equal(
    await world.committedOn(world.primary, GROUP, taken!.partition),
    null,
  );
  await batch.commit(signal);
});

Deno.test("properties are checked for both clusters at the beginning", async () => {
  await using world = new FollowWorld();
  const kafka = { "bootstrap.servers": world.secondary.bootstrapServers };
  await assert.rejects(
    Application.start(world, {
      secondary: { kafka, consumer: { "session.timeout.ms": 0 } },
    }),
    PropertyError,
  );
  await using application = await Application.start(world, {
    secondary: { kafka, producer: { "acks": 7000 } },
  });
  assert.throws(() => application.producer(), PropertyError);
  assert.throws(
    () => application.consumer({ properties: { "session.timeout.ms": 0 } }),
    PropertyError,
  );
  for (
    const properties of [
      { "transactional.id": "t" },
      { "acks": 0, "enable.idempotence": false },
    ]
  ) {
    assert.throws(() => application.producer({ properties }), RangeError);
  }
  assert.throws(() => application.consumer({ batchRecords: 0 }), RangeError);
});
