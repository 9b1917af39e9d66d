import assert from "node:assert/strict";
import fc from "fast-check";
import type { DrState } from "../../dr/state/mod.ts";
import {
  assignmentUnder,
  destinationUnder,
  isSameWork,
} from "../../src/commands/following/assignment.ts";
import { anyState } from "./support_dr_state.ts";
import {
  type FakeSession,
  fakeSessions,
  type FakeWorld,
  turns,
} from "./support_sessions.ts";

type Step =
  | { readonly kind: "take"; readonly state: DrState }
  | {
    readonly kind: "begin" | "endDrain" | "raiseFences" | "consume";
    readonly which: number;
  };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant("take" as const),
      // Few of each, so that they come again.
      state: anyState.chain((state) =>
        fc.record({
          epoch: fc.integer({ min: 1, max: 40 }),
          era: fc.integer({ min: 0, max: 2 }),
        }).map((more) => ({ ...state, ...more }))
      ),
    }),
    fc.record({
      kind: fc.constantFrom(
        "begin" as const,
        "endDrain" as const,
        "raiseFences" as const,
        "consume" as const,
      ),
      which: fc.nat({ max: 50 }),
    }),
  ),
  { maxLength: 60 },
);

/** It may still reach its cluster. */
const isOn = (session: FakeSession) => session.hasBegun && !session.isOff;

function holds({ opened, sessions }: FakeWorld): void {
  const on = opened.filter(isOn);
  assert.ok(on.length <= 1, `${on.length} sessions at once`);
  const { state } = sessions;
  if (state === null) return;
  const wanted = assignmentUnder(state);
  for (const session of on) {
    if (session.isHalted) continue;
    if (wanted === null) assert.ok(session.isDraining, "takes records on");
    else {
      assert.ok(isSameWork(session.assignment, wanted), "on the wrong cluster");
      assert.ok(!session.isDraining, "leaves though it is wanted");
    }
  }
}

/** As far as the session waits for it. */
async function perform(session: FakeSession, kind: Step["kind"]) {
  switch (kind) {
    case "begin":
      session.beginning.resolve();
      await turns();
      break;
    case "endDrain":
      if (session.isDraining) await session.endDrain();
      break;
    case "raiseFences":
      if (session.isHalted) await session.raiseFences();
      break;
    case "consume":
      // A thread may count a little more after its fence was raised.
      if (isOn(session)) session.consumed += 10;
      break;
    case "take":
      break;
  }
}

Deno.test("whatever comes in whatever order: never two sessions unfenced at once, none but for the newest state, and totals that only grow", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const world = fakeSessions();
      const { opened, prepared, sessions } = world;
      let consumed = 0;
      let newestEpoch = 0;
      for (const step of all) {
        if (step.kind === "take") {
          sessions.take(step.state);
          newestEpoch = Math.max(newestEpoch, step.state.epoch);
          // At once, before anything else can run.
          holds(world);
          assert.equal(sessions.state!.epoch, newestEpoch);
        } else if (opened.length > 0) {
          await perform(opened[step.which % opened.length]!, step.kind);
        }
        await turns();
        holds(world);
        const now = sessions.status().totals.consumed;
        assert.ok(now >= consumed, `${now} after ${consumed}`);
        consumed = now;
      }
      // Once all has ended that was to end, it is where it should be.
      for (let round = 0; round < opened.length + 2; round++) {
        for (const each of [...opened]) {
          for (const kind of ["raiseFences", "endDrain", "begin"] as const) {
            await perform(each, kind);
          }
        }
      }
      holds(world);
      const wanted = sessions.state && assignmentUnder(sessions.state);
      const last = opened.filter(isOn).at(-1);
      assert.equal(last !== undefined, wanted !== null, "at work");
      const waiting = prepared.filter(({ hasBegun, isHalted }) =>
        !hasBegun && !isHalted
      );
      const destination = sessions.state && destinationUnder(sessions.state);
      assert.deepEqual(
        waiting.map(({ cluster }) => cluster),
        destination === null ? [] : [destination],
      );
      if (wanted) assert.ok(isSameWork(last!.assignment, wanted));
    }),
    { numRuns: 500 },
  );
});
