/**
 * Writes what a pool in exactly-once would: outputs with the coordinates of their
 * inputs, in transactions with the group's positions, and says each that is
 * committed. It does not read: inputs are numbered, and plain, so that their
 * offsets are. Its argument: `TestPoolOptions` as JSON. It never ends.
 */
import { Sender } from "../../dr/sender.ts";
import {
  Admin,
  GroupMembership,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import { encodeCoordinates } from "./coordinates_text.ts";
import { library } from "./embedded.ts";
import { pause } from "./pause.ts";
import { NEVER_MIRRORED, type TestPoolOptions } from "./test_pool.ts";

const BATCH = 25;
const REQUEST_MS = 5_000;
const REQUEST = { timeoutMs: REQUEST_MS };

const {
  bootstrapServers,
  group,
  input,
  inputPartitions,
  output,
  outputPartitions,
} = JSON.parse(Deno.args[0]!) as TestPoolOptions;
const { signal } = new AbortController();

await using admin = new Admin(library, {
  "bootstrap.servers": bootstrapServers,
});
const { clusterId } = await admin.describeCluster(REQUEST);
const [topic] = await admin.topics.summarize([input], REQUEST);
const ids = { clusterId: clusterId!, topicId: topic!.topicId };
await using sender = new Sender({
  library,
  properties: {
    "bootstrap.servers": bootstrapServers,
    "transactional.id": `pool-${group}`,
    "linger.ms": 1,
  },
  onEvent: () => {},
});
await sender.producer.initTransactions(REQUEST_MS);
const next = new Array<number>(inputPartitions).fill(0);
for (;;) {
  const ends = await admin.partitions.offsets(
    next.map((_, partition) => ({
      topic: input,
      partition,
      at: "latest" as const,
    })),
    REQUEST,
  );
  for (const { offset, partition } of ends) {
    const from = next[partition]!;
    const to = Math.min(offset ?? 0, from + BATCH);
    if (from >= to) continue;
    await write(partition, from, to);
    next[partition] = to;
    console.log(`committed ${partition} ${to}`);
  }
  await pause(5);
}

async function write(
  partition: number,
  from: number,
  to: number,
): Promise<void> {
  const { producer } = sender;
  producer.beginTransaction();
  await sender.send(outputs(partition, from, to), signal);
  using outside = GroupMembership.outside(library, group);
  const position = { topic: input, partition, offset: to };
  await producer.sendOffsets(outside, [position], REQUEST_MS);
  await producer.commitTransaction(REQUEST_MS);
}

function outputs(partition: number, from: number, to: number): OutputRecord[] {
  const record = (offset: number, ordinal: number, count: number) => ({
    topic: output,
    partition: (offset + ordinal) % outputPartitions,
    value: `${partition}-${offset}-${ordinal}`,
    headers: [{
      key: COORDINATES_HEADER,
      value: encodeCoordinates({
        ...ids,
        partition,
        offset,
        ordinal,
        count,
        outputTopic: output,
        group,
      }),
    }],
  });
  const records: OutputRecord[] = [];
  for (let offset = from; offset < to; offset++) {
    const count = outputsOf(offset);
    for (let ordinal = 0; ordinal < count; ordinal++) {
      records.push(record(offset, ordinal, count));
    }
  }
  return [...records, record(NEVER_MIRRORED + from, 0, 1)];
}

/** Of each input. */
function outputsOf(offset: number): number {
  return offset % 4;
}
