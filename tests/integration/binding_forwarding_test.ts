import assert from "node:assert/strict";
import {
  Inbox,
  MockCluster,
  newRing,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import {
  library,
  Member,
  produce,
  QUICK_REBALANCE,
  untilAll,
} from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

const GROUP = { "group.id": "group", ...QUICK_REBALANCE };

/** Reads one partition from a queue of its own, as another thread would. */
function newReader(member: Member, tp: TopicPartition) {
  const queue = member.consumer.newQueue();
  const ring = newRing(library, 1024);
  const offsets: number[] = [];
  const inbox = new Inbox(library, {
    queue: member.consumer.addressOf(queue),
    ring: ring.address,
    capacity: 1024,
  }, {
    laneOf: () => 0,
    partitions: [tp],
    next: new Float64Array(1),
    failed: (_, error) => {
      throw error;
    },
  });
  return {
    queue,
    offsets,
    /** Takes what is there, at most `limit` records. */
    read(limit: number) {
      const batch = inbox.take(limit);
      if (batch === null) return;
      offsets.push(...batch.offsets.subarray(0, batch.count));
      batch.free();
    },
    [Symbol.dispose]() {
      inbox[Symbol.dispose]();
      ring[Symbol.dispose]();
    },
  };
}

function values(partition: number, count: number) {
  return Array.from({ length: count }, (_, index) => ({
    topic: "topic",
    partition,
    value: String(index),
  }));
}

/**
 * `unassign` only begins to stop partitions, and their end is what forgets: a
 * queue that is forwarded before it is lost. It also clears the position.
 */
async function stopped(member: Member, partitions: readonly TopicPartition[]) {
  await eventually(
    () =>
      member.consumer.positions(partitions).every(({ offset }) =>
        offset === null
      ),
    { what: "stopped", everyMs: 1 },
  );
}

Deno.test("a partition that was given away and came back delivers again", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 2);
  const { bootstrapServers } = cluster;
  await using stays = new Member(bootstrapServers, GROUP);
  stays.consumer.subscribe(["topic"]);
  await stays.until(() => stays.assigned.length === 2, "owner of both");
  let gone: TopicPartition;
  {
    await using visitor = new Member(bootstrapServers, GROUP);
    visitor.consumer.subscribe(["topic"]);
    await untilAll(
      [stays, visitor],
      () => visitor.assigned.length === 1,
      "shared",
    );
    gone = visitor.assigned[0]!;
  }
  await stays.until(() => stays.assigned.length === 2, "owner of both again");

  await produce(bootstrapServers, values(gone.partition, 10));
  await stays.until(
    () => stays.of("topic", gone.partition).length === 10,
    "read",
  );
});

Deno.test("a partition that is assigned again stalls until it is forwarded again", async () => {
  // Why the binding's users forward before every assign.
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 2);
  const { bootstrapServers } = cluster;
  await using member = new Member(bootstrapServers, GROUP);
  const [forgotten, witness] = [0, 1].map((partition) => ({
    topic: "topic",
    partition,
  })) as [TopicPartition, TopicPartition];
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 2, "assigned");

  await produce(bootstrapServers, [...values(0, 1), ...values(1, 1)]);
  await member.until(() => member.received.length === 2, "read");

  member.consumer.unassign([forgotten, witness]);
  await stopped(member, [forgotten, witness]);
  member.consumer.forward(witness, member.queue);
  member.consumer.assign([
    { ...forgotten, offset: 1 },
    { ...witness, offset: 1 },
  ]);
  await produce(bootstrapServers, [...values(0, 5), ...values(1, 5)]);
  await member.until(
    () => member.of("topic", witness.partition).length === 6,
    "read the witness",
  );
  assert.equal(member.of("topic", forgotten.partition).length, 1);

  member.consumer.forward(forgotten, member.queue);
  await member.until(() => member.received.length === 12, "read both");
});

Deno.test("a partition that was paused is paused when it is assigned again, until it is resumed", async () => {
  // Why the binding's users resume before an assign.
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 2);
  const { bootstrapServers } = cluster;
  await using member = new Member(bootstrapServers, GROUP);
  const [paused, witness] = [0, 1].map((partition) => ({
    topic: "topic",
    partition,
  })) as [TopicPartition, TopicPartition];
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 2, "assigned");
  await produce(bootstrapServers, [...values(0, 1), ...values(1, 1)]);
  await member.until(() => member.received.length === 2, "read");

  member.consumer.pause([paused, witness]);
  member.consumer.unassign([paused, witness]);
  await stopped(member, [paused, witness]);
  member.consumer.resume([witness]);
  for (const each of [paused, witness]) {
    member.consumer.forward(each, member.queue);
  }
  member.consumer.assign([
    { ...paused, offset: 1 },
    { ...witness, offset: 1 },
  ]);
  await produce(bootstrapServers, [...values(0, 5), ...values(1, 5)]);
  await member.until(
    () => member.of("topic", witness.partition).length === 6,
    "read the witness",
  );
  assert.equal(member.of("topic", paused.partition).length, 1);

  member.consumer.resume([paused]);
  await member.until(() => member.received.length === 12, "read both");
});

Deno.test("a partition moves between queues in mid-stream without a gap or a repetition", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 1);
  const { bootstrapServers } = cluster;
  await using member = new Member(bootstrapServers, GROUP);
  const tp = { topic: "topic", partition: 0 };
  using one = newReader(member, tp);
  using other = newReader(member, tp);
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 1, "assigned");
  member.consumer.forward(tp, one.queue);
  await produce(bootstrapServers, values(0, 500));
  await eventually(() => {
    one.read(37 - one.offsets.length);
    return one.offsets.length === 37;
  }, { what: "read by the first", everyMs: 1 });

  member.consumer.pause([tp]);
  one.read(100);
  assert.equal(one.offsets.length, 37, "what was fetched is dropped");
  const [moved] = await member.consumer.seek([{ ...tp, offset: 37 }], 5_000);
  assert.equal(moved?.error, null);
  member.consumer.forward(tp, other.queue);
  member.consumer.resume([tp]);
  await eventually(() => {
    other.read(100);
    return other.offsets.at(-1) === 499;
  }, { what: "read by the other", everyMs: 1 });

  assert.deepEqual([...one.offsets, ...other.offsets], [...Array(500).keys()]);
});

Deno.test("what was fetched before a seek is never delivered after it", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 1);
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, values(0, 200));
  await using member = new Member(bootstrapServers, GROUP);
  const tp = { topic: "topic", partition: 0 };
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.received.length === 200, "read");

  for (let round = 0; round < 20; round++) {
    member.next[0] = 0; // so that nothing is hidden as a repetition
    member.received.length = 0;
    const offset = round * 7;
    const [answer] = await member.consumer.seek([{ ...tp, offset }], 5_000);
    assert.equal(answer?.error, null);
    await member.until(() => member.received.length > 0, "read on");
    assert.equal(member.received[0]?.offset, offset);
  }
});
