import assert from "node:assert/strict";
import { untilKnown } from "../../dr/mirror/until_known.ts";
import { fakeClock } from "./support_clock.ts";

const SIGNAL = new AbortController().signal;
const ENOUGH_MS = 60_000;
const PARTITIONS = [
  { topic: "orders", partition: 0 },
  { topic: "orders", partition: 2 },
];

/** Says the next of these counts each time, and the last one for ever. */
function producerOf(...counts: readonly number[]) {
  const left = [...counts];
  return {
    requests: 0,
    partitionCounts() {
      this.requests++;
      const count = left.length > 1 ? left.shift()! : left[0]!;
      return Promise.resolve(new Map([["orders", count]]));
    },
  };
}

Deno.test("a broker that has not heard of new partitions is asked again", async () => {
  using clock = fakeClock();
  const producer = producerOf(2, 2, 3);
  const known = untilKnown(producer, PARTITIONS, SIGNAL);
  await clock.tick(ENOUGH_MS);
  await known;
  assert.equal(producer.requests, 3);
});

Deno.test("the producer is asked once where it knows all", async () => {
  const producer = producerOf(3);
  await untilKnown(producer, PARTITIONS, SIGNAL);
  assert.equal(producer.requests, 1);
});

Deno.test("partitions that never come are left to be refused", async () => {
  using clock = fakeClock();
  const given = untilKnown(producerOf(2), PARTITIONS, SIGNAL);
  await clock.tick(ENOUGH_MS);
  await given;
});

Deno.test("nothing is waited for once the lane ends", async () => {
  const end = new AbortController();
  const waiting = untilKnown(producerOf(2), PARTITIONS, end.signal);
  end.abort(new Error("it has ended"));
  await assert.rejects(waiting, /it has ended/);
});
