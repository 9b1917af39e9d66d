import assert from "node:assert/strict";
import fc from "fast-check";
import { SpanIds } from "../../src/telemetry/span_ids.ts";
import { TraceRoots } from "../../src/telemetry/trace_roots.ts";

const rootsOf = (ratio: number, restMs: number) =>
  new TraceRoots(
    { ratio, restMs },
    new SpanIds(Uint32Array.of(1, 2, 3, 4)),
  );

Deno.test("two traces of a thread never begin within the rest, and one does as soon as it is over", () => {
  const steps = fc.array(fc.nat(90), { maxLength: 200 });
  fc.assert(fc.property(steps, fc.nat(100), (stepsMs, restMs) => {
    const roots = rootsOf(1, restMs);
    let nowMs = 1_700_000_000_000;
    let lastMs = -Infinity;
    for (const stepMs of stepsMs) {
      nowMs += stepMs;
      const hasBegun = roots.begin(nowMs) !== null;
      assert.equal(hasBegun, nowMs - lastMs >= restMs);
      if (hasBegun) lastMs = nowMs;
    }
  }));
});

Deno.test("what a ratio leaves out delays nothing", () => {
  const roots = rootsOf(0.5, 1_000);
  const begun = Array.from({ length: 20 }, (_, ms) => roots.begin(ms))
    .filter((each) => each !== null);
  assert.equal(begun.length, 1);
});
