import assert from "node:assert/strict";
import {
  Admin,
  ErrorCode,
  KafkaError,
  MockCluster,
} from "../../src/kafka/mod.ts";
import { ensureStateTopics } from "../../dr/state/mod.ts";
import { library, produce } from "../support/embedded.ts";
import { within } from "../support/wait.ts";

const OFFSET_FETCH = 9; // Kafka's number of that request
const OPTIONS = { timeoutMs: 20_000 };
const NOWHERE = { "bootstrap.servers": "127.0.0.1:1", "log_level": 0 };

function clusterWithTopic(): MockCluster {
  const cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 2);
  return cluster;
}

const adminOf = (cluster: MockCluster) =>
  new Admin(library, { "bootstrap.servers": cluster.bootstrapServers });

Deno.test("offsets that are set for a group are listed with their metadata", async () => {
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  const metadata = "m\u00e9tadata";

  const altered = await admin.groups.alterOffsets(
    "group",
    [{ topic: "topic", partition: 1, offset: 7, metadata }],
    OPTIONS,
  );
  const listed = await admin.groups.offsets(
    "group",
    [{ topic: "topic", partition: 0 }, { topic: "topic", partition: 1 }],
    OPTIONS,
  );

  assert.deepEqual(altered.map(({ error }) => error), [null]);
  assert.deepEqual(
    listed.map(({ offset, metadata, error }) => [offset, metadata, error]),
    [[null, "", null], [7, metadata, null]],
  );
});

Deno.test("metadata names the brokers, and of one topic leaders and replicas", async () => {
  await using cluster = new MockCluster(library, 3);
  cluster.createTopic("topic", 2, 3);
  await using admin = adminOf(cluster);

  const { brokers, topics } = await admin.metadata("topic", 20_000);
  const none = await admin.metadata(null, 20_000);

  assert.deepEqual(
    brokers.map(({ host, port }) => `${host}:${port}`).sort(),
    cluster.bootstrapServers.split(",").sort(),
  );
  assert.deepEqual(none.brokers.map(({ id }) => id).sort(), [1, 2, 3]);
  assert.deepEqual(topics.map(({ topic, error }) => [topic, error]), [
    ["topic", null],
  ]);
  const partitions = topics[0]!.partitions;
  assert.deepEqual(partitions.map(({ partition }) => partition), [0, 1]);
  for (const { leader, replicas, inSyncReplicas } of partitions) {
    assert.ok(leader !== null && replicas.includes(leader));
    assert.deepEqual(replicas.toSorted(), [1, 2, 3]);
    assert.deepEqual(inSyncReplicas.toSorted(), [1, 2, 3]);
  }
});

Deno.test("a request is repeated while the group's coordinator moves", async () => {
  // A client without a group would crash the process here (librdkafka #5040).
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  cluster.failRequests(OFFSET_FETCH, [
    ErrorCode.notCoordinator,
    ErrorCode.coordinatorLoadInProgress,
  ]);

  const listed = await admin.groups.offsets(
    "group",
    [{ topic: "topic", partition: 0 }],
    OPTIONS,
  );

  assert.deepEqual(listed.map(({ offset }) => offset), [null]);
});

Deno.test("a coordinator that appears after the time-out of its request does no harm", async () => {
  await using cluster = new MockCluster(library, 2);
  cluster.createTopic("topic", 1);
  await using admin = adminOf(cluster);
  await admin.partitionCounts(OPTIONS.timeoutMs);
  // One of two brokers coordinates about half of these.
  const groups = Array.from({ length: 16 }, (_, number) => `group-${number}`);
  const ask = (timeoutMs: number) =>
    Promise.allSettled(
      groups.map((group) => admin.groups.offsets(group, "all", { timeoutMs })),
    );
  cluster.setBrokerDown(2);
  const answers = await ask(3_000);
  const late = answers.filter(({ status }) => status === "rejected");
  assert.ok(late.length > 0 && late.length < groups.length);
  for (const { reason } of late as PromiseRejectedResult[]) {
    assert.equal(reason.code, ErrorCode.timedOut, reason.message);
  }

  cluster.setBrokerUp(2);
  for (const { status } of await ask(OPTIONS.timeoutMs)) {
    assert.equal(status, "fulfilled");
  }
});

Deno.test("a request that will not succeed is not repeated", async () => {
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  cluster.failRequests(OFFSET_FETCH, [ErrorCode.groupAuthorizationFailed]);

  await assert.rejects(
    admin.groups.offsets("group", "all", OPTIONS),
    (error) =>
      error instanceof KafkaError && !error.retriable &&
      error.code === ErrorCode.groupAuthorizationFailed,
  );
});

Deno.test("offsets are listed, and a partition that does not exist is an error of its own", async () => {
  await using cluster = clusterWithTopic();
  await produce(
    cluster.bootstrapServers,
    [1, 2, 3].map(() => ({ topic: "topic", partition: 0, value: "" })),
  );
  await using admin = adminOf(cluster);

  const [latest, earliest, unknown] = await admin.partitions.offsets([
    { topic: "topic", partition: 0, at: "latest" },
    { topic: "topic", partition: 1, at: "earliest" },
    { topic: "topic", partition: 9, at: "latest" },
  ], OPTIONS);

  assert.deepEqual([latest?.offset, latest?.error], [3, null]);
  assert.deepEqual([earliest?.offset, earliest?.error], [0, null]);
  assert.equal(unknown?.error?.code, ErrorCode.unknownPartition);
});

const endOf = (admin: Admin, topic: string, partition = 0) =>
  admin.partitions.offsets([{ topic, partition, at: "latest" }], OPTIONS);
const isNoLeader = (error: unknown) =>
  error instanceof KafkaError && error.code === ErrorCode.noEntry;

Deno.test("a topic that is made after it was asked for is found, whatever else the client knows", async () => {
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  // librdkafka forgets nothing before it has forgotten this, in 15 minutes.
  await endOf(admin, "topic");
  await assert.rejects(endOf(admin, "late"), isNoLeader);
  const [known, unknown] = await admin.partitions.offsets(
    ["topic", "late"].map((topic) => ({ topic, partition: 0, at: "latest" })),
    OPTIONS,
  );
  assert.equal(known?.offset, 0);
  assert.equal(unknown?.error?.code, ErrorCode.unknownTopicOrPartition);

  cluster.createTopic("late", 1);

  assert.equal((await endOf(admin, "late"))[0]?.offset, 0);
});

Deno.test("a partition that had no leader when it was asked for is found once it has one", async () => {
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  await endOf(admin, "topic");
  cluster.createTopic("headless", 1);
  cluster.setLeader("headless", 0, null);
  await assert.rejects(endOf(admin, "headless"), isNoLeader);

  cluster.setLeader("headless", 0, 1);

  assert.equal((await endOf(admin, "headless"))[0]?.offset, 0);
});

Deno.test("a request that nobody answers times out", async () => {
  await using admin = new Admin(library, NOWHERE);

  await assert.rejects(
    admin.topics.create([{ topic: "topic" }], { timeoutMs: 50 }),
    (error) =>
      error instanceof KafkaError && error.code === ErrorCode.timedOut &&
      error.message.startsWith("create topics: "),
  );
});

Deno.test("a signal ends the wait for an answer, at once and with its reason", async () => {
  await using admin = new Admin(library, NOWHERE);
  const reason = new Error("enough");
  const controller = new AbortController();

  const request = admin.describeCluster({
    timeoutMs: 60_000,
    signal: controller.signal,
  });
  controller.abort(reason);
  await assert.rejects(
    within(request, 20_000, "ended"),
    (error) => error === reason,
  );
  await assert.rejects(
    admin.describeCluster({ timeoutMs: 60_000, signal: controller.signal }),
    (error) => error === reason,
  );
});

Deno.test("answers that come after the wait has ended do no harm", async () => {
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  const list = (signal?: AbortSignal) =>
    admin.partitions.offsets(
      [{ topic: "topic", partition: 0, at: "latest" }],
      { ...OPTIONS, signal },
    );
  await list();

  let ended = 0;
  for (let round = 0; round < 100; round++) {
    const controller = new AbortController();
    const request = list(controller.signal);
    controller.abort();
    // Fulfilled where the answer was there before the signal.
    const [{ status }] = await Promise.allSettled([request]);
    if (status === "rejected") ended++;
  }

  assert(ended > 0);
  assert.equal((await list())[0]?.offset, 0);
});

Deno.test("requests run side by side, each with its own answer", async () => {
  await using cluster = clusterWithTopic();
  await using admin = adminOf(cluster);
  const groups = Array.from({ length: 20 }, (_, index) => `group-${index}`);

  await Promise.all(groups.map((group, index) =>
    admin.groups.alterOffsets(
      group,
      [{ topic: "topic", partition: 0, offset: index }],
      OPTIONS,
    )
  ));
  const listed = await Promise.all(
    groups.map((group) =>
      admin.groups.offsets(group, [{ topic: "topic", partition: 0 }], OPTIONS)
    ),
  );

  assert.deepEqual(
    listed.map(([answer]) => answer?.offset),
    groups.map((_, index) => index),
  );
});

Deno.test("a request for nothing asks nobody", async () => {
  await using admin = new Admin(library, NOWHERE);

  assert.deepEqual(await admin.topics.create([], OPTIONS), []);
  assert.deepEqual(await admin.topics.describe([], OPTIONS), []);
  assert.deepEqual(await admin.groups.describe([], OPTIONS), []);
  assert.deepEqual(await admin.groups.offsets("group", [], OPTIONS), []);
  assert.deepEqual(await admin.partitions.offsets([], OPTIONS), []);
  assert.deepEqual(await admin.partitions.deleteRecords([], OPTIONS), []);
  assert.deepEqual(await admin.configs.describe([], OPTIONS), []);
  assert.deepEqual(await admin.acls.create([], OPTIONS), []);
});

Deno.test("impossible arguments are refused before anything is sent", async () => {
  await using admin = new Admin(library, NOWHERE);

  await assert.rejects(
    admin.describeCluster({ timeoutMs: -1 }),
    /^RangeError: timeoutMs -1: /,
  );
  await assert.rejects(
    admin.topics.create([{ topic: "topic", partitions: -7 }], OPTIONS),
    /^TypeError: create topic "topic": /,
  );
  await assert.rejects(
    admin.topics.create([{ topic: "a\0b" }], OPTIONS),
    TypeError,
  );
});

Deno.test("two embedded clusters can have brokers with different ids, and work all the same", async () => {
  await using one = new MockCluster(library, 1);
  await using other = new MockCluster(library, 2, 101);
  await using admins = new AsyncDisposableStack();
  const ids: number[][] = [];
  for (const cluster of [one, other]) {
    cluster.createTopic("topic", 3);
    const brokers = cluster.bootstrapServers;
    const admin = admins.use(
      new Admin(library, { "bootstrap.servers": brokers }),
    );
    await produce(
      brokers,
      [0, 1, 2].map((partition) => ({
        topic: "topic",
        partition,
        value: "x",
      })),
    );
    const described = await admin.describeCluster({ timeoutMs: 20_000 });
    ids.push(described.brokers.map(({ id }) => id).sort());
    const addresses = described.brokers.map(({ host, port }) =>
      `${host}:${port}`
    );
    assert.deepEqual(addresses.sort(), brokers.split(",").sort());
  }
  assert.deepEqual(ids, [[1], [101, 102]]);
});

Deno.test("a broker that is down is not connected to without a pause while it is asked", async () => {
  await using cluster = new MockCluster(library, 2);
  cluster.createTopic("topic", 1);
  cluster.setLeader("topic", 0, 2);
  await using admin = new Admin(library, {
    "bootstrap.servers": cluster.bootstrapServers,
    "statistics.interval.ms": 100,
    "log_level": 0,
  });
  const ask = (timeoutMs: number) =>
    admin.partitions.offsets([
      { topic: "topic", partition: 0, at: "latest" },
    ], { timeoutMs });
  await ask(20_000);
  cluster.setBrokerDown(2);

  const before = await connections(admin, 2);
  const [answer] = await ask(2_000);
  assert.notEqual(answer!.error, null);
  const attempts = await connections(admin, 2) - before;

  assert.ok(attempts > 0, "it was asked");
  assert.ok(attempts < 20, `${attempts} attempts in 2 s`);
});

/** How often a client has begun to connect to a broker until now. */
async function connections(admin: Admin, broker: number): Promise<number> {
  while (await admin.poll(0) !== null); // what it told before
  let event = await admin.poll(100);
  const deadline = performance.now() + 20_000;
  while (event?.kind !== "statistics") {
    assert.ok(performance.now() < deadline, "statistics within 20 s");
    event = await admin.poll(100);
  }
  const { brokers } = JSON.parse(event.json) as {
    brokers: Record<string, { nodeid: number; connects: number }>;
  };
  return Object.values(brokers)
    .filter(({ nodeid }) => nodeid === broker)
    .reduce((sum, { connects }) => sum + connects, 0);
}

Deno.test("topics of the state that are there will do where none can be described", async () => {
  await using cluster = new MockCluster(library, 1);
  await using admin = new Admin(library, {
    "bootstrap.servers": cluster.bootstrapServers,
  });
  const ensure = () =>
    ensureStateTopics({
      admin,
      cluster: "primary",
      replicationFactor: 1,
      timeoutMs: 5_000,
    }, new AbortController().signal);
  await assert.rejects(ensure(), /not supported/);
  cluster.createTopic("switchyard-state", 1);
  await ensure();
});
