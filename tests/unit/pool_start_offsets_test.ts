import assert from "node:assert/strict";
import type { Consumer, TopicPartition } from "../../src/kafka/mod.ts";
import { resetOffsets } from "../../src/pool/start_offsets.ts";

const LOG = { "-2": 3, "-1": 9 } as const;

/** Every log reaches from 3 to 9. */
const consumer = {
  offsetsForTimes: (
    asked: readonly (TopicPartition & { readonly timestampMs: -1 | -2 })[],
  ) =>
    Promise.resolve(asked.map(({ timestampMs, ...tp }) => ({
      ...tp,
      offset: LOG[timestampMs],
      error: null,
    }))),
} as unknown as Consumer;

const both = [
  { topic: "in", partition: 0 },
  { topic: "in.retry.1s", partition: 0 },
];
const { signal } = new AbortController();

Deno.test("where there is no offset, each topic's own policy says where to start", async () => {
  const offsets = await resetOffsets(
    consumer,
    both,
    (topic) => topic === "in" ? "latest" : "earliest",
    signal,
  );
  assert.deepEqual([...offsets], [["in-0", 9], ["in.retry.1s-0", 3]]);
});

Deno.test("a policy that refuses concerns its own topic only", async () => {
  const reset = (of: readonly TopicPartition[]) =>
    resetOffsets(
      consumer,
      of,
      (topic) => topic === "in" ? "error" : "earliest",
      signal,
    );
  assert.equal((await reset(both.slice(1))).get("in.retry.1s-0"), 3);
  await assert.rejects(reset(both), /no valid committed offset for in \[0\], /);
});
