import assert from "node:assert/strict";
import { Partitioners } from "kafkajs";
import {
  ErrorCode,
  isRecordRefused,
  KafkaError,
  MockCluster,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import {
  library,
  Member,
  produce,
  type Received,
  Sender,
  text,
} from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

/** Sends records to `topic` and reads all of them back. */
async function throughCluster(
  cluster: MockCluster,
  records: readonly OutputRecord[],
): Promise<Received[]> {
  await produce(cluster.bootstrapServers, records);
  return await readAll(cluster, records.length);
}

async function readAll(
  cluster: MockCluster,
  count: number,
): Promise<Received[]> {
  await using member = new Member(cluster.bootstrapServers, {
    "group.id": "reader",
  });
  member.consumer.subscribe(["topic"]);
  await member.until(
    () => member.received.length >= count,
    "read everything",
  );
  return member.received;
}

function clusterWithTopic(partitions: number): MockCluster {
  const cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", partitions);
  return cluster;
}

Deno.test("null, empty and non-ASCII keys and values arrive as they were", async () => {
  await using cluster = clusterWithTopic(1);
  const pairs = [
    [null, null],
    ["", ""],
    [null, ""],
    ["", null],
    ["k\u00e9y", "v\u00e4l\u{1f600}ue"],
    ["nul\0inside", "\0"],
    ["ascii", "ascii"],
  ] as const;

  const received = await throughCluster(
    cluster,
    pairs.map(([key, value]) => ({ topic: "topic", key, value })),
  );

  assert.deepEqual(
    received.map(({ key, value }) => [text(key), text(value)]),
    pairs,
  );
});

Deno.test("keys and values may be bytes that are no text", async () => {
  await using cluster = clusterWithTopic(1);
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);

  const [record] = await throughCluster(cluster, [
    { topic: "topic", key: bytes.subarray(128), value: bytes },
  ]);

  assert.deepEqual(record?.key, bytes.slice(128));
  assert.deepEqual(record?.value, bytes);
});

Deno.test("headers keep their order, repetitions, null and empty values", async () => {
  await using cluster = clusterWithTopic(1);
  const headers = [
    { key: "b", value: "1" },
    { key: "a", value: null },
    { key: "b", value: "" },
    { key: "\u00e9", value: new Uint8Array([0, 255]) },
  ];

  const [record] = await throughCluster(cluster, [
    { topic: "topic", value: "", headers },
  ]);

  assert.deepEqual(record?.headers, [
    { key: "b", value: new Uint8Array([49]) },
    { key: "a", value: null },
    { key: "b", value: new Uint8Array(0) },
    { key: "\u00e9", value: new Uint8Array([0, 255]) },
  ]);
});

Deno.test("a last header stands behind those of its record, which need not have any", async () => {
  await using cluster = clusterWithTopic(1);
  await using sender = new Sender(cluster.bootstrapServers);
  const last = { key: "last", value: "\u00e9" };
  const headers = [{ key: "last", value: "first" }, { key: "b", value: null }];

  sender.outbox.add(1, 0, { topic: "topic", value: "a" }, last);
  sender.outbox.add(1, 1, { topic: "topic", value: "b", headers }, last);
  sender.outbox.add(1, 2, { topic: "topic", value: "c" });
  sender.outbox.send();
  await sender.reported();

  const received = await readAll(cluster, 3);
  assert.deepEqual(
    received.map(({ headers }) =>
      headers.map(({ key, value }) => [key, text(value)])
    ),
    [
      [["last", "\u00e9"]],
      [["last", "first"], ["b", null], ["last", "\u00e9"]],
      [],
    ],
  );
});

Deno.test("headers arrive whatever the number of their names", async () => {
  await using cluster = clusterWithTopic(1);
  // More than are kept for the next record.
  const names = Array.from({ length: 400 }, (_, at) => `${at}`.padEnd(90, "."));
  const records = [...names, ...names].map((key) => ({
    topic: "topic",
    value: "",
    headers: [{ key, value: key }],
  }));

  const received = await throughCluster(cluster, records);

  assert.deepEqual(
    received.map(({ headers }) =>
      headers.map(({ key, value }) => [key, text(value)])
    ),
    records.map(({ headers }) => headers.map(({ key, value }) => [key, value])),
  );
});

Deno.test("a given timestamp is kept, and otherwise it is the time of sending", async () => {
  await using cluster = clusterWithTopic(1);
  const timestampMs = Date.UTC(2001, 2, 3, 4, 5, 6, 789);
  const before = Date.now();

  const [given, now] = await throughCluster(cluster, [
    { topic: "topic", value: "given", timestampMs },
    { topic: "topic", value: "now" },
  ]);

  assert.equal(given?.timestampMs, timestampMs);
  assert(now!.timestampMs >= before && now!.timestampMs <= Date.now());
});

Deno.test("records with and without headers keep their order", async () => {
  await using cluster = clusterWithTopic(1);
  const records = Array.from({ length: 300 }, (_, index) => ({
    topic: "topic",
    value: String(index),
    ...(index % 7 === 0 ? { headers: [{ key: "h", value: "v" }] } : {}),
  }));

  const received = await throughCluster(cluster, records);

  assert.deepEqual(
    received.map(({ value }) => text(value)),
    records.map(({ value }) => value),
  );
});

Deno.test("a value larger than the outbox's arena arrives whole", async () => {
  await using cluster = clusterWithTopic(1);
  const { bootstrapServers } = cluster;
  const values = [
    "small",
    "\u20ac".repeat(700_000),
    new Uint8Array(3_000_000).fill(7),
    "small again",
  ];
  await using sender = new Sender(bootstrapServers, {
    "message.max.bytes": 4_000_000,
  });
  const reports = await sender.send(
    values.map((value) => ({ topic: "topic", value })),
  );
  assert.deepEqual(reports.map(({ code }) => code), [0, 0, 0, 0]);
  await using member = new Member(bootstrapServers, {
    "group.id": "reader",
    "fetch.message.max.bytes": 4_000_000,
  });
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.received.length === 4, "read");

  const encoder = new TextEncoder();
  member.received.forEach(({ value }, index) => {
    const sent = values[index]!;
    const bytes = typeof sent === "string" ? encoder.encode(sent) : sent;
    assert.equal(Buffer.compare(value!, bytes), 0, `value ${index}`);
  });
});

Deno.test("a record goes to the partition that it names", async () => {
  await using cluster = clusterWithTopic(5);

  const received = await throughCluster(
    cluster,
    [3, 0, 4, 1, 2, 3].map((partition, index) => ({
      topic: "topic",
      partition,
      value: String(partition),
      ...(index % 2 === 0 ? { headers: [] } : {}),
    })),
  );

  for (const { partition, value } of received) {
    assert.equal(String(partition), text(value));
  }
});

Deno.test("a key chooses the partition that Java's producer chooses", async () => {
  const partitions = 13;
  await using cluster = clusterWithTopic(partitions);
  const javaPartition = Partitioners.DefaultPartitioner();
  const partitionMetadata = Array.from(
    { length: partitions },
    (_, partitionId) => ({ partitionId, leader: 1 }),
  ) as Parameters<typeof javaPartition>[0]["partitionMetadata"];
  const keys = [
    "",
    "a",
    "abcdefg",
    "k\u00e9y",
    ...Array.from({ length: 200 }, (_, index) => `user-${index}`),
  ];

  const received = await throughCluster(
    cluster,
    keys.map((key) => ({ topic: "topic", key, value: "" })),
  );

  for (const { key, partition } of received) {
    const expected = javaPartition({
      topic: "topic",
      partitionMetadata,
      message: { key: Buffer.from(key!), value: null },
    });
    assert.equal(partition, expected, `key ${text(key)}`);
  }
});

Deno.test("every record is reported once, with its owner and index", async () => {
  await using cluster = clusterWithTopic(3);
  await using sender = new Sender(cluster.bootstrapServers);
  const big = 2 ** 32 - 1;

  for (
    const [owner, index] of [[0, 0], [1, 2], [big, big], [7, big]] as const
  ) {
    sender.outbox.add(owner, index, { topic: "topic", value: "plain" });
  }
  sender.outbox.add(5, 6, { topic: "topic", value: "", headers: [] });
  sender.outbox.send();
  assert.equal(sender.outbox.pendingRecords, 5);
  assert.equal(sender.outbox.pendingBytes, 20);
  await sender.reported();

  assert.deepEqual(
    sender.reports.toSorted((a, b) => a.owner - b.owner || a.index - b.index),
    [[0, 0], [1, 2], [5, 6], [7, big], [big, big]]
      .map(([owner, index]) => ({ owner, index, code: 0 })),
  );
  assert.equal(sender.outbox.pendingBytes, 0);
});

Deno.test("a record that is too large is reported as refused, and its neighbours are sent", async () => {
  await using cluster = clusterWithTopic(1);
  await using sender = new Sender(cluster.bootstrapServers, {
    "message.max.bytes": 10_000,
  });
  const large = "x".repeat(20_000);

  const reports = await sender.send([
    { topic: "topic", value: "before" },
    { topic: "topic", value: large },
    { topic: "topic", value: large, headers: [{ key: "h", value: "v" }] },
    { topic: "topic", value: "after" },
  ]);

  const codes = reports.toSorted((a, b) => a.index - b.index)
    .map(({ code }) => code);
  const tooLarge = ErrorCode.messageSizeTooLarge;
  assert.deepEqual(codes, [0, tooLarge, tooLarge, 0]);
  assert(isRecordRefused(tooLarge));
});

Deno.test("a record for a partition that does not exist is reported as refused", async () => {
  await using cluster = clusterWithTopic(2);
  await using sender = new Sender(cluster.bootstrapServers);

  const reports = await sender.send([
    { topic: "topic", value: "", partition: 9 },
    { topic: "topic", value: "", partition: 1 },
  ]);

  const codes = reports.toSorted((a, b) => a.index - b.index)
    .map(({ code }) => code);
  assert.deepEqual(codes, [ErrorCode.unknownPartition, 0]);
});

Deno.test("records that no broker takes are reported as timed out", async () => {
  await using cluster = clusterWithTopic(1);
  await using sender = new Sender(cluster.bootstrapServers, {
    "message.timeout.ms": 300,
  });
  // The time-out bounds its connection, too.
  await eventually(
    async () =>
      (await sender.send([{ topic: "topic", value: "" }]))[0]?.code === 0,
    { what: "connected" },
  );
  cluster.setBrokerDown(1);

  const reports = await sender.send([
    { topic: "topic", value: "a" },
    { topic: "topic", value: "b", headers: [] },
  ]);

  assert.deepEqual(
    reports.map(({ code }) => code),
    [ErrorCode.messageTimedOut, ErrorCode.messageTimedOut],
  );
});

Deno.test("a full queue is reported for each record that it had no room for", async () => {
  await using cluster = clusterWithTopic(1);
  await using sender = new Sender(cluster.bootstrapServers, {
    "queue.buffering.max.messages": 10,
    "linger.ms": 20,
  });

  const reports = await sender.send(
    Array.from({ length: 25 }, () => ({ topic: "topic", value: "" })),
  );

  const full = reports.filter(({ code }) => code === ErrorCode.queueFull);
  const sent = reports.filter(({ code }) => code === 0);
  assert.equal(sent.length, 10);
  assert.equal(full.length, 15);
});

Deno.test("purged records are reported, and flush waits for those that are sent", async () => {
  await using cluster = clusterWithTopic(1);
  cluster.setBrokerDown(1);
  await using sender = new Sender(cluster.bootstrapServers);
  sender.outbox.add(1, 1, { topic: "topic", value: "" });
  sender.outbox.send();
  await assert.rejects(
    sender.producer.flush(10),
    (error) => error instanceof KafkaError && error.code === ErrorCode.timedOut,
  );

  sender.producer.purge();
  await sender.reported();

  assert.deepEqual(
    sender.reports.map(({ code }) => code),
    [ErrorCode.purgedInQueue],
  );
  await sender.producer.flush(1_000);
});

Deno.test("a transaction may begin with a named partition of a topic that the producer does not know yet", async () => {
  await using cluster = clusterWithTopic(3);
  await using sender = new Sender(cluster.bootstrapServers, {
    "transactional.id": "id",
    "transaction.timeout.ms": 10_000,
  });
  await sender.producer.initTransactions(10_000);
  sender.producer.beginTransaction();
  const reports = await sender.send([
    { topic: "topic", key: "a", value: "b", partition: 2 },
  ]);
  assert.deepEqual(reports.map(({ code }) => code), [0]);
  await sender.producer.commitTransaction(10_000);
});
