import assert from "node:assert/strict";
import type { Consumer, TopicPartition } from "../../src/kafka/mod.ts";
import { resetOffsets, validOffset } from "../../src/pool/start_offsets.ts";

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

const [tp] = both as [TopicPartition, TopicPartition];
const latest = () => "latest" as const;

Deno.test("a partition goes on where it stands as long as its log has that offset", async () => {
  for (const next of [3, 5, 9]) {
    assert.equal(await validOffset(consumer, tp, next, latest, signal), next);
  }
});

Deno.test("where the log begins later the policy says where to go on", async () => {
  assert.equal(await validOffset(consumer, tp, 2, latest, signal), 9);
});

Deno.test("a log that seems too short is asked again before anything is processed anew", async () => {
  let end = 5;
  const growing = {
    offsetsForTimes: (asked: readonly { readonly timestampMs: -1 | -2 }[]) =>
      Promise.resolve(asked.map(({ timestampMs, ...each }) => ({
        ...each,
        offset: timestampMs === -2 ? 0 : end++,
        error: null,
      }))),
  } as unknown as Consumer;
  const earliest = () => "earliest" as const;
  assert.equal(await validOffset(growing, tp, 7, earliest, signal), 7);
});
