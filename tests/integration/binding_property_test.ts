import fc from "fast-check";
import assert from "node:assert/strict";
import {
  type Batch,
  Inbox,
  MockCluster,
  newRing,
  type OutputRecord,
} from "../../src/kafka/mod.ts";
import {
  library,
  Member,
  produce,
  type Received,
  Sender,
} from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

const bytes = fc.uint8Array({ maxLength: 60 });
const text = fc.string({ unit: "grapheme", maxLength: 40 });
const part = fc.oneof(text, bytes, fc.constant(null));
/** A C string, so without NUL. */
const headerName = text.map((name) => name.replaceAll("\0", "0"));

const record: fc.Arbitrary<OutputRecord> = fc.record({
  topic: fc.constantFrom("one", "two"),
  value: part,
}, { requiredKeys: ["topic", "value"] }).chain((required) =>
  fc.record({
    key: fc.option(part, { nil: undefined }),
    headers: fc.option(
      fc.array(fc.record({ key: headerName, value: part }), { maxLength: 4 }),
      { nil: undefined },
    ),
    timestampMs: fc.option(fc.integer({ min: 1, max: 2 ** 41 }), {
      nil: undefined,
    }),
    partition: fc.constantFrom(undefined, 0),
  }).map((optional) => ({ ...required, ...optional }))
);

const encoder = new TextEncoder();
const decoder = new TextDecoder();
// Through an encoder, because half a surrogate pair cannot be encoded.
const asSent = (part: string | Uint8Array | null | undefined) =>
  typeof part === "string" ? encoder.encode(part) : part ?? null;

const sent = ({ key, value, headers, timestampMs }: OutputRecord) => ({
  key: asSent(key),
  value: asSent(value),
  headers: (headers ?? []).map(({ key, value }) => ({
    key: decoder.decode(encoder.encode(key)),
    value: asSent(value),
  })),
  timestampMs,
});

Deno.test("whatever is sent is read: keys, values, headers, times, order", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("one", 1);
  cluster.createTopic("two", 1);
  const { bootstrapServers } = cluster;
  await using sender = new Sender(bootstrapServers, { "linger.ms": 0 });
  await using member = new Member(bootstrapServers, { "group.id": "group" });
  member.consumer.subscribe(["one", "two"]);

  await fc.assert(
    fc.asyncProperty(
      fc.array(record, { minLength: 1, maxLength: 30 }),
      async (records) => {
        member.received.length = 0;
        const reports = await sender.send(records);
        assert(reports.every(({ code }) => code === 0));
        await member.until(
          () => member.received.length >= records.length,
          "read",
        );
        for (const topic of ["one", "two"]) {
          const expected = records.filter((each) => each.topic === topic);
          const read: Received[] = member.of(topic, 0);
          assert.deepEqual(
            read.map(({ key, value, headers, timestampMs }, index) => ({
              key,
              value,
              headers,
              timestampMs: expected[index]?.timestampMs && timestampMs,
            })),
            expected.map(sent),
          );
        }
      },
    ),
    { numRuns: 60 },
  );
});

/**
 * Takes up to so many records, or frees one of the batches that are held, also
 * while a wait is under way.
 */
type RingStep =
  | { readonly take: number }
  | { readonly wait: number; readonly freeing: number | null }
  | { readonly free: number };

const ringStep: fc.Arbitrary<RingStep> = fc.oneof(
  fc.record({ take: fc.integer({ min: 1, max: 9 }) }),
  fc.record({
    wait: fc.integer({ min: 1, max: 9 }),
    freeing: fc.option(fc.nat({ max: 5 })),
  }),
  fc.record({ free: fc.nat({ max: 5 }) }),
);

Deno.test("a ring that is reused in any order loses, repeats and mixes up nothing", async () => {
  const count = 200;
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic("topic", 1);
  const { bootstrapServers } = cluster;
  const tp = { topic: "topic", partition: 0 };
  await produce(
    bootstrapServers,
    Array.from({ length: count }, (_, index) => ({
      ...tp,
      value: String(index),
    })),
  );
  await using member = new Member(bootstrapServers, { "group.id": "group" });
  member.consumer.subscribe(["topic"]);
  await member.until(() => member.received.length === count, "read");

  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 16 }),
      fc.array(ringStep, { maxLength: 60 }),
      async (capacity, steps) => {
        using ring = newRing(library, capacity);
        const queue = member.consumer.newQueue();
        using inbox = new Inbox(library, {
          queue: member.consumer.addressOf(queue),
          ring: ring.address,
          capacity,
        }, {
          laneOf: () => 0,
          partitions: [tp],
          next: new Float64Array(1),
          failed: (_, error) => {
            throw error;
          },
        });
        member.consumer.pause([tp]);
        const [answer] = await member.consumer.seek(
          [{ ...tp, offset: 0 }],
          5_000,
        );
        assert.equal(answer?.error, null);
        member.consumer.forward(tp, queue);
        member.consumer.resume([tp]);
        const { symbols } = library;
        await eventually(
          () => Number(symbols.rd_kafka_queue_length(queue.pointer)) >= count,
          { what: "fetched again", everyMs: 1 },
        );

        const held: Batch[] = [];
        const offsets: number[] = [];
        const keep = (batch: Batch | null, limit: number) => {
          if (batch === null) return;
          assert(batch.count <= Math.min(limit, capacity));
          offsets.push(...batch.offsets.subarray(0, batch.count));
          held.push(batch);
        };
        const free = (index: number) => {
          const [batch] = held.splice(index % held.length, 1);
          for (let at = 0; at < batch!.count; at++) {
            assert.equal(batch!.text(at), String(batch!.offset(at)));
          }
          batch!.free();
        };
        try {
          for (const step of steps) {
            if ("take" in step) keep(inbox.take(step.take), step.take);
            else if ("wait" in step) {
              const waiting = inbox.wait(step.wait, 5);
              if (step.freeing !== null && held.length > 0) free(step.freeing);
              keep(await waiting, step.wait);
            } else if (held.length > 0) free(step.free);
            const holding = held.reduce((sum, { count }) => sum + count, 0);
            assert(inbox.room <= capacity - holding);
          }
          while (held.length > 0) free(0);
          assert.equal(inbox.room, capacity);
          while (offsets.length < count) {
            keep(await inbox.wait(capacity, 5_000), capacity);
            assert(held.length > 0, "nothing more came");
            free(0);
          }
          assert.deepEqual(offsets, [...Array(count).keys()]);
          member.consumer.forward(tp, member.queue);
        } finally {
          // A message that is left would keep the consumer from closing.
          for (const batch of held) batch.free();
        }
        queue[Symbol.dispose]();
      },
    ),
    { numRuns: 40 },
  );
});
