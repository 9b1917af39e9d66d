import assert from "node:assert/strict";
import fc from "fast-check";
import { faults } from "../chaos/faults/mod.ts";
import { makePlan, planText } from "../chaos/plan.ts";

const planOf = (seed: number, steps = 60) => makePlan({ seed, steps, faults });

Deno.test("the same seed makes the same plan, another one another", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    assert.equal(planText(planOf(seed)), planText(planOf(seed)));
    assert.notEqual(planText(planOf(seed)), planText(planOf(seed + 1)));
  }));
});

Deno.test("a shorter run is the beginning of a longer one", () => {
  assert.ok(planText(planOf(3, 60)).startsWith(planText(planOf(3, 7))));
});

Deno.test("as many steps as there are faults hold every one of them", () => {
  fc.assert(fc.property(fc.nat(), (seed) => {
    const plan = planOf(seed, faults.length);
    const firsts = plan.map(({ faults: [first] }) => first!.name);
    assert.deepEqual(
      firsts.toSorted(),
      faults.map(({ name }) => name).toSorted(),
    );
  }));
});

Deno.test("some faults come in pairs, and no pair is of one family", () => {
  const familyOf = new Map(faults.map(({ name, family }) => [name, family]));
  const pairs = planOf(5, 200).filter((step) => step.faults.length === 2);
  assert.ok(pairs.length > 20 && pairs.length < 100, `${pairs.length} pairs`);
  for (const { faults: pair } of pairs) {
    const families = new Set(pair.map(({ name }) => familyOf.get(name)));
    assert.equal(families.size, 2);
  }
});

Deno.test("no two faults have the same name", () => {
  const names = new Set(faults.map(({ name }) => name));
  assert.equal(names.size, faults.length);
});
