import assert from "node:assert/strict";
import {
  type Consumer,
  ErrorCode,
  type GroupMembership,
  KafkaError,
  type Library,
  type PartitionOffset,
  type Producer,
} from "../../src/kafka/mod.ts";
import { Partitions } from "../../src/pool/partitions.ts";
import type { Position } from "../../src/pool/protocol.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import {
  OwnershipLostError,
  Transactions,
} from "../../src/pool/transactions.ts";

type Step = "offsets" | "commit" | "begin";

/** Two partitions of one thread, and a cluster that answers when told to. */
function transacting() {
  const partitions = new Partitions();
  const steps: Step[] = [];
  const sent: PartitionOffset[][] = [];
  const member = { memberId: "me", generation: 3, lost: false };
  const lease = { holds: true };
  /** What happens while the cluster works on a step. */
  const during: Partial<Record<Step, () => void>> = {};
  const step = async (name: Step) => {
    steps.push(name);
    await Promise.resolve();
    during[name]?.();
  };
  const producer = {
    async sendOffsets(
      _member: GroupMembership,
      offsets: readonly PartitionOffset[],
    ) {
      sent.push([...offsets]);
      await step("offsets");
    },
    commitTransaction: () => step("commit"),
    beginTransaction: () => void steps.push("begin"),
  } as unknown as Producer;
  const thread = { producer } as WorkerThread;
  const [first, second] = [0, 1].map((partition) => {
    const added = partitions.add({ topic: "in", partition }, 5, null);
    partitions.own(added, thread);
    return added;
  }) as [ReturnType<Partitions["add"]>, ReturnType<Partitions["add"]>];
  const transactions = new Transactions({
    library: {} as Library,
    consumer: {
      membership: () => ({
        memberId: member.memberId,
        isMember: member.memberId !== "" && member.generation > 0,
        [Symbol.dispose]() {},
      }),
      get assignmentLost() {
        return member.lost;
      },
    } as unknown as Consumer,
    partitions,
    producerProperties: {},
    idPrefix: "group-host",
    mayCommit: () => lease.holds,
  });
  transactions.joinedAs("me");
  const positions = (): Position[] =>
    [first, second].map(({ tp, epoch }) => ({
      tp,
      epoch,
      next: 10,
      beyond: [12, 15],
    }));
  const commit = (of = positions()) => transactions.commitOf(thread, of);
  return {
    partitions,
    transactions,
    thread,
    first,
    second,
    member,
    lease,
    during,
    steps,
    sent,
    positions,
    commit,
  };
}

Deno.test("positions are committed with what is settled beyond them, and the next transaction begins", async () => {
  const it = transacting();
  await it.commit();
  assert.deepEqual(it.steps, ["offsets", "commit", "begin"]);
  assert.deepEqual(
    it.sent[0]!.map(({ partition, offset }) => [partition, offset]),
    [[0, 10], [1, 10]],
  );
  assert.ok(it.sent[0]!.every(({ metadata }) => metadata!.startsWith("sy1")));
  assert.equal(it.first.next, 10);
  assert.deepEqual(it.first.beyond, [12, 15]);
  assert.equal(it.first.committed?.offset, 10);
});

Deno.test("a transaction without positions needs no offsets", async () => {
  const it = transacting();
  await it.commit([]);
  assert.deepEqual(it.steps, ["commit", "begin"]);
});

Deno.test("work on a partition that was given to another thread is not committed", async () => {
  const it = transacting();
  const positions = it.positions();
  it.partitions.own(it.second, it.thread);
  await assert.rejects(it.commit(positions), OwnershipLostError);
  assert.deepEqual(it.steps, []);
  assert.equal(it.first.next, 5);
});

Deno.test("nothing is committed once the lease has ended, also when it ends while the offsets are on their way", async () => {
  const it = transacting();
  it.lease.holds = false;
  await assert.rejects(it.commit(), OwnershipLostError);
  await assert.rejects(it.commit([]), OwnershipLostError);
  assert.deepEqual(it.steps, []);
  it.lease.holds = true;
  it.during.offsets = () => it.lease.holds = false;
  await assert.rejects(it.commit(), OwnershipLostError);
  assert.deepEqual(it.steps, ["offsets"]);
  assert.equal(it.first.next, 5);
});

Deno.test("what is lost while the offsets are on their way is not committed", async () => {
  const it = transacting();
  it.during.offsets = () => it.partitions.remove([it.first]);
  await assert.rejects(it.commit(), OwnershipLostError);
  assert.deepEqual(it.steps, ["offsets"]);
});

for (
  const [what, change] of [
    ["that the group has dropped", { memberId: "", generation: -1 }],
    ["that has joined anew under another name", { memberId: "other" }],
    ["whose assignment is lost", { lost: true }],
    ["without a generation", { generation: 0 }],
  ] as const
) {
  Deno.test(`a member ${what} sends no offsets`, async () => {
    const it = transacting();
    Object.assign(it.member, change);
    await assert.rejects(it.commit(), OwnershipLostError);
    assert.deepEqual(it.steps, []);
  });
}

Deno.test("after a commit of unknown outcome nothing is begun, tried again or taken for committed", async () => {
  const it = transacting();
  const timedOut = new KafkaError("commit transaction: timed out", {
    code: ErrorCode.timedOut,
    codeName: "_TIMED_OUT",
  });
  assert.ok(timedOut.retriable);
  it.during.commit = () => {
    throw timedOut;
  };
  await assert.rejects(it.commit(), timedOut);
  assert.deepEqual(it.steps, ["offsets", "commit"]);
  assert.equal(it.first.next, 5);
  assert.equal(it.first.committed, null);
});

Deno.test("a revocation waits for the commits that touch its partitions, and for no others", async () => {
  const it = transacting();
  const ended = Promise.withResolvers<void>();
  let revoked = false;
  const producer = {
    ...it.thread.producer,
    commitTransaction: () => ended.promise,
  } as unknown as Producer;
  const slow = { producer } as WorkerThread;
  const third = it.partitions.add({ topic: "in", partition: 2 }, 0, null);
  const { tp, epoch } = it.partitions.own(third, slow);
  const commit = it.transactions.commitOf(slow, [
    { tp, epoch, next: 4, beyond: [] },
  ]);
  await it.transactions.commit([it.first]);
  const revocation = it.transactions.commit([third]).then(() => {
    revoked = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(revoked, false);
  ended.resolve();
  await Promise.all([commit, revocation]);
  assert.equal(third.next, 4);
});

Deno.test("another name in the group is noticed, the first one is not another", () => {
  const { transactions } = transacting();
  assert.equal(transactions.joinedAs("me"), "same member");
  assert.equal(transactions.joinedAs("me again"), "another member");
  assert.equal(transactions.joinedAs("me again"), "same member");
});

Deno.test("each slot has a transactional id of its own, which names group and instance", () => {
  const { transactions } = transacting();
  assert.equal(
    transactions.propertiesOf(3)["transactional.id"],
    "group-host-3",
  );
});

Deno.test("once it has ended nothing is committed, not even what is on its way there", async () => {
  const it = transacting();
  it.during.offsets = () => it.transactions.end();
  await assert.rejects(it.commit(), OwnershipLostError);
  await assert.rejects(it.commit(), OwnershipLostError);
  await assert.rejects(it.commit([]), OwnershipLostError);
  assert.deepEqual(it.steps, ["offsets"]);
});
