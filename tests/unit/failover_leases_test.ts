import assert from "node:assert/strict";
import {
  failOver,
  type FailOverOutcome,
  type FailOverParts,
} from "../../dr/failover/mod.ts";
import type { DrState, Proposal } from "../../dr/state/mod.ts";
import { fakeClock } from "./support_clock.ts";
import { STEADY } from "./support_failover_world.ts";

const LEASES_MS = 30_000;

/** One whose steps take a time, on a state in a test's hands. */
function failingOver(state: DrState = STEADY) {
  const world = { state, steps: [] as string[], promotedMs: -1 };
  const taking = async <T>(ms: number, result: T): Promise<T> => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    return result;
  };
  const write = (proposal: Proposal) =>
    world.state = { ...proposal, epoch: world.state.epoch + 1, sinceMs: 0 };
  const parts: FailOverParts = {
    lanes: () => Promise.resolve(2),
    async change(decide) {
      await taking(100, null);
      const proposal = await decide(world.state);
      if (proposal === null) return { kind: "unchanged", state: world.state };
      const written = write(proposal);
      if (written.phase === "steady") world.promotedMs = performance.now();
      return {
        kind: "changed",
        state: written,
        copied: Promise.resolve(null),
      };
    },
    latest: () => Promise.resolve(world.state),
    seal: () => taking(1_000, undefined),
    drain: () => taking(2_000, { partitions: 3, problem: null }),
    outputs: () =>
      taking(3_000, { done: 0, tail: 0, detail: "", problem: null }),
    allow: () => Promise.resolve({ principals: [], problem: null }),
    leasesMs: LEASES_MS,
    now: () => performance.now(),
    onStep: ({ step }) => world.steps.push(step),
  };
  const stop = new AbortController();
  const outcome: Promise<FailOverOutcome | Error> = failOver(
    parts,
    { to: "secondary", reason: "test" },
    stop.signal,
  ).catch((error) => error as Error);
  return { outcome, stop, world, write };
}

Deno.test("in strict mode it promotes when leases have ended, counted from its fence and beside the other steps", async () => {
  using clock = fakeClock();
  const { outcome, world } = failingOver();
  await clock.tick(100 + LEASES_MS - 1);
  assert.equal(world.state.phase, "fencing");
  assert.deepEqual(world.steps, ["fence", "seal", "drain", "outputs"]);
  await clock.tick(200);
  assert.equal((await outcome as FailOverOutcome).kind, "promoted");
  assert.deepEqual(world.steps.slice(-2), ["leases", "promote"]);
  assert.ok(world.promotedMs >= 100 + LEASES_MS);
});

Deno.test("whoever carries on what another began waits the whole time", async () => {
  using clock = fakeClock();
  const { outcome, world } = failingOver({ ...STEADY, phase: "fencing" });
  await clock.tick(LEASES_MS);
  assert.equal(world.state.phase, "fencing");
  await clock.tick(500);
  assert.equal((await outcome as FailOverOutcome).kind, "promoted");
});

Deno.test("what was given up and fenced again meanwhile is not promoted, since there may have been leases", async () => {
  using clock = fakeClock();
  const { outcome, world, write } = failingOver();
  await clock.tick(LEASES_MS - 1_000);
  const fenced = world.state;
  write({ ...fenced, phase: "steady" });
  write(fenced);
  await clock.tick(2_000);
  assert.equal((await outcome as FailOverOutcome).kind, "another");
  assert.equal(world.state.phase, "fencing");
});

Deno.test("a wait for leases ends when it is told to", async () => {
  using clock = fakeClock();
  const { outcome, stop } = failingOver();
  await clock.tick(10_000);
  stop.abort(new Error("over"));
  assert.equal((await outcome as Error).message, "over");
  assert.equal(clock.timers, 0);
});
