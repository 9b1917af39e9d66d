import assert from "node:assert/strict";
import type {
  Consumer,
  PartitionAnswer,
  PartitionOffset,
  TopicPartition,
} from "../../src/kafka/mod.ts";
import { type Partition, Partitions } from "../../src/pool/partitions.ts";
import { Pauses } from "../../src/pool/pauses.ts";
import { Placement } from "../../src/pool/placement.ts";
import type { Position } from "../../src/pool/protocol.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { turn } from "./support_worker_fakes.ts";

type Uses = Pick<
  Consumer,
  "assign" | "forward" | "pause" | "resume" | "seek"
>;

/** Knows what is paused, as librdkafka does. */
class FakeConsumer implements Uses {
  readonly paused = new Set<number>();
  readonly sought: number[] = [];
  assign() {}
  forward() {}
  pause(partitions: readonly TopicPartition[]) {
    for (const each of partitions) this.paused.add(each.partition);
  }
  resume(partitions: readonly TopicPartition[]) {
    for (const each of partitions) this.paused.delete(each.partition);
  }
  seek(partitions: readonly PartitionOffset[]) {
    this.sought.push(...partitions.map((each) => each.offset as number));
    return Promise.resolve(
      partitions.map(() => ({ error: null }) as PartitionAnswer),
    );
  }
}

/** A thread that lets go when the test says with which positions. */
class FakeThread {
  readonly queue = {};
  available = true;
  releasing = Promise.withResolvers<Map<number, Position | null>>();
  readonly id: number;
  constructor(id: number) {
    this.id = id;
  }
  assign() {
    return Promise.resolve();
  }
  release() {
    return this.releasing.promise;
  }
}

/** Every second offset from 1 on, as often as that. */
const alternating = (count: number, from = 1) =>
  Array.from({ length: count }, (_, at) => [from + 2 * at, from + 2 * at + 1])
    .flat();

/** Metadata of more than three quarters of the limit, of half, and of less. */
const MUCH = alternating(9_500);
const HALF = alternating(7_000);
const LITTLE = alternating(5_000);

async function pool() {
  const consumer = new FakeConsumer();
  const threads = [new FakeThread(1)];
  const partitions = new Partitions();
  const lines: LogLine[] = [];
  const log = createLog({ level: "info", write: (line) => lines.push(line) });
  const pauses = new Pauses(consumer, log);
  const placement = new Placement(
    consumer as unknown as Consumer,
    partitions,
    pauses,
    () => threads as unknown as WorkerThread[],
  );
  const tp = { topic: "in", partition: 0 };
  await placement.add([{ tp, next: 0, committed: null }]);
  const partition = partitions.find(tp)!;
  /** The worker says where it stands. */
  const settle = (next: number, beyond: readonly number[]) => {
    const { epoch } = partition;
    const settled = partitions.settle({ tp, epoch, next, beyond });
    if (settled !== undefined) pauses.judge(settled);
  };
  const isPaused = () => consumer.paused.has(0);
  return {
    consumer,
    threads,
    partitions,
    partition,
    placement,
    pauses,
    lines,
    settle,
    isPaused,
  };
}

Deno.test("a partition is held back when its metadata is nearly full, and goes on when half of it is free", async () => {
  const { partition, lines, settle, isPaused } = await pool();
  settle(0, HALF);
  assert.equal(isPaused(), false);
  settle(0, MUCH);
  assert.equal(isPaused(), true);
  settle(0, HALF);
  assert.equal(isPaused(), true, "not to and fro");
  settle(0, LITTLE);
  assert.equal(isPaused(), false);
  settle(0, MUCH);
  settle(19_000, []);
  assert.equal(isPaused(), false);
  assert.equal(partition.metadata, "");
  assert.deepEqual(lines.map(({ level }) => level), [
    "warn",
    "info",
    "warn",
    "info",
  ]);
});

Deno.test("what is settled fits into a commit, whatever it is", async () => {
  const { partitions, settle } = await pool();
  settle(0, alternating(40_000));
  const [due] = partitions.uncommitted();
  assert.equal(due?.offset, 0);
  assert.ok(due.metadata.length > 4000 && due.metadata.length <= 4096);
});

Deno.test("a partition that is held back does not go on because it moves, until its new owner has it", async () => {
  const { consumer, threads, placement, partition, settle, isPaused } =
    await pool();
  settle(0, MUCH);
  const [first, second] = [threads[0]!, new FakeThread(2)];
  threads.splice(0, 1, second);
  const moving = placement.rebalance();
  await turn();
  assert.equal(isPaused(), true);
  settle(0, LITTLE); // while the first thread lets go
  assert.equal(isPaused(), true, "it has no owner");
  const { tp, epoch } = partition;
  first.releasing.resolve(
    new Map([[epoch, { tp, epoch, next: 7, beyond: [] }]]),
  );
  await moving;
  assert.deepEqual(consumer.sought, [7]);
  assert.equal(isPaused(), false);
});

Deno.test("a partition is held back while it moves where that becomes due", async () => {
  const { threads, placement, partition, settle, isPaused } = await pool();
  const [first, second] = [threads[0]!, new FakeThread(2)];
  threads.splice(0, 1, second);
  const moving = placement.rebalance();
  await turn();
  settle(0, MUCH);
  assert.equal(partition.paused.size, 2);
  first.releasing.resolve(new Map([[partition.epoch, null]]));
  await moving;
  // What the first thread left open is lost with it, and must be fetched.
  assert.equal(isPaused(), false);
});

Deno.test("a new owner is not held back for what the former one had settled, but for what it settles above that", async () => {
  const { threads, partitions, placement, partition, settle, isPaused } =
    await pool();
  settle(0, MUCH);
  partitions.disown(partition); // its thread has died
  threads.splice(0, 1, new FakeThread(2));
  await placement.rebalance();
  assert.equal(isPaused(), false);
  settle(0, MUCH);
  settle(2, MUCH.slice(2));
  assert.equal(isPaused(), false);
  settle(2, [...MUCH.slice(2), 19_001, 19_002]);
  assert.equal(isPaused(), true);
});

Deno.test("a partition without a thread is paused until it has one, whatever its metadata", async () => {
  const { threads, partitions, placement, partition, isPaused } = await pool();
  threads.splice(0, 1);
  partitions.remove([partition]);
  const { tp } = partition;
  await placement.add([{ tp, next: 0, committed: null }]);
  assert.equal(isPaused(), true);
  threads.push(new FakeThread(3));
  await placement.rebalance();
  assert.equal(isPaused(), false);
});

Deno.test("a partition that was paused when it was taken away is not when it comes back", async () => {
  const { partitions, placement, partition, settle, isPaused } = await pool();
  settle(0, MUCH);
  partitions.remove([partition]);
  const { tp } = partition;
  await placement.add([{ tp, next: 0, committed: null }]);
  assert.equal(isPaused(), false);
});

Deno.test("a settlement of an old ownership holds nothing back", async () => {
  const { partitions, partition, pauses, isPaused } = await pool();
  const { tp, epoch } = partition;
  partitions.disown(partition);
  const settled = partitions.settle({ tp, epoch, next: 0, beyond: MUCH });
  assert.equal(settled, undefined);
  pauses.judge(partition as Partition);
  assert.equal(isPaused(), false);
});
