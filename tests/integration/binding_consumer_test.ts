import assert from "node:assert/strict";
import {
  Admin,
  ErrorCode,
  isFencedMember,
  KafkaError,
  MockCluster,
} from "../../src/kafka/mod.ts";
import {
  library,
  Member,
  produce,
  QUICK_REBALANCE,
  text,
  untilAll,
} from "../support/embedded.ts";

const OPTIONS = { timeoutMs: 20_000 };
const OFFSET_COMMIT = 8; // Kafka's number of that request

function clusterWith(topics: Readonly<Record<string, number>>): MockCluster {
  const cluster = new MockCluster(library, 1);
  for (const [topic, partitions] of Object.entries(topics)) {
    cluster.createTopic(topic, partitions);
  }
  return cluster;
}

const GROUP = { "group.id": "group", ...QUICK_REBALANCE };

/** Records "0", "1", ... of one partition. */
function numbered(topic: string, partition: number, count: number, from = 0) {
  return Array.from({ length: count }, (_, index) => ({
    topic,
    partition,
    value: String(from + index),
  }));
}

Deno.test("a member reads all records of its topics, each partition in order", async () => {
  await using cluster = clusterWith({ one: 2, two: 1 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, [
    ...numbered("one", 0, 100),
    ...numbered("one", 1, 50),
    ...numbered("two", 0, 30),
  ]);
  await using member = new Member(bootstrapServers, GROUP);

  member.consumer.subscribe(["one", "two"]);
  await member.until(() => member.received.length >= 180, "read everything");

  for (
    const [topic, partition, count] of [["one", 0, 100], ["one", 1, 50], [
      "two",
      0,
      30,
    ]] as const
  ) {
    const read = member.of(topic, partition);
    assert.deepEqual(
      read.map(({ value }) => text(value)),
      numbered(topic, partition, count).map(({ value }) => value),
    );
    assert.deepEqual(read.map(({ offset }) => offset), [
      ...Array(count).keys(),
    ]);
  }
});

Deno.test("a name that starts with ^ subscribes to all topics that match", async () => {
  await using cluster = clusterWith({ "login-a": 1, "login-b": 1, other: 1 });
  await using member = new Member(cluster.bootstrapServers, GROUP);

  member.consumer.subscribe(["^login-"]);
  await member.until(() => member.assigned.length >= 2, "assigned");

  assert.deepEqual(
    member.assigned.map(({ topic }) => topic).sort(),
    ["login-a", "login-b"],
  );
});

Deno.test("two members share the partitions, and neither reads one of the other's", async () => {
  await using cluster = clusterWith({ topic: 4 });
  const { bootstrapServers } = cluster;
  await using first = new Member(bootstrapServers, GROUP);
  first.consumer.subscribe(["topic"]);
  await first.until(() => first.assigned.length === 4, "owner of all");

  await using second = new Member(bootstrapServers, GROUP);
  second.consumer.subscribe(["topic"]);
  await untilAll(
    [first, second],
    () => first.assigned.length === 2 && second.assigned.length === 2,
    "shared",
  );
  await produce(
    bootstrapServers,
    [0, 1, 2, 3].flatMap((partition) => numbered("topic", partition, 5)),
  );
  await untilAll(
    [first, second],
    () => first.received.length + second.received.length >= 20,
    "read",
  );

  const owned = [...first.assigned, ...second.assigned];
  assert.deepEqual(owned.map(({ partition }) => partition).sort(), [
    0,
    1,
    2,
    3,
  ]);
  for (const { topic, partition } of first.assigned) {
    assert.equal(first.of(topic, partition).length, 5);
    assert.equal(second.of(topic, partition).length, 0);
  }
});

Deno.test("a member that leaves gives its partitions to the one that stays", async () => {
  await using cluster = clusterWith({ topic: 2 });
  const { bootstrapServers } = cluster;
  await using stays = new Member(bootstrapServers, GROUP);
  stays.consumer.subscribe(["topic"]);
  {
    await using leaves = new Member(bootstrapServers, GROUP);
    leaves.consumer.subscribe(["topic"]);
    await untilAll(
      [stays, leaves],
      () => stays.assigned.length === 1 && leaves.assigned.length === 1,
      "shared",
    );
  }

  await stays.until(() => stays.assigned.length === 2, "owner of all");
});

Deno.test("a paused partition delivers nothing, and everything once it is resumed", async () => {
  await using cluster = clusterWith({ topic: 2 });
  const { bootstrapServers } = cluster;
  const paused = { topic: "topic", partition: 0 };
  await using member = new Member(bootstrapServers, GROUP);
  member.consumer.subscribe(["topic"]);
  await produce(bootstrapServers, [
    ...numbered("topic", 0, 10),
    ...numbered("topic", 1, 10),
  ]);
  await member.until(() => member.received.length === 20, "read the first");

  member.consumer.pause([paused]);
  await produce(bootstrapServers, [
    ...numbered("topic", 0, 10, 10),
    ...numbered("topic", 1, 10, 10),
  ]);
  await member.until(
    () => member.of("topic", 1).length === 20,
    "read the other",
  );
  assert.equal(member.of("topic", 0).length, 10);

  member.consumer.resume([paused]);
  await member.until(
    () => member.of("topic", 0).length === 20,
    "read the rest",
  );
  assert.deepEqual(
    member.of("topic", 0).map(({ offset }) => offset),
    [...Array(20).keys()],
  );
});

Deno.test("seek moves a partition back and forward", async () => {
  await using cluster = clusterWith({ topic: 1 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, numbered("topic", 0, 10));
  await using member = new Member(bootstrapServers, GROUP);
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.received.length === 10, "read");

  for (const offset of [3, 0, 8]) {
    member.received.length = 0;
    member.next[0] = 0;
    const [answer] = await member.consumer.seek(
      [{ topic: "topic", partition: 0, offset }],
      5_000,
    );
    assert.equal(answer?.error, null);
    await member.until(() => member.received.at(-1)?.offset === 9, "read on");
    assert.equal(member.received[0]?.offset, offset);
  }
});

Deno.test("seek answers with an error for each partition that is not assigned", async () => {
  await using cluster = clusterWith({ topic: 1 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, numbered("topic", 0, 1));
  await using member = new Member(bootstrapServers, GROUP);
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.received.length === 1, "read");

  const answers = await member.consumer.seek([
    { topic: "topic", partition: 0, offset: 0 },
    { topic: "topic", partition: 5, offset: 0 },
  ], 5_000);

  assert.equal(answers[0]?.error, null);
  assert(answers[1]?.error instanceof KafkaError);
});

Deno.test("a committed offset comes back with its metadata", async () => {
  await using cluster = clusterWith({ topic: 2 });
  await using member = new Member(cluster.bootstrapServers, GROUP);
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 2, "assigned");
  const metadata = "beyond: 7,9 \u2713";

  const committed = await member.consumer.commit([
    { topic: "topic", partition: 0, offset: 5, metadata },
  ]);
  const read = await member.consumer.committed(member.assigned, 5_000);

  assert.deepEqual(committed.map(({ error }) => error), [null]);
  assert.deepEqual(
    read.map(({ partition, offset, metadata }) => [partition, offset, metadata])
      .sort(),
    [[0, 5, metadata], [1, null, ""]],
  );
});

Deno.test("a member starts where its group has committed", async () => {
  await using cluster = clusterWith({ topic: 1 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, numbered("topic", 0, 10));
  {
    await using before = new Member(bootstrapServers, GROUP);
    before.consumer.subscribe(["topic"]);
    await before.until(() => before.received.length === 10, "read");
    await before.consumer.commit([{ topic: "topic", partition: 0, offset: 6 }]);
  }
  await using after = new Member(bootstrapServers, GROUP);
  after.consumer.subscribe(["topic"]);
  await after.until(() => after.received.at(-1)?.offset === 9, "read the rest");

  assert.equal(after.received[0]?.offset, 6);
});

Deno.test("a commit of a member that the group has dropped is refused as fenced", async () => {
  await using cluster = clusterWith({ topic: 1 });
  await using member = new Member(cluster.bootstrapServers, GROUP);
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 1, "assigned");
  cluster.failRequests(OFFSET_COMMIT, [ErrorCode.illegalGeneration]);

  await assert.rejects(
    member.consumer.commit([{ topic: "topic", partition: 0, offset: 1 }]),
    (error) =>
      error instanceof KafkaError && isFencedMember(error.code) &&
      error.codeName === "ILLEGAL_GENERATION",
  );
});

Deno.test("the position is the offset after the last record that was taken", async () => {
  await using cluster = clusterWith({ topic: 2 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, numbered("topic", 0, 7));
  await using member = new Member(bootstrapServers, GROUP);
  member.consumer.subscribe(["topic"]);
  await member.until(
    () => member.received.length === 7 && member.assigned.length === 2,
    "read",
  );

  const positions = member.consumer.positions([
    { topic: "topic", partition: 0 },
    { topic: "topic", partition: 1 },
  ]);

  assert.deepEqual(positions.map(({ offset }) => offset), [7, null]);
});

Deno.test("watermarks and partition counts are those of the cluster", async () => {
  await using cluster = clusterWith({ topic: 3 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, numbered("topic", 1, 5));
  await using member = new Member(bootstrapServers, GROUP);
  const { consumer } = member;

  assert.deepEqual(await consumer.watermarks("topic", 1, 5_000), {
    low: 0,
    high: 5,
  });
  assert.deepEqual(await consumer.watermarks("topic", 2, 5_000), {
    low: 0,
    high: 0,
  });
  assert.deepEqual(
    await consumer.partitionCounts(5_000),
    new Map([["topic", 3]]),
  );
});

Deno.test("a start that is out of range fails its partition and no other", async () => {
  await using cluster = clusterWith({ topic: 2 });
  const { bootstrapServers } = cluster;
  await produce(bootstrapServers, numbered("topic", 1, 3));
  await using member = new Member(
    bootstrapServers,
    { ...GROUP, "auto.offset.reset": "error" },
    (tp) => ({ ...tp, offset: tp.partition === 0 ? 99 : 0 }),
  );
  member.consumer.subscribe(["topic"]);
  await member.until(
    () => member.failures.length > 0 && member.received.length === 3,
    "served",
  );

  const [failure] = member.failures;
  assert.equal(member.failures.length, 1);
  assert.deepEqual(failure?.tp, { topic: "topic", partition: 0 });
  assert.equal(failure?.error.code, ErrorCode.autoOffsetReset);
});

Deno.test("a member has an id once it has joined, and has not lost its assignment", async () => {
  await using cluster = clusterWith({ topic: 1 });
  await using member = new Member(cluster.bootstrapServers, GROUP);
  assert.equal(member.consumer.memberId, "");
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.assigned.length === 1, "assigned");

  assert.notEqual(member.consumer.memberId, "");
  assert.equal(member.consumer.assignmentLost, false);
});

Deno.test("a member says what topics there are, as an admin does", async () => {
  await using cluster = clusterWith({ one: 2, two: 1 });
  await using admin = new Admin(library, {
    "bootstrap.servers": cluster.bootstrapServers,
  });
  await using member = new Member(cluster.bootstrapServers, GROUP);
  member.consumer.subscribe(["one"]);
  await member.until(() => member.assigned.length === 2, "assigned");
  const names = ["one", "two", "none"];

  const [one, two, none] = await member.consumer.summarize(names, OPTIONS);

  assert.equal(one?.partitions, 2);
  assert.notEqual(one.topicId, two?.topicId);
  assert.notEqual(none?.error, null);
  assert.deepEqual(
    (await admin.topics.summarize(["one", "two"], OPTIONS))
      .map(({ topicId }) => topicId),
    [one.topicId, two?.topicId],
  );
});

Deno.test("a question about topics ends with its signal, or when the member is closed", async () => {
  await using member = new Member("127.0.0.1:1", { ...GROUP, "log_level": 0 });
  const reason = new Error("enough");
  await assert.rejects(
    member.consumer.summarize(["one"], {
      ...OPTIONS,
      signal: AbortSignal.abort(reason),
    }),
    (error) => error === reason,
  );
  const asked = member.consumer.summarize(["one"], OPTIONS);
  const rejected = assert.rejects(asked, TypeError);
  await member.consumer[Symbol.asyncDispose]();
  await rejected;
});
