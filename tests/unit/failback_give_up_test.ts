import assert from "node:assert/strict";
import fc from "fast-check";
import {
  givenUp,
  giveUp,
  type GiveUpParts,
} from "../../dr/failback/give_up.ts";
import {
  type DrState,
  isWorkedIn,
  OvertakenError,
  type Phase,
  StateError,
} from "../../dr/state/mod.ts";
import { sized } from "../support/soak.ts";
import { FailbackWorld, FAILED_OVER } from "./support_failback_world.ts";

const numRuns = sized(200, 20_000);
const { signal } = new AbortController();
const PHASES: readonly Phase[] = [
  "steady",
  "fencing",
  "draining",
  "releasing",
  "recovering",
  "reversing",
  "catching-up",
];

Deno.test("whatever rests is worked in again once it is given up, on the same cluster, and nothing else is", () => {
  for (const active of ["primary", "secondary"] as const) {
    for (const phase of PHASES) {
      const state: DrState = { ...FAILED_OVER, active, phase };
      const next = givenUp(state);
      if (isWorkedIn(phase)) assert.equal(next, null);
      else assert.ok(isWorkedIn(next!.phase) && next!.era >= state.era);
    }
  }
});

/** A switch of the way back that rests, on a state in a test's hands. */
function resting(phase: Phase, others: Partial<GiveUpParts> = {}) {
  let state: DrState = { ...FAILED_OVER, phase };
  const parts: GiveUpParts = {
    latest: () => Promise.resolve(state),
    async change(decide) {
      const proposal = await decide(state);
      if (proposal === null) return { kind: "unchanged", state };
      state = { ...state, ...proposal, epoch: state.epoch + 1 };
      return { kind: "changed", state, copied: Promise.resolve(null) };
    },
    expectPrimary: () => assert.fail("the secondary is active"),
    endReplay: () => assert.fail("nothing is replayed"),
    keepDone: () => assert.fail("the era is the same"),
    allow: () => Promise.resolve([]),
    ...others,
  };
  return { epoch: state.epoch, epochNow: () => state.epoch, parts };
}

Deno.test("what others have taken over is theirs to give up", async () => {
  const { epoch, epochNow, parts } = resting("draining");
  await assert.rejects(
    giveUp(parts, { why: "test", epoch: epoch - 1 }, signal),
    OvertakenError,
  );
  assert.equal(epochNow(), epoch);
  const given = await giveUp(parts, { why: "test", epoch }, signal);
  assert.deepEqual(
    [given?.phase, given?.reason],
    ["catching-up", "given up: test"],
  );
  assert.equal(await giveUp(parts, { why: "test" }, signal), null);
});

Deno.test("a switch that was taken over to be given up, without that being known, is given up", async () => {
  const { epoch, parts } = resting("draining");
  let isFirst = true;
  const change: GiveUpParts["change"] = async (decide, its) => {
    const changed = await parts.change(decide, its);
    if (!isFirst || changed.kind === "unchanged") return changed;
    isFirst = false;
    throw new StateError("unknown", "perhaps", { perhaps: changed.state });
  };
  const given = await giveUp(
    { ...parts, change },
    { why: "test", epoch },
    signal,
  );
  assert.deepEqual([given?.phase, given?.epoch], ["catching-up", epoch + 2]);
});

Deno.test("giving up goes on under the epoch that it has claimed", async () => {
  let isFirst = true;
  const { epoch: begun, parts } = resting("fencing", {
    keepDone: async () => {
      if (!isFirst) return await Promise.resolve();
      isFirst = false;
      throw new Error("no leader");
    },
  });
  let epoch = begun;
  const onClaimed = (claimed: number) => epoch = claimed;
  const attempt = () =>
    giveUp(parts, { why: "test", epoch, onClaimed }, signal);
  await assert.rejects(attempt(), /no leader/);
  const given = await attempt();
  assert.deepEqual(
    [given?.phase, given?.era],
    ["catching-up", FAILED_OVER.era + 1],
  );
});

Deno.test("what is given up lets those back to the active cluster who were kept away, before anybody works there", async () => {
  for (const phase of ["draining", "fencing"] as const) {
    const allowed: (readonly [string, number])[] = [];
    const { epoch, epochNow, parts } = resting(phase, {
      keepDone: () => Promise.resolve(),
      allow: (active) => {
        allowed.push([active, epochNow()]);
        return Promise.resolve(["User:alice"]);
      },
    });
    await giveUp(parts, { why: "test" }, signal);
    assert.deepEqual(allowed, [["secondary", epoch + 1]]);
    assert.equal(epochNow(), epoch + 2);
  }
});

Deno.test("a failover is taken from nobody to be given up where the primary is gone", async () => {
  const gone = new Error("gone");
  const parts = {
    latest: () =>
      Promise.resolve<DrState>({
        ...FAILED_OVER,
        active: "primary",
        phase: "fencing",
      }),
    change: () => assert.fail("nothing may be written"),
    expectPrimary: () => Promise.reject(gone),
    endReplay: () => assert.fail("nothing is replayed"),
    keepDone: () => assert.fail("it has not begun"),
    allow: () => assert.fail("it has not begun"),
  };
  await assert.rejects(giveUp(parts, { why: "test" }, signal), gone);
});

const subset = fc.uniqueArray(fc.nat(9), { maxLength: 10 });

Deno.test("wherever a replay is broken off and given up, pools work on, and every record of the tail has its output once", async () => {
  await fc.assert(
    fc.asyncProperty(
      subset,
      fc.array(fc.tuple(fc.nat(60), fc.boolean()), { maxLength: 4 }),
      fc.option(fc.nat(9)),
      async (mirrored, crashes, lostAt) => {
        const world = new FailbackWorld(10, mirrored);
        for (const [at, isGivenUp] of crashes) {
          await world.run(at);
          if (!isGivenUp) continue;
          await world.giveUp();
          assert.ok(isWorkedIn(world.state.phase), world.state.phase);
        }
        world.lostAt = lostAt;
        try {
          await world.run(null);
        } catch (error) {
          assert.match(String(error), /primary does not answer any more/);
          assert.ok(isWorkedIn(world.state.phase), world.state.phase);
        }
        world.lostAt = null;
        const state = await world.run(null);
        assert.equal(state?.phase, "catching-up");
        await world.giveUp();
        assert.deepEqual(world.copied, [...Array(10).keys()]);
        assert.deepEqual(
          [...world.outputs].sort(([one], [other]) => one - other),
          [...Array(10).keys()].map((input) => [input, 1]),
        );
      },
    ),
    { numRuns },
  );
});
