import assert from "node:assert/strict";
import type {
  PartitionOffset,
  QueueHandle,
  TopicPartition,
} from "../../src/kafka/mod.ts";
import { Deferrals } from "../../src/pool/deferrals.ts";
import { Partitions } from "../../src/pool/partitions.ts";
import { Pauses } from "../../src/pool/pauses.ts";
import { Placement } from "../../src/pool/placement.ts";
import type { Ownership, Position } from "../../src/pool/protocol.ts";
import { Serial } from "../../src/pool/serial.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { fakeClock } from "./support_clock.ts";

/** Which partitions are paused and forwarded, and where each stands. */
class FakeConsumer {
  readonly paused = new Set<number>();
  readonly seeks: [partition: number, offset: unknown][] = [];
  pause(tps: readonly TopicPartition[]): void {
    for (const { partition } of tps) this.paused.add(partition);
  }
  resume(tps: readonly TopicPartition[]): void {
    for (const { partition } of tps) this.paused.delete(partition);
  }
  forward(_tp: TopicPartition, _queue: QueueHandle): void {}
  assign(_partitions: readonly PartitionOffset[]): void {}
  seek(partitions: readonly PartitionOffset[]) {
    for (const { partition, offset } of partitions) {
      this.seeks.push([partition, offset]);
    }
    return Promise.resolve(
      partitions.map((each) => ({ ...each, error: null })),
    );
  }
}

/** Answers at once, unless a test wants to answer by itself. */
class FakeThread {
  readonly available = true;
  readonly queue = {} as QueueHandle;
  readonly assigned: Position[] = [];
  readonly id: number;
  release: (owned: readonly Ownership[]) => Promise<Map<number, Position>> =
    () => Promise.resolve(new Map());
  constructor(id: number) {
    this.id = id;
  }
  assign(positions: readonly Position[]): Promise<void> {
    this.assigned.push(...positions);
    return Promise.resolve();
  }
}

/** Two threads and `count` partitions, which they have. */
async function pool(count: number) {
  const consumer = new FakeConsumer();
  const partitions = new Partitions();
  const threads = [new FakeThread(0), new FakeThread(1)];
  const serial = new Serial();
  const pauses = new Pauses(
    consumer,
    createLog({ level: "error", write() {} }),
  );
  const placement = new Placement(
    consumer as unknown as ConstructorParameters<typeof Placement>[0],
    partitions,
    pauses,
    () => threads as unknown as readonly WorkerThread[],
  );
  let given = 0;
  const deferrals = new Deferrals({
    partitions,
    pauses,
    giveDue: () => {
      given++;
      return serial.run(() => placement.giveDue());
    },
  });
  await placement.add(Array.from({ length: count }, (_, partition) => ({
    tp: { topic: "in.retry.1m", partition },
    next: 10,
    committed: null,
  })));
  const of = (partition: number) =>
    partitions.find({ topic: "in.retry.1m", partition })!;
  const position = (partition: number, next: number): Position => ({
    tp: of(partition).tp,
    epoch: of(partition).epoch,
    next,
    beyond: [],
  });
  return {
    consumer,
    partitions,
    threads,
    serial,
    placement,
    deferrals,
    of,
    position,
    get given() {
      return given;
    },
    [Symbol.dispose]: () => deferrals[Symbol.dispose](),
  };
}

Deno.test("a partition that is given back for a while is paused, and has a thread again when its time has come, from where it stood", async () => {
  using clock = fakeClock();
  using all = await pool(2);
  const { consumer, deferrals, of, position } = all;
  const old = position(0, 15);
  deferrals.announce(old);
  assert.deepEqual([...consumer.paused], [0]);
  assert.notEqual(of(0).worker, null); // it may still settle
  deferrals.defer(old, Date.now() + 1000);
  assert.equal(of(0).worker, null);
  assert.equal(of(0).next, 15);
  await clock.tick(999);
  assert.equal(of(0).worker, null);
  assert.deepEqual([...consumer.paused], [0]);
  await clock.tick(2);
  assert.notEqual(of(0).worker, null);
  assert.deepEqual(consumer.seeks, [[0, 15]]);
  assert.deepEqual([...consumer.paused], []);
  assert.notEqual(of(0).epoch, old.epoch);
});

Deno.test("no balancing gives away what waits", async () => {
  using _clock = fakeClock();
  using all = await pool(4);
  const { consumer, deferrals, of, position, placement } = all;
  deferrals.defer(position(0, 15), Date.now() + 1000);
  await placement.rebalance();
  await placement.giveDue();
  assert.equal(of(0).worker, null);
  assert.deepEqual([...consumer.paused], [0]);
});

Deno.test("what an old owner says is ignored", async () => {
  using _clock = fakeClock();
  using all = await pool(1);
  const { consumer, deferrals, of, position } = all;
  const old = { ...position(0, 15), epoch: of(0).epoch - 1 };
  deferrals.announce(old);
  deferrals.defer(old, Date.now() + 1000);
  assert.notEqual(of(0).worker, null);
  assert.equal(of(0).next, 10);
  assert.deepEqual([...consumer.paused], []);
});

Deno.test("a partition that defers while it is asked for stays where it is until its time", async () => {
  using clock = fakeClock();
  using all = await pool(1);
  const { consumer, deferrals, of, position, placement, threads } = all;
  const owner = threads.find((each) => each.assigned.length > 0)!;
  const released = position(0, 15);
  // As the thread does: the pool hears of it first, then who asked.
  owner.release = () => {
    deferrals.defer(released, Date.now() + 1000);
    return Promise.resolve(new Map([[released.epoch, released]]));
  };
  Object.assign(owner, { available: false }); // so that it must move
  await placement.rebalance();
  assert.equal(of(0).worker, null);
  assert.equal(of(0).next, 15);
  assert.deepEqual([...consumer.paused], [0]);
  await clock.tick(1000);
  assert.notEqual(of(0).worker, null);
  assert.deepEqual([...consumer.paused], []);
  assert.notEqual(threads.find((each) => each !== owner)!.assigned.length, 0);
});

Deno.test("a partition that is revoked while it waits is gone, and its time means nothing", async () => {
  using clock = fakeClock();
  using all = await pool(2);
  const { consumer, deferrals, of, position, placement, partitions } = all;
  deferrals.defer(position(0, 15), Date.now() + 1000);
  const waiting = of(0);
  await placement.release([waiting]);
  assert.deepEqual(
    partitions.uncommitted([waiting]).map(({ offset }) => offset),
    [15],
  );
  partitions.remove([waiting]);
  await clock.tick(2000);
  assert.equal(of(0), undefined);
  // It comes back while librdkafka still has it paused.
  assert.deepEqual([...consumer.paused], [0]);
  await placement.add([{ tp: waiting.tp, next: 15, committed: null }]);
  assert.deepEqual([...consumer.paused], []);
});

Deno.test("records that come due one after another cost a few moves a second, not one each", async () => {
  using clock = fakeClock();
  using all = await pool(8);
  const { deferrals, of, position } = all;
  // Each owner meets a record that is due in a millisecond, at once.
  for (let ms = 0; ms < 1000; ms += 10) {
    for (let partition = 0; partition < 8; partition++) {
      if (of(partition).worker === null) continue;
      deferrals.defer(position(partition, 15), Date.now() + 1);
    }
    await clock.tick(10);
  }
  assert.ok(all.given >= 3 && all.given <= 20, `${all.given} times`);
});

Deno.test("a far time is no timer that goes off at once, and nothing is left at the end", async () => {
  using clock = fakeClock();
  using all = await pool(1);
  all.deferrals.defer(all.position(0, 15), Date.now() + 2 ** 40);
  await clock.tick(10_000);
  assert.equal(all.given, 0);
  all.deferrals[Symbol.dispose]();
  assert.equal(clock.timers, 0);
});

Deno.test("at the end a partition is settled and not touched any more", async () => {
  using clock = fakeClock();
  using all = await pool(1);
  const { consumer, deferrals, of, position } = all;
  deferrals[Symbol.dispose]();
  deferrals.announce(position(0, 15));
  deferrals.defer(position(0, 15), Date.now() + 1000);
  assert.equal(of(0).next, 15);
  assert.deepEqual([...consumer.paused], []);
  assert.equal(clock.timers, 0);
});

Deno.test("when a thread is lost after it has announced a deferral, the next one gets records", async () => {
  using _clock = fakeClock();
  using all = await pool(1);
  const { consumer, deferrals, of, partitions, position, placement } = all;
  const old = position(0, 15);
  deferrals.announce(old);
  partitions.disown(of(0));
  await placement.rebalance();
  assert.notEqual(of(0).worker, null);
  assert.deepEqual([...consumer.paused], []);
  deferrals.defer(old, Date.now() + 1000); // too late
  assert.notEqual(of(0).worker, null);
});

Deno.test("nobody gets a partition whose time has come while it is not known where it stands", async () => {
  using clock = fakeClock();
  using all = await pool(1);
  const { deferrals, of, position, partitions, placement } = all;
  deferrals.defer(position(0, 15), Date.now() + 1000);
  of(0).uncertain = true;
  await clock.tick(1001);
  assert.equal(all.given, 1);
  assert.equal(of(0).worker, null);
  partitions.restart(of(0), { offset: 17, metadata: "" });
  await placement.rebalance();
  assert.notEqual(of(0).worker, null);
  assert.deepEqual(all.consumer.seeks, [[0, 17]]);
});
