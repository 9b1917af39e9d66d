import assert from "node:assert/strict";
import {
  type Batch,
  Inbox,
  MockCluster,
  newRing,
} from "../../src/kafka/mod.ts";
import { Partitions } from "../../src/pool/partitions.ts";
import { Pauses } from "../../src/pool/pauses.ts";
import { Placement } from "../../src/pool/placement.ts";
import type { WorkerThread } from "../../src/pool/thread.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { library, Member, produce, text } from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

const tp = { topic: "topic", partition: 0 };

Deno.test("a partition that librdkafka has given up, unheard, is fetched again when it is placed", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 1);
  const { bootstrapServers } = cluster;
  await produce(
    bootstrapServers,
    ["a", "b", "c"].map((value) => ({ topic: "topic", value })),
  );
  await using member = new Member(bootstrapServers, {
    "group.id": "group",
    "auto.offset.reset": "error",
  });
  const { consumer } = member;
  const forgotten = consumer.newQueue();
  consumer.forward(tp, forgotten);
  consumer.assign([{ ...tp, offset: 1000 }]);
  // The error that says so lies where nobody reads it.
  await eventually(async () => {
    const [answer] = await consumer.seek([{ ...tp, offset: 1000 }], 5_000);
    return answer?.error?.codeName === "_STATE";
  }, { what: "given up" });

  const partitions = new Partitions();
  partitions.add(tp, 1, null);
  const queue = consumer.newQueue();
  const thread = {
    id: 0,
    available: true,
    queue,
    assign: () => Promise.resolve(),
  } as unknown as WorkerThread;
  const pauses = new Pauses(
    consumer,
    createLog({ level: "error", write() {} }),
  );
  await new Placement(consumer, partitions, pauses, () => [thread])
    .rebalance();

  using ring = newRing(library, 100);
  using inbox = new Inbox(library, {
    queue: consumer.addressOf(queue),
    ring: ring.address,
    capacity: 100,
  }, {
    laneOf: () => 0,
    partitions: [tp],
    next: new Float64Array(1),
    failed: (_, error) => {
      throw error;
    },
  });
  const values: (string | null)[] = [];
  await eventually(async () => {
    const batch: Batch | null = await inbox.wait(10, 1_000);
    for (let index = 0; index < (batch?.count ?? 0); index++) {
      values.push(text(batch!.value(index)));
    }
    batch?.free();
    return values.length >= 2;
  }, { what: "fetched", everyMs: 0 });
  assert.deepEqual(values, ["b", "c"]);
});
