import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Action,
  advance,
  notBegun,
  type Progress,
  seeded,
  settledAt,
  underWay,
} from "../../dr/drill/plan.ts";
import {
  type Command,
  SCENARIOS,
  soakPlan,
  type Step,
  type Turn,
} from "../../dr/drill/mod.ts";

const kill = { kind: "kill", cluster: "primary" } as const;
const hang = { kind: "hang", cluster: "secondary" } as const;

/** What is done at each of these times, in a steady state. */
function played(
  steps: readonly Step[],
  times: readonly number[],
  turn: Turn | null = "steady",
): Action[][] {
  let progress = notBegun(steps);
  return times.map((nowMs) => {
    const due = advance(steps, progress, nowMs, turn);
    progress = due.progress;
    return [...due.actions];
  });
}

Deno.test("a fault begins once, when it is time, and ends after its time", () => {
  const steps = [{ atMs: 100, fault: kill, lasts: 50 }];
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
  const steps = [{ atMs: 1, fault: kill, lasts: null }];
  const { progress } = advance(steps, notBegun(steps), 1, null);
  const later = advance(steps, progress, 1e9, null);
  assert.deepEqual(later.actions, []);
  assert.deepEqual(underWay(steps, later.progress), [kill]);
});

/** How far one step is when the turns are these at these times. */
function afterTurns(
  step: Step,
  turns: readonly (readonly [number, Turn | null])[],
): { readonly actions: Action[]; readonly progress: Progress } {
  const actions: Action[] = [];
  let progress = notBegun([step]);
  for (const [nowMs, turn] of turns) {
    const due = advance([step], progress, nowMs, turn);
    progress = due.progress;
    actions.push(...due.actions);
  }
  return { actions, progress };
}

Deno.test("a fault may wait for a phase of the switch, and some time after it", () => {
  const step: Step = { when: "fencing", afterMs: 50, fault: hang, lasts: null };
  const before = [[0, null], [1e6, "steady"]] as const;
  assert.deepEqual(afterTurns(step, before).actions, []);
  const called = [...before, [1e6 + 1, "fencing"], [
    1e6 + 50,
    "steady",
  ]] as const;
  assert.deepEqual(afterTurns(step, called).actions, []);
  assert.deepEqual(
    afterTurns(step, [...called, [1e6 + 51, "promoted"]]).actions,
    [{ kind: "begin", fault: hang }],
  );
});

Deno.test("a fault may last until a phase of the switch", () => {
  const step: Step = { atMs: 0, fault: kill, lasts: "promoted" };
  const before = [[0, "steady"], [1e6, "fencing"]] as const;
  assert.equal(afterTurns(step, before).actions.length, 1);
  const { actions, progress } = afterTurns(step, [...before, [
    1e6 + 1,
    "promoted",
  ]]);
  assert.deepEqual(actions.at(-1), { kind: "end", fault: kill });
  assert.equal(settledAt([step], progress), 1e6 + 1);
});

Deno.test("a command is run once, and its step is over when it has ended, however long that takes", () => {
  const steps: Step[] = [
    { atMs: 10, command: "failover --planned" },
    { when: "promoted", afterMs: 5, command: "failback --switch" },
  ];
  const run = (command: Command, step: number): Action => ({
    kind: "run",
    command,
    step,
  });
  const looks: [number, Turn, number[], Action[]][] = [
    [10, "steady", [], [run("failover --planned", 0)]],
    [1e6, "draining", [], []],
    [2e6, "promoted", [0], []],
    [2e6 + 5, "promoted", [0], [run("failback --switch", 1)]],
    [3e6, "steady", [0], []],
    [4e6, "steady", [0, 1], []],
  ];
  let progress = notBegun(steps);
  for (const [nowMs, turn, ended, actions] of looks) {
    assert.equal(settledAt(steps, progress), null);
    const due = advance(steps, progress, nowMs, turn, new Set(ended));
    assert.deepEqual(due.actions, actions);
    assert.deepEqual(underWay(steps, due.progress), []);
    progress = due.progress;
  }
  assert.equal(settledAt(steps, progress), 4e6);
});

Deno.test("it is quiet when the last fault has ended, or has begun to stay", () => {
  const steps: Step[] = [
    { atMs: 10, fault: kill, lasts: null },
    { atMs: 20, fault: hang, lasts: 30 },
  ];
  const first = advance(steps, notBegun(steps), 20, null);
  assert.equal(settledAt(steps, first.progress), null);
  const last = advance(steps, first.progress, 55, null);
  assert.equal(settledAt(steps, last.progress), 55);
});

Deno.test("whenever it is looked, each fault begins at most once and ends at most once, in this order", () => {
  const times = fc.array(fc.nat(40_000), { maxLength: 60 })
    .map((all) => all.sort((one, other) => one - other));
  const scenarios = fc.constantFrom(...SCENARIOS);
  fc.assert(fc.property(scenarios, times, ({ steps }, looks) => {
    const actions = played(steps, looks).flat();
    const count = (kind: Action["kind"]) =>
      actions.filter((each) => each.kind === kind).length;
    assert.ok(count("begin") + count("run") <= steps.length);
    assert.ok(count("end") <= count("begin"));
    if (actions.length > 0) assert.notEqual(actions[0]!.kind, "end");
  }));
});

Deno.test("the same seed makes the same drill, others another one at the same turns", () => {
  const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 });
  fc.assert(fc.property(fc.constantFrom(...SCENARIOS), seeds, (each, seed) => {
    const once = seeded(each, seed);
    assert.deepEqual(seeded(each, seed), once);
    assert.ok(once.load.perSecond > 0 && once.load.keys > 0);
    const shifts = new Set(once.steps.flatMap((step, at) => {
      const before = each.steps[at]!;
      if ("when" in step) {
        assert.ok("when" in before && step.when === before.when);
        assert.ok(step.afterMs >= 0 && step.afterMs <= before.afterMs);
        return [];
      }
      assert.ok("atMs" in before);
      return [step.atMs - before.atMs];
    }));
    assert.ok(shifts.size <= 1, "all by the same");
    for (const shift of shifts) assert.ok(shift >= 0 && shift < 2_000);
  }));
  const drills = new Set(
    Array.from(
      { length: 100 },
      (_, seed) => JSON.stringify(seeded(SCENARIOS[0]!, seed)),
    ),
  );
  assert.ok(drills.size > 90);
});

Deno.test("scenarios have names of their own, and where all ends on the primary each fault ends by itself", () => {
  const names = SCENARIOS.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  for (const { expects, steps } of SCENARIOS) {
    assert.ok(steps.length > 0);
    if (expects.active === "secondary") continue;
    for (const step of steps) {
      if ("command" in step) continue;
      assert.ok("fault" in step && typeof step.lasts === "number");
    }
  }
});

Deno.test("in a soak each scenario comes as often as any other, with a seed of its own", () => {
  const some = SCENARIOS.slice(0, 7);
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 50 }), (seed, count) => {
      const plan = soakPlan(some, count, seed);
      assert.equal(plan.length, count);
      assert.deepEqual(soakPlan(some, count, seed), plan);
      const times = some.map((each) =>
        plan.filter(({ scenario }) => scenario === each).length
      );
      assert.ok(Math.max(...times) - Math.min(...times) <= 1);
      assert.equal(new Set(plan.map(({ seed }) => seed)).size, count);
    }),
  );
});
