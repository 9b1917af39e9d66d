import assert from "node:assert/strict";
import type { Consumer, PartitionAnswer } from "../../src/kafka/mod.ts";
import { Partitions } from "../../src/pool/partitions.ts";
import { Recovery } from "../../src/pool/recovery.ts";
import { Serial } from "../../src/pool/serial.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import type { Transactions } from "../../src/pool/transactions.ts";

/** A thread in slot 3 with two partitions at 10, of which 17 are committed. */
function recovering({ exactlyOnce = true } = {}) {
  const partitions = new Partitions();
  const steps: string[] = [];
  const fenced = Promise.withResolvers<void>();
  const thread = { slot: 3 } as WorkerThread;
  const owned = [0, 1].map((partition) => {
    const added = partitions.add({ topic: "in", partition }, 10, null);
    partitions.own(added, thread);
    return added;
  });
  const committed: (number | null)[] = [17, 17];
  const serial = new Serial();
  const recovery = new Recovery({
    consumer: {
      committed(asked: readonly { topic: string; partition: number }[]) {
        steps.push(`read ${asked.map((each) => each.partition)}`);
        return Promise.resolve(asked.map((each): PartitionAnswer => ({
          ...each,
          offset: committed[each.partition]!,
          metadata: "",
          leaderEpoch: null,
          error: null,
        })));
      },
    } as unknown as Consumer,
    partitions,
    transactions: exactlyOnce
      ? {
        fence(slot: number) {
          steps.push(`fence ${slot}`);
          return fenced.promise;
        },
      } as unknown as Transactions
      : null,
    serial,
  });
  return {
    partitions,
    owned,
    thread,
    recovery,
    steps,
    fenced,
    committed,
    serial,
  };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("a slot is fenced before it is asked what was committed, and only then is anything certain", async () => {
  const it = recovering();
  const [first] = it.owned;
  const epoch = first!.epoch;
  const back = it.recovery.takeBack(it.thread);
  assert.notEqual(first!.epoch, epoch, "its ownership ends at once");
  assert.equal(first!.worker, null);
  assert.ok(it.owned.every((each) => each.uncertain));
  await turn();
  assert.deepEqual(it.steps, ["fence 3"]);
  it.fenced.resolve();
  await back;
  assert.deepEqual(it.steps, ["fence 3", "read 0,1"]);
  assert.ok(it.owned.every((each) => !each.uncertain && each.next === 17));
});

Deno.test("where nothing was committed a partition is where its ownership began", async () => {
  const it = recovering();
  it.committed.fill(null);
  it.fenced.resolve();
  await it.recovery.takeBack(it.thread);
  assert.deepEqual(it.owned.map(({ next }) => next), [10, 10]);
});

Deno.test("a partition that the group has taken meanwhile is not asked for", async () => {
  const it = recovering();
  const back = it.recovery.takeBack(it.thread);
  it.partitions.remove([it.owned[0]!]);
  it.fenced.resolve();
  await back;
  assert.deepEqual(it.steps, ["fence 3", "read 1"]);
});

Deno.test("nothing else happens to partitions while a slot is fenced", async () => {
  const it = recovering();
  const back = it.recovery.takeBack(it.thread);
  let moved = false;
  const move = it.serial.run(() => Promise.resolve(void (moved = true)));
  await turn();
  assert.equal(moved, false);
  it.fenced.resolve();
  await Promise.all([back, move]);
  assert.equal(moved, true);
});

Deno.test("a fence that the cluster refuses is told, and its partitions stay uncertain", async () => {
  const it = recovering();
  const back = it.recovery.takeBack(it.thread);
  it.fenced.reject(new Error("refused"));
  await assert.rejects(back, /refused/);
  assert.ok(it.owned.every((each) => each.uncertain));
});

Deno.test("at least once there is nothing to fence", async () => {
  const it = recovering({ exactlyOnce: false });
  await it.recovery.takeBack(it.thread);
  assert.deepEqual(it.steps, []);
  assert.ok(it.owned.every((each) => each.worker === null && !each.uncertain));
});

Deno.test("a partition that waits for a time is left alone when its last thread is lost", async () => {
  const it = recovering();
  const [resting, other] = it.owned;
  const { tp, epoch } = resting!;
  it.partitions.defer({ tp, epoch, next: 12, beyond: [] }, 5000);
  it.fenced.resolve();
  await it.recovery.takeBack(it.thread);
  assert.deepEqual(it.steps, ["fence 3", "read 1"]);
  assert.deepEqual([resting!.next, resting!.notBeforeMs], [12, 5000]);
  assert.equal(other!.next, 17);
});

Deno.test("partitions without a thread can be read anew, and those that waited for a time still do", async () => {
  const it = recovering();
  const [resting, owned] = it.owned;
  const { tp, epoch } = resting!;
  it.partitions.defer({ tp, epoch, next: 12, beyond: [] }, 5000);
  const read = it.recovery.takeBackUnowned();
  assert.deepEqual([resting!.uncertain, owned!.uncertain], [true, false]);
  await read;
  assert.deepEqual(it.steps, ["read 0"]);
  assert.deepEqual(
    [resting!.uncertain, resting!.next, resting!.notBeforeMs],
    [false, 17, 5000],
  );
  assert.equal(owned!.next, 10);
});
