import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type FailOverOutcome,
  stageOf,
  STEPS,
} from "../../dr/failover/fail_over.ts";
import type { DrState, Phase } from "../../dr/state/mod.ts";
import { sized } from "../support/soak.ts";
import { type Crash, FailoverWorld, STEADY } from "./support_failover_world.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

const numRuns = sized(200, 20_000);

/** Those that get in each other's way wait for a while. */
const numRaces = sized(25, 2_000);

const crash: fc.Arbitrary<Crash> = fc.record({
  step: fc.constantFrom(...STEPS),
  when: fc.constantFrom("before" as const, "after" as const),
});

/** One promotion, whatever was begun and broken off. */
function expectPromoted({ history, state }: FailoverWorld, from = STEADY) {
  assert.equal(state?.active, "secondary");
  assert.equal(state.phase, "steady");
  assert.equal(state.era, from.era + 1);
  const actives = history.map(({ active }) => active);
  assert.equal(actives.filter((each) => each === "secondary").length, 1);
  const epochs = history.map(({ epoch }) => epoch);
  assert.deepEqual(epochs, epochs.map((_, at) => from.epoch + 1 + at));
}

Deno.test("a failover fences, seals, drains, writes outputs down and promotes, in this order", async () => {
  const world = new FailoverWorld();
  const outcome = await world.run();
  assert.equal(outcome?.kind, "promoted");
  assert.deepEqual(world.begun, [...STEPS]);
  expectPromoted(world);
  assert.deepEqual(
    world.history.map(({ active, epoch, era, phase }) =>
      `${epoch} ${active} ${phase} ${era}`
    ),
    ["8 primary fencing 0", "9 secondary steady 1"],
  );
});

for (const step of STEPS) {
  for (const when of ["before", "after"] as const) {
    Deno.test(`what broke off ${when} the step ${step} is carried on by the next run`, async () => {
      const world = new FailoverWorld();
      assert.equal(await world.run({ step, when }), null);
      const outcome = await world.run();
      const isOver = step === "promote" && when === "after";
      assert.equal(outcome?.kind, isOver ? "already" : "promoted");
      expectPromoted(world);
    });
  }
}

Deno.test("however often it breaks off, the secondary is promoted once, and only when it may be", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(crash, { maxLength: 8 }), async (crashes) => {
      const world = new FailoverWorld();
      for (const each of crashes) await world.run(each);
      await world.run();
      expectPromoted(world);
    }),
    { numRuns },
  );
});

Deno.test("of those that fail over at the same time one goes on, and the others say that another does", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.option(crash), { minLength: 2, maxLength: 4 }),
      async (runs) => {
        const world = new FailoverWorld();
        const outcomes = await Promise.all(
          runs.map((each) => world.run(each)),
        );
        const kinds = outcomes.map((each: FailOverOutcome | null) =>
          each?.kind ?? "crashed"
        );
        assert.ok(
          kinds.filter((kind) => kind === "promoted").length <= 1,
          kinds.join(),
        );
        const steps = (which: string) =>
          world.begun.filter((each) => each === which).length;
        // Whoever is overtaken ends at the next step, and promotes nothing.
        assert.ok(steps("promote") <= 1 + steps("fence"));
        await world.run();
        expectPromoted(world);
      },
    ),
    { numRuns: numRaces },
  );
});

Deno.test("of sentinels that have decided so in one epoch one fails over, and the others begin no step after the first", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 2, max: 5 }), async (count) => {
      const world = new FailoverWorld();
      const outcomes = await Promise.all(
        Array.from({ length: count }, () => world.run(null, STEADY.epoch)),
      );
      const promoted = outcomes.filter((each) => each?.kind === "promoted");
      assert.equal(promoted.length, 1);
      assert.ok(outcomes.every((each) => each !== null));
      const later = world.begun.filter((step) => step !== "fence");
      assert.deepEqual(later, STEPS.slice(1));
      expectPromoted(world);
    }),
    { numRuns: numRaces },
  );
});

Deno.test("one that was taken over from ends at its next step, and does not promote", async () => {
  const world = new FailoverWorld();
  const slow = world.run(null, STEADY.epoch);
  while (!world.begun.includes("seal")) await settled();
  const faster = await world.run(null, world.state!.epoch);
  assert.equal(faster?.kind, "promoted");
  const outcome = await slow;
  // By when it looks the other may have promoted or not.
  assert.ok(outcome?.kind === "already" || outcome?.kind === "another");
  assert.equal(world.begun.filter((each) => each === "promote").length, 1);
  expectPromoted(world);
});

Deno.test("an epoch that has passed is nobody's to carry on", async () => {
  const world = new FailoverWorld();
  await world.run({ step: "fence", when: "after" });
  assert.equal((await world.run(null, STEADY.epoch))?.kind, "another");
  assert.deepEqual(world.begun, ["fence", "fence"]);
  assert.equal((await world.run(null, world.state!.epoch))?.kind, "promoted");
});

Deno.test("what could not be found out is in the outcome, and in the state for good", async () => {
  const world = new FailoverWorld();
  world.problem = "t [1] cannot be read to the end";
  const outcome = await world.run();
  assert.ok(outcome?.kind === "promoted");
  assert.deepEqual(outcome.problems, [world.problem]);
  assert.equal(world.state?.reason, `test; ${world.problem}`);
});

Deno.test("whether clients can be let back holds up no failover, and is told", async () => {
  const world = new FailoverWorld();
  world.denialProblem = "whether clients are denied is not known";
  const outcome = await world.run();
  assert.ok(outcome?.kind === "promoted");
  assert.deepEqual(outcome.problems, [world.denialProblem]);
  assert.equal(world.state?.reason, `test; ${world.denialProblem}`);
});

Deno.test("clients are kept from the primary once the state is fenced, and before anything is sealed", async () => {
  const world = new FailoverWorld();
  const seen: string[] = [];
  world.fence = {
    principals: ["User:alice"],
    obstacle: () => Promise.resolve(null),
    deny: () => {
      seen.push(`${world.state?.phase}, ${world.begun.at(-1)}`);
      return Promise.resolve();
    },
    allow: () => assert.fail("it was not given up"),
  };
  assert.equal((await world.run())?.kind, "promoted");
  assert.deepEqual(seen, ["fencing, fence"]);
});

Deno.test("a planned switch in which the primary was lost goes on as a failover does", async () => {
  const world = new FailoverWorld({ ...STEADY, phase: "draining" });
  const outcome = await world.run(null, STEADY.epoch);
  assert.equal(outcome?.kind, "promoted");
  assert.deepEqual(
    world.history.map(({ phase }) => phase),
    ["fencing", "steady"],
  );
});

Deno.test("where no state was ever written the primary is active, and era 1 begins", async () => {
  const world = new FailoverWorld(null);
  await world.run();
  assert.equal(world.state?.era, 1);
  assert.equal(world.state?.active, "secondary");
});

Deno.test("a switch of another kind is not interrupted", async () => {
  for (const phase of ["recovering", "reversing", "catching-up"] as const) {
    const world = new FailoverWorld({ ...STEADY, phase });
    await assert.rejects(world.run(), /another switch is under way/);
    assert.deepEqual(world.history, []);
    assert.deepEqual(world.seals, [0, 0]);
  }
});

Deno.test("whoever finds the cluster active has nothing to do", async () => {
  const world = new FailoverWorld({ ...STEADY, active: "secondary", era: 1 });
  assert.equal((await world.run())?.kind, "already");
  assert.deepEqual(world.begun, ["fence"]);
  assert.deepEqual(world.history, []);
});

Deno.test("what a run is to do follows from the state alone", () => {
  const stages = (active: DrState["active"]) =>
    ([
      "steady",
      "fencing",
      "draining",
      "releasing",
      "recovering",
      "reversing",
      "catching-up",
    ] as const satisfies readonly Phase[]).map((phase) =>
      stageOf({ ...STEADY, active, phase }, "secondary").kind
    );
  const refused = ["refuse", "refuse", "refuse"];
  assert.deepEqual(stages("primary"), [
    "begin",
    "resume",
    "resume",
    "resume",
    ...refused,
  ]);
  assert.deepEqual(stages("secondary"), ["already", ...refused, ...refused]);
  assert.equal(stageOf(null, "secondary").kind, "begin");
  assert.equal(stageOf(null, "primary").kind, "already");
});
