import assert from "node:assert/strict";
import { startEmbeddedCluster } from "../../src/embedded/cluster.ts";
import {
  loginAt,
  type LoginStream,
} from "../../src/embedded/login_generator.ts";
import {
  LoginSource,
  MOST_UNSETTLED,
} from "../../src/embedded/login_source.ts";
import {
  Consumer,
  ErrorCode,
  Inbox,
  KafkaError,
  type Library,
  MOCK_PARTITION_BYTES,
  MockCluster,
  newRing,
  openLibrary,
  Outbox,
  Producer,
} from "../../src/kafka/mod.ts";
import { ensureNative } from "../../src/kafka/native/locate.ts";
import { eventually, within } from "../support/wait.ts";

const library = openLibrary((await ensureNative()).path);
// The first one opens functions that stay open, which a test may not do.
await new MockCluster(library, 1)[Symbol.asyncDispose]();

const topic = "logins";
const never = new AbortController().signal;
const stream: LoginStream = {
  seed: 1,
  malformed: 0.1,
  startSeconds: 1_800_000_000,
  perSecond: 1000,
};

Deno.test("the embedded cluster has the topics that it was asked for", async () => {
  await using cluster = await startEmbeddedCluster(library, {
    topics: ["one", "two"],
    partitions: 3,
  });
  await using client = clientOf(cluster.bootstrapServers);
  const counts = await client.partitionCounts(10_000);
  assert.deepEqual([counts.get("one"), counts.get("two")], [3, 3]);
});

Deno.test("the embedded cluster drops a partition's oldest records above 5 MB", async () => {
  await using cluster = await startCluster(1);
  await using client = clientOf(cluster.bootstrapServers);
  const value = "x".repeat(100_000);
  const fits = Math.floor(MOCK_PARTITION_BYTES * 0.95 / value.length);

  await produce(client, value, fits);
  assert.deepEqual(await client.watermarks(topic, 0, 10_000), {
    low: 0,
    high: fits,
  });
  await produce(client, value, fits);
  const { low } = await client.watermarks(topic, 0, 10_000);
  assert.ok(low > 0, `low watermark ${low}`);
});

Deno.test("a source waits for the settled input before the cluster drops any of it", async () => {
  // All logins in one partition is the worst case.
  await using cluster = await startCluster(1);
  await using client = clientOf(cluster.bootstrapServers);
  let settled = 0;
  await using source = new LoginSource(library, {
    bootstrapServers: cluster.bootstrapServers,
    topic,
    stream: { ...stream, malformed: 0 },
    rate: 1_000_000,
    settled: () => settled,
  });
  const run = source.run(never);
  await Promise.race([run, acknowledgedBy(source, MOST_UNSETTLED)]);

  settled = 5;
  await Promise.race([run, acknowledgedBy(source, MOST_UNSETTLED + 5)]);

  assert.equal(source.generated, MOST_UNSETTLED + 5);
  assert.deepEqual(await client.watermarks(topic, 0, 10_000), {
    low: 0,
    high: MOST_UNSETTLED + 5,
  });
});

Deno.test("a limited source produces exactly its logins, in order within a partition", async () => {
  const limit = 3000;
  const partitions = 4;
  await using cluster = await startCluster(partitions);
  await using source = new LoginSource(library, {
    bootstrapServers: cluster.bootstrapServers,
    topic,
    stream,
    rate: 100_000,
    limit,
    settled: () => 0,
  });
  await ended(source.run(never));
  assert.equal(source.acknowledged, limit);

  const read = await readAll(
    library,
    cluster.bootstrapServers,
    partitions,
    limit,
  );
  const expected = Array.from({ length: limit }, (_, index) => {
    const { key, value } = loginAt(stream, index);
    return asText(key, value);
  });
  assert.deepEqual(read.flat().toSorted(), expected.toSorted());
  for (const records of read) {
    const mine = new Set(records);
    assert.deepEqual(records, expected.filter((each) => mine.has(each)));
  }
});

Deno.test("a source that is told to stop ends with everything acknowledged", async () => {
  await using cluster = await startCluster(2);
  await using source = new LoginSource(library, {
    bootstrapServers: cluster.bootstrapServers,
    topic,
    stream,
    rate: 50_000,
    settled: (): number => source.acknowledged,
  });
  const stop = new AbortController();
  const run = source.run(stop.signal);
  await Promise.race([run, acknowledgedBy(source, 100)]);
  stop.abort();
  await ended(run);
  assert.equal(source.acknowledged, source.generated);
});

Deno.test("disposing a source ends its run, even while nothing is acknowledged", async () => {
  await using cluster = await startCluster(1);
  cluster.setRoundTripTime(1, 60_000);
  const source = new LoginSource(library, {
    bootstrapServers: cluster.bootstrapServers,
    topic,
    stream,
    rate: 1000,
    limit: 1,
    settled: () => 0,
  });
  const run = source.run(never);
  await eventually(() => source.generated === 1, { what: "generated" });
  await ended(source[Symbol.asyncDispose]());
  await ended(run);
  assert.equal(source.acknowledged, 0);
});

Deno.test("a source fails with the cluster's error when its logins are refused", async () => {
  await using cluster = await startCluster(1);
  cluster.failRequests(PRODUCE, [ErrorCode.topicAuthorizationFailed]);
  await using source = new LoginSource(library, {
    bootstrapServers: cluster.bootstrapServers,
    topic,
    stream,
    rate: 1000,
    settled: () => 0,
  });
  await assert.rejects(
    ended(source.run(never)),
    (error) =>
      error instanceof KafkaError &&
      error.code === ErrorCode.topicAuthorizationFailed,
  );
});

/** The key of Produce in the Kafka protocol. */
const PRODUCE = 0;

function startCluster(partitions: number) {
  return startEmbeddedCluster(library, { topics: [topic], partitions });
}

function clientOf(bootstrapServers: string): Producer {
  return new Producer(library, { "bootstrap.servers": bootstrapServers });
}

function ended(run: Promise<void>): Promise<void> {
  return within(run, 30_000, "ended");
}

function acknowledgedBy(source: LoginSource, count: number) {
  return eventually(() => source.acknowledged >= count, {
    what: `${count} logins acknowledged`,
  });
}

async function produce(
  producer: Producer,
  value: string,
  count: number,
): Promise<void> {
  let failed = 0;
  using outbox = new Outbox(library, producer.port, (_owner, _index, code) => {
    if (code !== 0) failed++;
  });
  for (let index = 0; index < count; index++) {
    outbox.add(0, 0, { topic, value, partition: 0 });
  }
  outbox.send();
  while (outbox.pendingRecords > 0) await outbox.waitAndCollect(100);
  assert.equal(failed, 0);
}

/** The first `count` records, by partition in their order. */
async function readAll(
  library: Library,
  bootstrapServers: string,
  partitions: number,
  count: number,
): Promise<string[][]> {
  await using consumer = new Consumer(library, {
    "bootstrap.servers": bootstrapServers,
    "group.id": "reader",
  });
  using queue = consumer.newQueue();
  using ring = newRing(library, count);
  const tps = Array.from(
    { length: partitions },
    (_, partition) => ({ topic, partition }),
  );
  for (const tp of tps) consumer.forward(tp, queue);
  consumer.assign(tps.map((tp) => ({ ...tp, offset: "earliest" as const })));
  const inbox = new Inbox(library, {
    queue: consumer.addressOf(queue),
    ring: ring.address,
    capacity: count,
  }, {
    laneOf: (_topic, partition) => partition,
    partitions: tps,
    next: new Float64Array(partitions),
    failed: (_tp, error) => {
      throw error;
    },
  });
  const read: string[][] = tps.map(() => []);
  await eventually(() => {
    const batch = inbox.take(count);
    if (batch === null) return false;
    for (let index = 0; index < batch.count; index++) {
      const key = new TextDecoder().decode(batch.key(index) ?? undefined);
      const value = batch.value(index);
      read[batch.lanes[index]!]!.push(asText(key, value));
    }
    batch.free();
    return read.flat().length >= count;
  }, { what: `${count} records read`, everyMs: 5 });
  return read;
}

const encoder = new TextEncoder();

/** Key and value in a form that tells null, text and bytes apart. */
function asText(key: string, value: string | Uint8Array | null): string {
  const bytes = typeof value === "string" ? encoder.encode(value) : value;
  return `${key} ${bytes === null ? "null" : [...bytes].join()}`;
}
