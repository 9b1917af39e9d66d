import assert from "node:assert/strict";
import {
  type Batch,
  MockCluster,
  type OutputRecord,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import {
  copy,
  library,
  Member,
  produce,
  type Received,
  Sender,
} from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

interface Copied {
  readonly source: readonly Received[];
  readonly target: readonly Received[];
  /** By index of the source's record: its offset in the target. */
  readonly offsets: ReadonlyMap<number, number>;
}

/** Copies records from `in` to `out`, as they come, and reads both. */
async function copied(
  records: readonly Omit<OutputRecord, "topic">[],
  to: TopicPartition = { topic: "out", partition: 0 },
): Promise<Copied> {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("in", 1);
  cluster.createTopic("out", 2);
  const { bootstrapServers } = cluster;
  await produce(
    bootstrapServers,
    records.map((each) => ({ ...each, topic: "in" })),
  );
  const offsets = new Map<number, number>();
  await using reader = new Member(bootstrapServers, { "group.id": "reader" });
  reader.consumer.subscribe(["out"]);
  await using mirror = new Member(bootstrapServers, { "group.id": "mirror" });
  mirror.consumer.subscribe(["in"]);
  await using sender = new Sender(bootstrapServers);
  let source: readonly Received[] = [];
  const batches: Batch[] = [];
  try {
    await eventually(async () => {
      await mirror.serve();
      const batch = mirror.inbox.take(1000);
      if (batch === null) return false;
      batches.push(batch);
      const before = source.length;
      source = [...source, ...copy(batch)];
      sender.onOffset = (index, offset) => offsets.set(before + index, offset);
      sender.outbox.copy(1, batch, 0, batch.count, to);
      await sender.reported();
      return source.length >= records.length;
    }, { what: "copied", everyMs: 0 });
  } finally {
    for (const batch of batches) batch.free();
  }
  await reader.until(
    () => reader.received.length >= records.length,
    "read the copies",
  );
  return { source, target: reader.received, offsets };
}

const content = ({ key, value, headers, timestampMs }: Received) => ({
  key,
  value,
  headers,
  timestampMs,
});
const time = 1_600_000_000_123;

Deno.test("a copied record has the key, value, headers and timestamp of the first", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  const headers = [
    { key: "b", value: "1" },
    { key: "a", value: null },
    { key: "b", value: "" },
    { key: "é", value: bytes },
  ];
  const { source, target } = await copied([
    { key: "k", value: "v", timestampMs: time, headers },
    { key: null, value: "no key", timestampMs: 1 },
    { key: "tombstone", value: null, headers: [{ key: "x", value: "y" }] },
    { key: "", value: "", timestampMs: 4_102_444_800_000 },
    { key: bytes, value: bytes },
  ]);

  assert.equal(source.length, 5);
  assert.equal(source[0]!.timestampMs, time);
  assert.equal(source[0]!.headers.length, 4);
  assert.deepEqual(target.map(content), source.map(content));
});

Deno.test("copies go to the partition that is named, in their order", async () => {
  const count = 3000;
  const { target, offsets } = await copied(
    Array.from({ length: count }, (_, index) => ({ value: `${index}` })),
    { topic: "out", partition: 1 },
  );

  assert.deepEqual(
    new Set(target.map(({ partition }) => partition)),
    new Set([1]),
  );
  const texts = target.map(({ value }) => new TextDecoder().decode(value!));
  assert.deepEqual(
    texts,
    Array.from({ length: count }, (_, index) => `${index}`),
  );
  assert.equal(offsets.size, count);
  for (const [index, offset] of offsets) assert.equal(offset, index);
});
