import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Action,
  advance,
  notBegun,
  seeded,
  underWay,
} from "../../dr/drill/plan.ts";
import { SCENARIOS, type Step } from "../../dr/drill/mod.ts";

const kill = { kind: "kill", cluster: "primary" } as const;
const hang = { kind: "hang", cluster: "secondary" } as const;

/** What is done at each of these times, in a steady state. */
function played(steps: readonly Step[], times: readonly number[]): Action[][] {
  let progress = notBegun(steps);
  return times.map((nowMs) => {
    const due = advance(steps, progress, nowMs, "steady");
    progress = due.progress;
    return [...due.actions];
  });
}

Deno.test("a fault begins once, when it is time, and ends after its time", () => {
  const steps = [{ atMs: 100, fault: kill, lastsMs: 50 }];
  assert.deepEqual(played(steps, [0, 99, 120, 121, 169, 170, 500]), [
    [],
    [],
    [{ kind: "begin", fault: kill }],
    [],
    [],
    [{ kind: "end", fault: kill }],
    [],
  ]);
});

Deno.test("one without an end is under way until the drill is over", () => {
  const steps = [{ atMs: 1, fault: kill, lastsMs: null }];
  const { progress } = advance(steps, notBegun(steps), 1, null);
  const later = advance(steps, progress, 1e9, null);
  assert.deepEqual(later.actions, []);
  assert.deepEqual(underWay(steps, later.progress), [kill]);
});

Deno.test("a fault may wait for a phase of the switch", () => {
  const steps = [{ when: "fencing", fault: hang, lastsMs: null }] as const;
  const begun = notBegun(steps);
  for (const phase of [null, "steady", "recovering"] as const) {
    assert.deepEqual(advance(steps, begun, 1e6, phase).actions, []);
  }
  assert.deepEqual(advance(steps, begun, 0, "fencing").actions, [
    { kind: "begin", fault: hang },
  ]);
});

Deno.test("whenever it is looked, each fault begins at most once and ends at most once, in this order", () => {
  const times = fc.array(fc.nat(40_000), { maxLength: 60 })
    .map((all) => all.sort((one, other) => one - other));
  const scenarios = fc.constantFrom(...SCENARIOS);
  fc.assert(fc.property(scenarios, times, ({ steps }, looks) => {
    const actions = played(steps, looks).flat();
    const count = (kind: Action["kind"]) =>
      actions.filter((each) => each.kind === kind).length;
    assert.ok(count("begin") <= steps.length);
    assert.ok(count("end") <= count("begin"));
    if (actions.length > 0) assert.equal(actions[0]!.kind, "begin");
  }));
});

Deno.test("the same seed makes the same drill, others move its faults by less than a second", () => {
  const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(fc.property(fc.constantFrom(...SCENARIOS), seeds, (each, seed) => {
    const once = seeded(each, seed);
    assert.deepEqual(seeded(each, seed), once);
    const shifts = new Set(once.steps.flatMap((step, at) => {
      const before = each.steps[at]!;
      return "atMs" in step && "atMs" in before
        ? [step.atMs - before.atMs]
        : [];
    }));
    assert.equal(shifts.size, 1, "all by the same");
    const [shift] = shifts;
    assert.ok(shift! >= 0 && shift! < 1_000);
  }));
  const moments = new Set(
    Array.from(
      { length: 100 },
      (_, seed) => JSON.stringify(seeded(SCENARIOS[0]!, seed).steps),
    ),
  );
  assert.ok(moments.size > 90);
});

Deno.test("scenarios have names of their own, and where all stays faults end while there is load", () => {
  const names = SCENARIOS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { expects, runsMs, steps } of SCENARIOS) {
    assert.ok(steps.length > 0);
    if (expects.active === "secondary") continue;
    for (const step of steps) {
      assert.ok("atMs" in step && step.lastsMs !== null);
      assert.ok(step.atMs + step.lastsMs + 1_000 < runsMs);
    }
  }
});
