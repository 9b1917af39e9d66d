import assert from "node:assert/strict";
import { Stalls, worst } from "../chaos/stalls.ts";

/** One partition, looked at once a second. */
function stallsOf(
  looks: readonly (readonly [end: number, committed: number])[],
  phases: Readonly<Record<number, "faulty" | "healthy" | "healed">> = {},
): Stalls {
  const stalls = new Stalls(0);
  for (const [second, [end, committed]] of looks.entries()) {
    const phase = phases[second];
    if (phase !== undefined) stalls.begin(phase, second * 1000);
    stalls.look([{ partition: 7, end, committed }], second * 1000);
  }
  return stalls;
}

const longest = (
  stalls: Stalls,
  phase: "healthy" | "faulty" | "healed" = "healthy",
) => worst(stalls.longest(phase));

Deno.test("a partition that goes on at every look stalls for one look", () => {
  const stalls = stallsOf([[5, 1], [9, 5], [15, 9]]);
  assert.deepEqual(longest(stalls), { partition: 7, stalledMs: 1000 });
});

Deno.test("a partition without work does not stall, however long", () => {
  assert.equal(longest(stallsOf([[5, 5], [5, 5], [5, 5]])), null);
});

Deno.test("a stall lasts from the last progress to the next", () => {
  const stalls = stallsOf([[5, 1], [9, 4], [9, 4], [9, 4], [9, 9], [12, 9]]);
  assert.equal(longest(stalls)?.stalledMs, 3000);
});

Deno.test("a stall that has not ended counts", () => {
  assert.equal(longest(stallsOf([[5, 1], [5, 1], [5, 1]]))?.stalledMs, 2000);
});

Deno.test("each phase has its own share of a stall", () => {
  const looks = Array.from({ length: 10 }, () => [9, 1] as const);
  const stalls = stallsOf(looks, { 2: "faulty", 7: "healed" });
  assert.equal(longest(stalls)?.stalledMs, 1000);
  assert.equal(longest(stalls, "faulty")?.stalledMs, 4000);
  assert.equal(longest(stalls, "healed")?.stalledMs, 2000);
});

Deno.test("the worst of several partitions is named", () => {
  assert.deepEqual(worst(new Map([[0, 5], [1, 9], [2, 7]])), {
    partition: 1,
    stalledMs: 9,
  });
  assert.equal(worst(new Map()), null);
});
