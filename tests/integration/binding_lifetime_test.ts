import assert from "node:assert/strict";
import {
  Admin,
  Consumer,
  freeLeftovers,
  Inbox,
  type KafkaError,
  MockCluster,
  newRing,
  Producer,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { library, Member, produce, Sender } from "../support/embedded.ts";
import { eventually, within } from "../support/wait.ts";

const TP: TopicPartition = { topic: "topic", partition: 0 };
const NOWHERE = { "bootstrap.servers": "127.0.0.1:1", "log_level": 0 };

/** Calls that must throw, or reject with, a TypeError; none may crash. */
async function allRefuse(calls: Readonly<Record<string, () => unknown>>) {
  for (const [name, call] of Object.entries(calls)) {
    await assert.rejects(async () => await call(), TypeError, name);
  }
}

function clusterWithTopic(): MockCluster {
  const cluster = new MockCluster(library, 1);
  cluster.createTopic(TP.topic, 1);
  return cluster;
}

Deno.test("a closed consumer refuses every use", async () => {
  const consumer = new Consumer(library, { ...NOWHERE, "group.id": "group" });
  const queue = consumer.newQueue();
  await consumer[Symbol.asyncDispose]();

  await allRefuse({
    name: () => consumer.name,
    memberId: () => consumer.memberId,
    assignmentLost: () => consumer.assignmentLost,
    closed: () => consumer.closed,
    poll: () => consumer.poll(1),
    wake: () => consumer.wake(),
    subscribe: () => consumer.subscribe(["topic"]),
    newQueue: () => consumer.newQueue(),
    addressOf: () => consumer.addressOf(queue),
    forward: () => consumer.forward(TP, queue),
    assign: () => consumer.assign([{ ...TP, offset: 0 }]),
    unassign: () => consumer.unassign([TP]),
    pause: () => consumer.pause([TP]),
    resume: () => consumer.resume([TP]),
    seek: () => consumer.seek([{ ...TP, offset: 0 }], 1),
    commit: () => consumer.commit([{ ...TP, offset: 0 }]),
    committed: () => consumer.committed([TP], 1),
    positions: () => consumer.positions([TP]),
    offsetsForTimes: () =>
      consumer.offsetsForTimes([{ ...TP, timestampMs: 0 }], 1),
    watermarks: () => consumer.watermarks("topic", 0, 1),
    partitionCounts: () => consumer.partitionCounts(1),
    membership: () => consumer.membership(),
    leave: () => consumer.leave(),
    setOauthTokenFailure: () => consumer.setOauthTokenFailure("none"),
    setOauthToken: () =>
      consumer.setOauthToken({ value: "t", expiresAtMs: 1, principal: "p" }),
  });
});

Deno.test("a closed producer refuses every use", async () => {
  const producer = new Producer(library, NOWHERE);
  await producer[Symbol.asyncDispose]();

  await allRefuse({
    port: () => producer.port,
    outstanding: () => producer.outstanding,
    poll: () => producer.poll(1),
    purge: () => producer.purge(),
    flush: () => producer.flush(1),
    initTransactions: () => producer.initTransactions(1),
    beginTransaction: () => producer.beginTransaction(),
    commitTransaction: () => producer.commitTransaction(1),
    abortTransaction: () => producer.abortTransaction(1),
  });
});

Deno.test("a closed admin refuses every use", async () => {
  const admin = new Admin(library, NOWHERE);
  await admin[Symbol.asyncDispose]();

  const options = { timeoutMs: 1 };
  await allRefuse({
    describeCluster: () => admin.describeCluster(options),
    topics: () => admin.topics.create([{ topic: "topic" }], options),
    groups: () => admin.groups.list(options),
  });
});

Deno.test("a closed embedded cluster and a closed outbox refuse every use", async () => {
  const cluster = clusterWithTopic();
  const sender = new Sender(cluster.bootstrapServers);
  const { outbox } = sender;
  await sender[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();

  await allRefuse({
    bootstrapServers: () => cluster.bootstrapServers,
    createTopic: () => cluster.createTopic("other", 1),
    setBrokerDown: () => cluster.setBrokerDown(1),
    add: () => outbox.add(0, 0, { topic: "topic", value: "" }),
    collect: () => outbox.collect(),
    waitAndCollect: () => outbox.waitAndCollect(1),
  });
});

Deno.test("everything can be disposed twice, also at the same time", async () => {
  const cluster = clusterWithTopic();
  const member = new Member(cluster.bootstrapServers, { "group.id": "group" });
  const sender = new Sender(cluster.bootstrapServers);
  const admin = new Admin(library, NOWHERE);
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 1, "assigned");

  for (const each of [member, sender, admin, cluster]) {
    await Promise.all([
      each[Symbol.asyncDispose](),
      each[Symbol.asyncDispose](),
    ]);
    await each[Symbol.asyncDispose]();
  }
});

Deno.test("disposing ends polls that wait, and leaves the group all the same", async () => {
  await using cluster = clusterWithTopic();
  const first = new Member(cluster.bootstrapServers, { "group.id": "group" });
  first.consumer.subscribe(["topic"]);
  await first.until(() => first.assigned.length === 1, "assigned");

  const polls = [first.consumer.poll(60_000), first.consumer.poll(60_000)];
  await within(first[Symbol.asyncDispose](), 20_000, "closed");

  assert.deepEqual(await Promise.all(polls), [null, null]);
});

Deno.test("wake ends a poll that waits and one that is about to wait", async () => {
  await using cluster = clusterWithTopic();
  await using member = new Member(cluster.bootstrapServers, {
    "group.id": "group",
  });

  const waiting = member.consumer.poll(60_000);
  member.consumer.wake();
  assert.equal(await within(waiting, 20_000, "woken"), null);
  member.consumer.wake();
  assert.equal(
    await within(member.consumer.poll(60_000), 20_000, "woken before"),
    null,
  );
});

Deno.test("disposing waits for a call that is under way", async () => {
  await using cluster = clusterWithTopic();
  const { bootstrapServers } = cluster;
  const consumer = new Consumer(library, {
    "bootstrap.servers": bootstrapServers,
    "group.id": "group",
  });
  cluster.setRoundTripTime(1, 200);

  let answered = false;
  const counts = consumer.partitionCounts(20_000)
    .finally(() => answered = true);
  await consumer[Symbol.asyncDispose]();

  assert(answered);
  assert.deepEqual(await counts, new Map([["topic", 1]]));
});

Deno.test("disposing rejects administrative requests that wait", async () => {
  const admin = new Admin(library, NOWHERE);
  const request = admin.describeCluster({ timeoutMs: 60_000 });
  const rejected = assert.rejects(request, TypeError);

  await within(admin[Symbol.asyncDispose](), 20_000, "closed");
  await rejected;
});

Deno.test("disposing rejects requests to coordinators, also beside one that was late", async () => {
  const admin = new Admin(library, NOWHERE);
  const ask = (timeoutMs: number) =>
    admin.groups.offsets("group", "all", { timeoutMs });
  const rejected = assert.rejects(ask(60_000), TypeError);
  await assert.rejects(ask(1), { codeName: "_TIMED_OUT" });

  await within(admin[Symbol.asyncDispose](), 20_000, "closed");
  await rejected;
});

Deno.test("closing drops what could not be sent instead of waiting for it", async () => {
  const sender = new Sender("127.0.0.1:1", { "log_level": 0 });
  sender.outbox.add(0, 0, { topic: "topic", value: "lost" });
  sender.outbox.send();

  await within(sender[Symbol.asyncDispose](), 20_000, "closed");
});

Deno.test("a batch that was freed refuses every access, and may be freed again", async () => {
  await using cluster = clusterWithTopic();
  await using reader = await fetchedReader(cluster, 3);
  const batch = reader.batch;
  assert.equal(batch.text(0), "0");
  assert.throws(() => batch.text(3), RangeError);
  assert.throws(() => batch.text(-1), RangeError);

  batch.free();
  batch.free();

  assert.equal(batch.freed, true);
  await allRefuse({
    text: () => batch.text(0),
    keyText: () => batch.keyText(0),
    key: () => batch.key(0),
    value: () => batch.value(0),
    headers: () => batch.headers(0),
    timestamp: () => batch.timestamp(0),
  });
});

Deno.test("what a thread left in its ring is freed once, so that the consumer can close", async () => {
  await using cluster = clusterWithTopic();
  await using reader = await fetchedReader(cluster, 5);

  assert.equal(freeLeftovers(library, reader.ring), 5);
  assert.equal(freeLeftovers(library, reader.ring), 0);
  reader.batch.free(); // finds nothing left to free
});

/** A member that has taken `count` records in one batch and holds it. */
async function fetchedReader(cluster: MockCluster, count: number) {
  const { bootstrapServers } = cluster;
  await produce(
    bootstrapServers,
    Array.from({ length: count }, (_, index) => ({
      ...TP,
      value: String(index),
    })),
  );
  const member = new Member(bootstrapServers, { "group.id": "group" });
  member.consumer.subscribe([TP.topic]);
  await member.until(() => member.received.length === count, "read");
  const queue = member.consumer.newQueue();
  const ring = newRing(library, 64);
  const inbox = new Inbox(library, {
    queue: member.consumer.addressOf(queue),
    ring: ring.address,
    capacity: 64,
  }, {
    laneOf: () => 0,
    partitions: [TP],
    next: new Float64Array(1),
    failed: (_, error) => {
      throw error;
    },
  });
  member.consumer.pause([TP]);
  await member.consumer.seek([{ ...TP, offset: 0 }], 5_000);
  member.consumer.forward(TP, queue);
  member.consumer.resume([TP]);
  const { symbols } = library;
  await eventually(
    () => Number(symbols.rd_kafka_queue_length(queue.pointer)) >= count,
    { what: "fetched", everyMs: 1 },
  );
  const batch = inbox.take(64)!;
  return {
    batch,
    ring,
    async [Symbol.asyncDispose]() {
      batch.free();
      await member[Symbol.asyncDispose]();
      inbox[Symbol.dispose]();
      ring[Symbol.dispose]();
    },
  };
}

/** Gives what `bounded` guards to a test. */
class Waiting extends Producer {
  wait(timeoutMs: number): Promise<never> {
    const never = new Promise<never>(() => {});
    return this.bounded(this.track(never), timeoutMs, "wait");
  }
}

Deno.test("a call that librdkafka never answers fails in the end, and holds up no closing", async () => {
  const [closedBefore, closedAfter] = [
    new Waiting(library, NOWHERE),
    new Waiting(library, NOWHERE),
  ];
  const failed = [closedBefore, closedAfter].map((each) =>
    assert.rejects(
      each.wait(1),
      (error: KafkaError) =>
        error.codeName === "_TIMED_OUT" && !error.retriable &&
        error.message.includes("wait: librdkafka does not answer"),
    )
  );
  const closed = closedBefore[Symbol.asyncDispose]();
  await Promise.all(failed);
  await closedAfter[Symbol.asyncDispose]();
  await within(closed, 20_000, "closed");
});
