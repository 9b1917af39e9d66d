/** Up to when the target has all that the source had: what a loss would cost. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { Reach } from "../../dr/cut/reach.ts";
import type { OffsetTable } from "../../dr/cut/types.ts";

const table = (of: Readonly<Record<string, (number | null)[]>>): OffsetTable =>
  new Map(Object.entries(of));
const at = (of: Readonly<Record<string, (number | null)[]>>) => ({
  position: ({ topic, partition }: { topic: string; partition: number }) =>
    of[topic]?.[partition] ?? null,
});

Deno.test("one partition that is behind holds back the whole, however far the others are", () => {
  const reach = new Reach(0);
  reach.sampled(1_000, table({ beats: [10], stuck: [5, 7] }));
  assert.equal(reach.review(at({ beats: [10], stuck: [5, 6] })), null);
  reach.sampled(2_000, table({ beats: [11], stuck: [5, 8] }));
  assert.equal(reach.review(at({ beats: [11], stuck: [5, 6] })), null);
  assert.equal(reach.review(at({ beats: [11], stuck: [5, 7] })), 1_000);
  assert.equal(reach.review(at({ beats: [11], stuck: [5, 8] })), 2_000);
  assert.equal(reach.review(at({ beats: [11], stuck: [5, 8] })), null);
});

Deno.test("a partition that no lane has begun with is behind unless it is empty", () => {
  const reach = new Reach(0);
  reach.sampled(1_000, table({ new: [0, 3] }));
  assert.equal(reach.review(at({})), null);
  assert.equal(reach.review(at({ new: [null, 3] })), 1_000);
});

Deno.test("without a leader a partition counts with its last known end, and without one it is behind", () => {
  const reach = new Reach(0);
  reach.sampled(1_000, table({ a: [null] }));
  assert.equal(reach.review(at({ a: [100] })), null);
  reach.sampled(2_000, table({ a: [4] }));
  reach.sampled(3_000, table({ a: [null] }));
  assert.equal(reach.review(at({ a: [3] })), null);
  assert.equal(reach.review(at({ a: [4] })), 3_000);
});

Deno.test("a topic that was deleted holds nothing back", () => {
  const reach = new Reach(0);
  reach.sampled(1_000, table({ a: [4], deleted: [9] }));
  assert.equal(reach.review(at({ a: [4], deleted: [2] })), null);
  reach.sampled(2_000, table({ a: [5] }));
  assert.equal(reach.review(at({ a: [4], deleted: [2] })), 1_000);
});

Deno.test("however far a mirror is behind, that is known to a fourth, and never too little", () => {
  const story = fc.record({
    // Records that come with each sample, and those that are mirrored then.
    come: fc.integer({ min: 1, max: 20 }),
    goes: fc.array(fc.integer({ min: 0, max: 25 }), {
      minLength: 50,
      maxLength: 400,
    }),
  });
  fc.assert(fc.property(story, ({ come, goes }) => {
    const reach = new Reach(0);
    const ends = [0];
    let position = 0;
    let reached = 0;
    for (const [before, records] of goes.entries()) {
      const now = before + 1;
      ends.push(now * come);
      reach.sampled(now, table({ a: [now * come] }));
      position = Math.min(position + records, now * come);
      reached = reach.review(at({ a: [position] })) ?? reached;
      const really = ends.findLastIndex((end) => end <= position);
      assert.ok(reached <= really, `${reached} and not ${really} at ${now}`);
      const behind = now - really;
      assert.ok(now - reached <= behind * 4 / 3 + 2, `${reached} at ${now}`);
    }
  }));
});
