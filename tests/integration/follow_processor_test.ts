/**
 * Processors that follow the state, on two embedded clusters, which do not keep
 * the positions of transactions: `follow_exactly_once_test.ts` has real ones.
 */
import assert from "node:assert/strict";
import {
  type FollowedRecord,
  type OutputRecord,
  PropertyError,
} from "../../dr/follow/mod.ts";
import type { MockCluster } from "../../src/kafka/mod.ts";
import { Member, produce, text } from "../support/embedded.ts";
import { Application, FollowWorld, ORDERS } from "../support/follow_world.ts";
import { pause } from "../support/pause.ts";
import { eventually, within } from "../support/wait.ts";

const { signal } = new AbortController();
const BILLS = "bills";
const PATIENCE_MS = 30_000;
const order = (value: string) => ({ topic: ORDERS, value });
const bill = ({ value }: FollowedRecord): OutputRecord[] => [
  { topic: BILLS, value },
];

async function startWorld(): Promise<FollowWorld> {
  const world = new FollowWorld();
  for (const cluster of [world.primary, world.secondary]) {
    cluster.createTopic(BILLS, 1);
  }
  await world.keepState();
  return world;
}

async function billsOn(
  { bootstrapServers }: MockCluster,
  count: number,
): Promise<string[]> {
  await using reader = new Member(bootstrapServers, {
    "group.id": `reader-${crypto.randomUUID()}`,
  });
  reader.consumer.subscribe([BILLS]);
  await reader.until(() => reader.received.length >= count, "billed");
  return reader.received.map(({ value }) => text(value)!);
}

for (const fault of ["kill", "hang"] as const) {
  Deno.test(`a processor moves with the state, and commits results and positions where it works (${fault})`, async () => {
    await using world = await startWorld();
    await using application = await Application.start(world, { endMs: 500 });
    await using processor = application.processor();
    await produce(world.primary.bootstrapServers, [order("a"), order("b")]);
    await produce(world.secondary.bootstrapServers, [order("c")]);
    const running = processor.run(bill, signal);
    assert.deepEqual(await billsOn(world.primary, 2), ["a", "b"]);
    world[fault](world.primary);
    await world.change("secondary");
    assert.deepEqual(await billsOn(world.secondary, 1), ["c"]);
    await within(processor[Symbol.asyncDispose](), PATIENCE_MS, "closed");
    await running;
  });
}

Deno.test("what cannot be processed ends the run; nothing of its batch is there, and the next run begins with it", async () => {
  await using world = await startWorld();
  await produce(world.primary.bootstrapServers, ["a", "b", "c"].map(order));
  await using application = await Application.start(world);
  const processor = application.processor();
  const failing = processor.run((record) => {
    if (text(record.value) === "b") throw new Error("no order");
    return bill(record);
  }, signal);
  await assert.rejects(within(failing, PATIENCE_MS, "failed"), /no order/);
  const stop = new AbortController();
  const running = processor.run(bill, stop.signal);
  assert.deepEqual(await billsOn(world.primary, 3), ["a", "b", "c"]);
  stop.abort();
  await within(running, PATIENCE_MS, "ended");
});

Deno.test("what was not committed is read again where the group stands nowhere yet and begins with what is new", async () => {
  await using world = await startWorld();
  await using application = await Application.start(world);
  const processor = application.processor({
    properties: { "auto.offset.reset": "latest" },
  });
  const failing = processor.run(() => {
    throw new Error("no order");
  }, signal);
  failing.catch(() => {}); // awaited below
  // Whenever the group was joined, one of these comes after it.
  const values: string[] = [];
  const failed = failing.then(() => false, () => true);
  while (!await Promise.race([failed, pause(50)])) {
    values.push(`${values.length}`);
    await produce(world.primary.bootstrapServers, [order(values.at(-1)!)]);
  }
  await assert.rejects(failing, /no order/);
  const seen: string[] = [];
  const running = processor.run((record) => {
    seen.push(text(record.value)!);
    return bill(record);
  }, signal);
  await produce(world.primary.bootstrapServers, [order("last")]);
  await eventually(() => seen.includes("last"), { what: "read" });
  const all = [...values, "last"];
  assert.ok(seen.length > 1, `${seen}`);
  assert.deepEqual(seen, all.slice(-seen.length));
  await application.end();
  await running;
});

Deno.test("there is one run at a time", async () => {
  await using world = await startWorld();
  await using application = await Application.start(world);
  const processor = application.processor();
  const running = processor.run(bill, signal);
  await assert.rejects(processor.run(bill, signal), TypeError);
  await processor[Symbol.asyncDispose]();
  await running;
});

Deno.test("a record of which nothing comes is done, and what comes of others can wait", async () => {
  await using world = await startWorld();
  await produce(world.primary.bootstrapServers, ["a", "b", "c"].map(order));
  await using application = await Application.start(world);
  const running = application.processor().run(async (record) => {
    await Promise.resolve();
    return text(record.value) === "b" ? [] : [...bill(record), ...bill(record)];
  }, signal);
  assert.deepEqual(await billsOn(world.primary, 4), ["a", "a", "c", "c"]);
  await application.end();
  await running;
});

Deno.test("what is being processed when its cluster is left is not written there", async () => {
  await using world = await startWorld();
  await produce(world.primary.bootstrapServers, [order("a")]);
  await using application = await Application.start(world);
  const begun = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  const running = application.processor().run(async (record, over) => {
    if (text(record.value) === "a") {
      begun.resolve();
      await new Promise((resolve) => over.addEventListener("abort", resolve));
      left.resolve();
    }
    return bill(record);
  }, signal);
  await within(begun.promise, PATIENCE_MS, "begun");
  await world.change("secondary");
  await within(left.promise, PATIENCE_MS, "left");
  await produce(world.secondary.bootstrapServers, [order("b")]);
  assert.deepEqual(await billsOn(world.secondary, 1), ["b"]);
  await produce(world.primary.bootstrapServers, [
    { topic: BILLS, value: "last" },
  ]);
  assert.deepEqual(await billsOn(world.primary, 1), ["last"]);
  await application.end();
  await running;
});

Deno.test("what the clusters would refuse is refused at once", async () => {
  await using world = await startWorld();
  await using application = await Application.start(world);
  assert.throws(
    () => application.processor({ producerProperties: { acks: 7000 } }),
    PropertyError,
  );
  // Of use to other producers of the cluster.
  application.processor({
    producerProperties: { "message.timeout.ms": 300_000 },
  });
  assert.throws(
    () => application.processor({ properties: { "session.timeout.ms": 0 } }),
    PropertyError,
  );
  assert.throws(() => application.processor({ batchRecords: 0 }), RangeError);
});
