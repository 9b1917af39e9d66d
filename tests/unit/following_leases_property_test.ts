import assert from "node:assert/strict";
import fc from "fast-check";
import { covers, type Lease, LeaseClock } from "../../dr/state/mod.ts";
import { fakeClock } from "./support_clock.ts";
import { anyState } from "./support_dr_state.ts";
import { type FakeSession, fakeSessions, turns } from "./support_sessions.ts";

const LEASE_MS = 10_000;
const era = fc.integer({ min: 0, max: 2 });
const step = fc.oneof(
  fc.record({
    kind: fc.constant("take" as const),
    state: fc.record({
      state: anyState,
      epoch: fc.integer({ min: 1, max: 30 }),
      era,
    }).map(({ epoch, era, state }) => ({ ...state, epoch, era })),
  }),
  fc.record({
    kind: fc.constant("lease" as const),
    cluster: fc.constantFrom("primary" as const, "secondary" as const),
    era,
    /** When its read began. */
    agoMs: fc.nat(12_000),
    /** Mostly it is that of the newest state. */
    isForeign: fc.integer({ min: 0, max: 4 }).map((one) => one === 0),
  }),
  fc.record({ kind: fc.constant("pass" as const), ms: fc.nat(8_000) }),
  fc.record({
    kind: fc.constantFrom("begin" as const, "end" as const),
    which: fc.nat(20),
  }),
);

const isOn = (each: FakeSession) => each.hasBegun && !each.isOff;

Deno.test("whatever a strict pool hears and however late: no session is unfenced but under a lease of its own", async () => {
  let worked = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      using clock = fakeClock();
      const time = { ms: 0 };
      const { opened, sessions } = fakeSessions(
        () => true,
        new LeaseClock(() => time.ms, () => 0),
      );
      let lease: Lease | null = null;
      for (const each of steps) {
        const session = "which" in each && opened.length > 0
          ? opened[each.which % opened.length]!
          : null;
        switch (each.kind) {
          case "take":
            sessions.take(each.state);
            break;
          case "lease": {
            const { state } = sessions;
            const { cluster, era } = each.isForeign || state === null
              ? each
              : { cluster: state.active, era: state.era };
            const fromMs = time.ms - each.agoMs;
            lease = { cluster, era, fromMs, lengthMs: LEASE_MS };
            sessions.takeLease(lease);
            break;
          }
          case "pass":
            time.ms += each.ms;
            await clock.tick(each.ms);
            break;
          case "begin":
            session?.beginning.resolve();
            break;
          case "end":
            if (session?.isHalted) await session.raiseFences();
            else if (session?.isDraining) await session.endDrain();
            break;
        }
        await turns();
        for (const each of opened.filter(isOn)) {
          const mayWork = covers(lease, each.assignment, time.ms);
          assert.equal(sessions.mayWork(each.assignment), mayWork);
          assert.ok(mayWork || each.isHalted);
          if (!each.isHalted) worked++;
        }
      }
    }),
    { numRuns: 2_000 },
  );
  assert.ok(worked > 100, `${worked}`);
});
