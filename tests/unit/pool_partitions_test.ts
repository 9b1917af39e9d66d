import assert from "node:assert/strict";
import { Partitions } from "../../src/pool/partitions.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";

const tp = { topic: "in", partition: 3 };
/** Partitions only compare threads; one is as good as any object. */
const thread = () => ({}) as WorkerThread;

const at = (offset: number) => ({ offset, metadata: "" });

function owned(next = 10, committed: number | null = null) {
  const partitions = new Partitions();
  const partition = partitions.add(
    tp,
    next,
    committed === null ? null : at(committed),
  );
  const worker = thread();
  const position = partitions.own(partition, worker);
  return { partitions, partition, worker, position };
}

Deno.test("a worker is told where its ownership begins", () => {
  const { position, partition, worker } = owned(10);
  assert.deepEqual(position.tp, tp);
  assert.equal(position.next, 10);
  assert.equal(position.epoch, partition.epoch);
  assert.equal(partition.worker, worker);
});

Deno.test("a settlement of the current ownership moves the position", () => {
  const { partitions, partition, position } = owned();
  assert.equal(partitions.isCurrent(position), true);
  partitions.settle({ ...position, next: 25 });
  assert.equal(partition.next, 25);
});

Deno.test("a settlement under an old epoch is ignored, whoever owns the partition now", () => {
  const { partitions, partition, worker, position } = owned();
  partitions.disown(partition);
  assert.equal(partitions.isCurrent(position), false);
  partitions.settle({ ...position, next: 25 });
  assert.equal(partition.next, 10);
  partitions.own(partition, worker);
  partitions.settle({ ...position, next: 25 });
  assert.equal(partition.next, 10);
});

Deno.test("an epoch is never used twice, even by a partition that left and came back", () => {
  const { partitions, partition, worker, position } = owned();
  partitions.remove([partition]);
  assert.equal(partitions.find(tp), undefined);
  partitions.settle({ ...position, next: 25 });
  const again = partitions.add(tp, 10, at(10));
  assert.notEqual(partitions.own(again, worker).epoch, position.epoch);
  partitions.settle({ ...position, next: 25 });
  assert.equal(again.next, 10);
});

Deno.test("partitions are found by topic and number and by the thread that owns them", () => {
  const { partitions, partition, worker } = owned();
  const other = partitions.add({ topic: "in", partition: 4 }, 0, null);
  assert.equal(partitions.find(tp), partition);
  assert.equal(partitions.find({ topic: "other", partition: 3 }), undefined);
  assert.deepEqual(partitions.ownedBy(worker), [partition]);
  assert.deepEqual(partitions.all, [partition, other]);
});

Deno.test("what has settled and is not committed is due, with the next offset to read", () => {
  const { partitions, position } = owned(10, 10);
  assert.deepEqual(partitions.uncommitted(), []);
  partitions.settle({ ...position, next: 12 });
  assert.deepEqual(partitions.uncommitted(), [{
    ...tp,
    offset: 12,
    metadata: "",
  }]);
  partitions.committed(tp, at(12));
  assert.deepEqual(partitions.uncommitted(), []);
});

Deno.test("a commit that was overtaken leaves the newer position due", () => {
  const { partitions, position } = owned(10, 10);
  partitions.settle({ ...position, next: 15 });
  partitions.committed(tp, at(12));
  assert.deepEqual(partitions.uncommitted(), [{
    ...tp,
    offset: 15,
    metadata: "",
  }]);
});

Deno.test("a position that a reset chose is due before anything has settled", () => {
  // Otherwise a restart would apply the policy again, elsewhere.
  assert.deepEqual(owned(500, null).partitions.uncommitted(), [
    { ...tp, offset: 500, metadata: "" },
  ]);
  assert.deepEqual(owned(0, 90).partitions.uncommitted(), [
    { ...tp, offset: 0, metadata: "" },
  ]);
});

Deno.test("nothing is due for a new group at the beginning of a partition", () => {
  assert.deepEqual(owned(0, null).partitions.uncommitted(), []);
});

Deno.test("a commit of some partitions says nothing of others", () => {
  const { partitions, partition } = owned(500);
  const other = partitions.add({ topic: "in", partition: 4 }, 7, null);
  assert.deepEqual(partitions.uncommitted([other]), [
    { topic: "in", partition: 4, offset: 7, metadata: "" },
  ]);
  assert.deepEqual(partitions.uncommitted([partition]), [
    { ...tp, offset: 500, metadata: "" },
  ]);
});

Deno.test("the load approaches the rate at which positions move, and falls when they rest", () => {
  const { partitions, partition, position } = owned(0, 0);
  let before = 0;
  for (let second = 1; second <= 20; second++) {
    partitions.settle({ ...position, next: second * 1000 });
    partitions.measureLoad(1);
    assert.ok(partition.load > before && partition.load <= 1000);
    before = partition.load;
  }
  assert.ok(partition.load > 990);
  for (let second = 0; second < 20; second++) partitions.measureLoad(1);
  assert.ok(partition.load < 10);
});

Deno.test("the load is per second, however long the measurement took", () => {
  const slow = owned(0, 0);
  const fast = owned(0, 0);
  slow.partitions.settle({ ...slow.position, next: 4000 });
  slow.partitions.measureLoad(4);
  fast.partitions.settle({ ...fast.position, next: 1000 });
  fast.partitions.measureLoad(1);
  assert.equal(slow.partition.load, fast.partition.load);
});

Deno.test("a new owner does not change the load that is known", () => {
  const { partitions, partition, worker, position } = owned(0, 0);
  partitions.settle({ ...position, next: 1000 });
  partitions.measureLoad(1);
  const { load } = partition;
  partitions.disown(partition);
  partitions.own(partition, worker);
  assert.equal(partition.load, load);
  assert.ok(load > 0);
});
