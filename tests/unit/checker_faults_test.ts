import assert from "node:assert/strict";
import fc from "fast-check";
import type { CheckOptions } from "../checker/mod.ts";
import { check, faultlessWorld, found } from "./support_checker.ts";
import { faults, victimsOf } from "./support_checker_faults.ts";

const exactlyOnce: CheckOptions = { guarantee: "exactly-once" };

Deno.test("a faultless history has no anomalies", () => {
  const world = faultlessWorld({ inputs: 200, partitions: 3, keys: 5 });
  const { anomalies, counts } = check(world, exactlyOnce);
  assert.deepEqual(anomalies, []);
  assert.equal(counts.inputs, 200);
  assert.equal(counts.acknowledged, 200);
  assert.equal(counts.outputs + counts.deadLetters, 200);
  assert.ok(counts.deadLetters > 0 && counts.delayed > 0);
});

for (const [name, fault] of Object.entries(faults)) {
  Deno.test(`planted: ${name} is found where it is, and nothing else`, () => {
    const size = { inputs: 60, partitions: 2, keys: 2 };
    const size5 = { ...size, keys: 5 };
    const isMixed = name === "two neighbours of different keys";
    const world = faultlessWorld(isMixed ? size5 : size);
    const victims = victimsOf(world, (below) => Math.floor(below / 2));
    const expected = fault(world, victims, exactlyOnce);
    assert.ok(expected !== undefined && expected.length > 0);
    assert.deepEqual(found(check(world, exactlyOnce)), expected.sort());
  });
}

Deno.test("of any history exactly the planted faults are found", () => {
  const options = fc.record<
    Required<Omit<CheckOptions, "outputsOf" | "examples">>
  >({
    guarantee: fc.constantFrom("at-least-once", "exactly-once"),
    ordering: fc.constantFrom("partition", "key", "none"),
    final: fc.boolean(),
  });
  const size = fc.record({
    inputs: fc.integer({ min: 1, max: 120 }),
    partitions: fc.integer({ min: 1, max: 4 }),
    keys: fc.integer({ min: 1, max: 8 }),
  });
  const planted = fc.array(
    fc.tuple(fc.constantFrom(...Object.keys(faults)), fc.nat()),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(options, size, planted, (options, size, planted) => {
      const world = faultlessWorld(size);
      let chance = 0;
      const victims = victimsOf(world, (below) => chance % below);
      const expected = planted.flatMap(([name, random]) => {
        chance = random;
        return faults[name]!(world, victims, options) ?? [];
      });
      assert.deepEqual(found(check(world, options)), expected.sort());
    }),
    { numRuns: 500 },
  );
});
