import assert from "node:assert/strict";
import fc from "fast-check";
import { type Duty, dutyOf, isSameDuty } from "../../dr/mirror/duty.ts";
import { Lanes, type LanesParts } from "../../dr/mirror/lanes.ts";
import type { DrState, Phase } from "../../dr/state/mod.ts";
import { sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const numRuns = sized(300, 20_000);

const STATE: DrState = {
  epoch: 1,
  active: "primary",
  phase: "steady",
  sinceMs: 0,
  reason: "",
  era: 3,
  lanes: null,
};

const PHASES: readonly Phase[] = [
  "steady",
  "fencing",
  "draining",
  "releasing",
  "recovering",
  "reversing",
  "catching-up",
];

Deno.test("a mirror works while its source is active and no failover is under way, in the state's era; back it does in a failback", () => {
  const kinds = (active: DrState["active"], source: DrState["active"]) =>
    PHASES.map((phase) => dutyOf({ ...STATE, active, phase }, source))
      .map((duty) => duty.kind === "mirror" ? duty.era : duty.kind);
  const own = [3, "idle", 3, "idle", "idle", 3, 3];
  const back = ["idle", "idle", 3, "idle", "idle", 3, 3];
  const none = PHASES.map(() => "idle");
  assert.deepEqual(kinds("primary", "primary"), own);
  assert.deepEqual(kinds("secondary", "secondary"), back);
  assert.deepEqual(kinds("secondary", "primary"), none);
  assert.deepEqual(kinds("primary", "secondary"), none);
});

Deno.test("where there is no state the primary is mirrored, in era 0", () => {
  assert.deepEqual(dutyOf(null, "primary"), { kind: "mirror", era: 0 });
  assert.equal(dutyOf(null, "secondary").kind, "idle");
});

Deno.test("duties are the same where nothing is to be done", () => {
  const [one, next] = [3, 4].map((era): Duty => ({ kind: "mirror", era }));
  const idle = dutyOf({ ...STATE, phase: "fencing" }, "primary");
  assert.ok(isSameDuty(one!, { kind: "mirror", era: 3 }));
  assert.ok(!isSameDuty(one!, next!));
  assert.ok(!isSameDuty(one!, idle));
  assert.ok(!isSameDuty(idle, one!));
  assert.ok(isSameDuty(idle, { ...idle }));
});

type LaneParts = LanesParts<FakeLane>;

class FakeLane {
  readonly number: number;
  readonly era: number;
  readonly mirrored = { records: 1, bytes: 1 };
  readonly partitions = [];
  readonly status = "running";
  readonly thread = null;
  readonly #closed: () => Promise<void>;

  constructor(number: number, era: number, closed: () => Promise<void>) {
    this.number = number;
    this.era = era;
    this.#closed = closed;
  }

  close(): Promise<void> {
    return this.#closed();
  }
  endOf = () => null;
  examination = () => null;
  refresh(): void {}
}

/** Lanes that say what is at work, and are never there twice. */
class Fakes {
  readonly working = new Map<number, number>();
  leading: number | null = null;
  /** Nobody's leading ends before. */
  leaderMayEnd: Promise<void> = Promise.resolve();
  opened = 0;
  readonly lanes: Lanes<FakeLane>;

  constructor() {
    const parts: LaneParts = {
      openLane: (lane, era) => {
        assert.ok(!this.working.has(lane), "a lane is at work twice");
        this.working.set(lane, era);
        this.opened++;
        return new FakeLane(lane, era, async () => {
          await yielded();
          this.working.delete(lane);
        });
      },
      openLeader: (era) => {
        assert.equal(this.leading, null, "two lead");
        this.leading = era;
        return {
          led: { releasedAtMs: 0, heartbeatAtMs: 0, reachedAtMs: 0 },
          lowest: () => null,
          [Symbol.asyncDispose]: async () => {
            await yielded();
            await this.leaderMayEnd;
            this.leading = null;
          },
        };
      },
      drainMs: 10,
    };
    this.lanes = new Lanes(parts);
  }
}

Deno.test("a lane ends although its leader still waits for the source, and does not begin anew before that", async () => {
  const fakes = new Fakes();
  await fakes.lanes.follow({ kind: "mirror", era: 0 });
  fakes.lanes.give(0);
  await yielded();
  const answered = Promise.withResolvers<void>();
  fakes.leaderMayEnd = answered.promise;

  const idle = fakes.lanes.follow({ kind: "idle", reason: "test" });
  await eventually(() => fakes.working.size === 0, { what: "closed" });
  const again = fakes.lanes.follow({ kind: "mirror", era: 1 });
  await yielded();
  assert.equal(fakes.leading, 0);
  assert.equal(fakes.working.size, 0);

  answered.resolve();
  await Promise.all([idle, again]);
  assert.deepEqual([...fakes.working], [[0, 1]]);
  assert.equal(fakes.leading, 1);
  await fakes.lanes.close();
});

const yielded = () => new Promise<void>((resolve) => setImmediate(resolve));

type Step =
  | { readonly kind: "give" | "take"; readonly lane: number }
  | { readonly kind: "follow"; readonly era: number | null }
  | { readonly kind: "wait" };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constantFrom("give" as const, "take" as const),
    lane: fc.nat(2),
  }),
  fc.record({
    kind: fc.constant("follow" as const),
    era: fc.option(fc.nat(2)),
  }),
  fc.constant({ kind: "wait" as const }),
);

Deno.test("at work are the lanes that the group gave while there is something to mirror, whatever comes in between", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
      const fakes = new Fakes();
      const given = new Set<number>();
      let era: number | null = null;
      const under: Promise<void>[] = [];
      for (const each of steps) {
        switch (each.kind) {
          case "give":
            given.add(each.lane);
            fakes.lanes.give(each.lane);
            break;
          case "take":
            given.delete(each.lane);
            under.push(fakes.lanes.take(each.lane, false));
            break;
          case "follow":
            era = each.era;
            under.push(fakes.lanes.follow(
              era === null
                ? { kind: "idle", reason: "test" }
                : { kind: "mirror", era },
            ));
            break;
          case "wait":
            await yielded();
        }
      }
      await Promise.all(under);
      // Nothing changes: it settles what is under way.
      await fakes.lanes.follow(fakes.lanes.duty);
      const wanted = era === null ? [] : [...given].sort().map((lane) => [
        lane,
        era,
      ]);
      assert.deepEqual([...fakes.working].sort(), wanted);
      assert.equal(fakes.leading, given.has(0) ? era : null);
      assert.equal(fakes.lanes.all.length, wanted.length);
      assert.equal(
        fakes.lanes.gone.records,
        fakes.opened - wanted.length,
        "what lanes have mirrored is counted once",
      );
      await fakes.lanes.close();
      assert.deepEqual([...fakes.working], []);
      assert.equal(fakes.leading, null);
    }),
    { numRuns },
  );
});
