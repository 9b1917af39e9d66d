/** Decisions one at a time; whole histories stand in sentinel_histories_test. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  checkPolicy,
  decide,
  type Decision,
  mirrorLag,
  type Observation,
  type Refusal,
  SENTINEL_DEFAULTS,
  type SentinelPolicy,
} from "../../dr/sentinel/mod.ts";
import {
  type ClusterName,
  type DrState,
  type Health,
  other,
  type Phase,
  type StampedVote,
} from "../../dr/state/types.ts";

const NOW = 1_000_000_000;
const POLICY: SentinelPolicy = { ...SENTINEL_DEFAULTS, sentinels: 3 };

const STATE: DrState = {
  epoch: 7,
  active: "primary",
  phase: "steady",
  sinceMs: NOW - 3_600_000,
  reason: "began",
  era: 0,
  lanes: 4,
};

const OUTAGE = { primary: "down", secondary: "healthy" } as const;
const CALM = { primary: "healthy", secondary: "healthy" } as const;

const vote = (voter: string, changes: Partial<StampedVote> = {}) => ({
  voter,
  kind: "sentinel" as const,
  epoch: STATE.epoch,
  health: OUTAGE,
  isProgressing: false,
  atMs: NOW - 500,
  ...changes,
});

const SEEN: Observation = {
  state: STATE,
  votes: [vote("a"), vote("b"), vote("c", { health: CALM })],
  health: OUTAGE,
  lagMs: 1_500,
  nowMs: NOW,
};

const decided = (
  changes: Partial<Observation> = {},
  policy: Partial<SentinelPolicy> = {},
): Decision => decide({ ...SEEN, ...changes }, { ...POLICY, ...policy });

function refused(
  changes: Partial<Observation>,
  policy: Partial<SentinelPolicy> = {},
): string {
  const decision = decided(changes, policy);
  assert.equal(decision.kind, "refuse", JSON.stringify(decision));
  return decision.kind === "refuse" ? decision.because : "";
}

Deno.test("an outage that two of three sentinels see, with a healthy target, leads to a failover", () => {
  assert.deepEqual(decided(), {
    kind: "fail-over",
    to: "secondary",
    epoch: 7,
    reason: "primary is down for 2 of 3 sentinels (a: down, b: down, " +
      "c: healthy)",
  });
});

Deno.test("a sentinel that only advises names the same switch", () => {
  const { kind, ...rest } = decided({}, { mode: "advise" });
  assert.equal(kind, "advise");
  assert.deepEqual({ kind: "fail-over", ...rest }, decided());
});

Deno.test("a sentinel that sees no outage itself leaves it to the others", () => {
  for (const primary of ["healthy", "suspect", "unknown"] as const) {
    const health = { ...OUTAGE, primary };
    assert.deepEqual(decided({ health }), { kind: "stay" });
  }
});

Deno.test("votes that are old, from the future, of another epoch or repeated do not count", () => {
  for (
    const changes of [
      { atMs: NOW - 5_001 },
      { atMs: NOW + 5_001 },
      { epoch: 6 },
      { epoch: 8 },
      { voter: "a" },
    ]
  ) {
    const votes = [vote("a"), vote("b", changes)];
    assert.equal(refused({ votes }), "no-majority", JSON.stringify(changes));
  }
});

Deno.test("the newest vote of a sentinel counts, in whatever order votes come", () => {
  const changed = [
    vote("b", { health: CALM, atMs: NOW - 100 }),
    vote("b", { atMs: NOW - 1_000 }),
  ];
  for (const votes of [changed, changed.toReversed()]) {
    assert.equal(refused({ votes: [vote("a"), ...votes] }), "no-majority");
  }
});

Deno.test("more voters than are configured need a majority of their own", () => {
  const calm = ["c", "d", "e"].map((name) => vote(name, { health: CALM }));
  assert.equal(
    refused({ votes: [vote("a"), vote("b"), ...calm] }),
    "no-majority",
  );
});

Deno.test("a pool that settles records on the active cluster forbids to leave it", () => {
  const pool = vote("pool-1", { kind: "pool", isProgressing: true });
  const votes = [...SEEN.votes, pool];
  assert.equal(refused({ votes }), "in-use");
  const silent = [
    { isProgressing: false },
    { epoch: 6 },
    { atMs: NOW - 6_000 },
  ];
  for (const changes of silent) {
    const decision = decided({
      votes: [...SEEN.votes, { ...pool, ...changes }],
    });
    assert.equal(decision.kind, "fail-over", JSON.stringify(changes));
  }
});

Deno.test("there is no failover to a cluster that is not healthy for the majority and for the sentinel itself", () => {
  for (const secondary of ["suspect", "unknown", "down"] as const) {
    const health = { ...OUTAGE, secondary };
    assert.equal(refused({ health }), "target-not-healthy");
    const votes = [vote("a"), vote("b", { health }), vote("c", { health })];
    assert.equal(refused({ votes }), "target-not-healthy");
  }
});

Deno.test("there is no failover beyond what may be lost, nor where that is not known", () => {
  assert.equal(refused({ lagMs: 60_001 }), "beyond-rpo");
  assert.equal(refused({ lagMs: null }), "beyond-rpo");
  assert.equal(decided({ lagMs: 60_000 }).kind, "fail-over");
});

Deno.test("while a switch is under way there is no other one", () => {
  const state = { ...STATE, phase: "fencing" } as const;
  assert.equal(refused({ state }), "under-way");
});

Deno.test("a primary that is lost while all rest for a planned switch is failed over from, at once; while it lives nothing is done", () => {
  const state: DrState = {
    ...STATE,
    phase: "draining",
    era: 2,
    sinceMs: NOW - 1,
  };
  assert.equal(decided({ state }).kind, "fail-over");
  assert.equal(decided({ state, health: CALM }).kind, "stay");
  assert.equal(refused({ state, votes: [vote("a")] }), "no-majority");
  const back: DrState = { ...state, active: "secondary" };
  const health = { primary: "healthy", secondary: "down" } as const;
  assert.equal(refused({ state: back, health }), "under-way");
});

Deno.test("after a switch there is none by itself for a while", () => {
  const state: DrState = {
    ...STATE,
    active: "secondary",
    era: 1,
    sinceMs: NOW - 299_999,
  };
  const health = { primary: "healthy", secondary: "down" } as const;
  const votes = ["a", "b"].map((name) => vote(name, { health }));
  assert.equal(refused({ state, health, votes }), "hold-off");
  const later = { ...state, sinceMs: NOW - 300_000 };
  assert.equal(decided({ state: later, health, votes }).kind, "fail-over");
});

Deno.test("a first outage is not held off, however new the state is", () => {
  const state = { ...STATE, sinceMs: NOW - 1 };
  assert.equal(decided({ state }).kind, "fail-over");
});

Deno.test("without the state nothing is decided, not even by force", () => {
  assert.equal(refused({ state: null }), "state-unknown");
});

Deno.test("what passes after the outage has begun is not lost", () => {
  const lag = (reachedMs: number | null, answeredMs: number | null) =>
    mirrorLag({ reachedMs, answeredMs, nowMs: NOW });
  assert.equal(lag(NOW - 600_000, NOW - 599_000), 1_000);
  assert.equal(lag(NOW - 600_000, null), 600_000);
  assert.equal(lag(NOW - 5_000, NOW - 6_000), 0);
  assert.equal(lag(null, NOW), null);
});

Deno.test("a policy that cannot work is refused with the value", () => {
  checkPolicy(SENTINEL_DEFAULTS);
  const refuses = (change: Partial<SentinelPolicy>, text: RegExp) =>
    assert.throws(() => checkPolicy({ ...POLICY, ...change }), text);
  refuses({ sentinels: 0 }, /sentinels 0/);
  refuses({ sentinels: 1.5 }, /sentinels 1.5/);
  refuses({ voteFreshMs: 0 }, /voteFreshMs 0/);
  refuses({ rpoMs: NaN }, /rpoMs NaN/);
  refuses({ holdOffMs: -1 }, /holdOffMs -1/);
});

const cluster = fc.constantFrom<ClusterName>("primary", "secondary");
const oneHealth = fc.constantFrom<Health>(
  "unknown",
  "healthy",
  "suspect",
  "down",
);
const health: fc.Arbitrary<Record<ClusterName, Health>> = fc.oneof(
  fc.record({ primary: oneHealth, secondary: oneHealth }),
  // Else majorities would be rare.
  fc.constant({ primary: "down" as const, secondary: "healthy" as const }),
  fc.constant({ primary: "down" as const, secondary: "healthy" as const }),
);
const votes: fc.Arbitrary<StampedVote[]> = fc.array(
  fc.record({
    voter: fc.constantFrom("a", "b", "c", "d", "e"),
    kind: fc.constantFrom<StampedVote["kind"]>("sentinel", "sentinel", "pool"),
    epoch: fc.constantFrom(6, 7, 7, 7, 8),
    health,
    isProgressing: fc.boolean(),
    atMs: fc.integer({ min: NOW - 8_000, max: NOW + 6_000 }),
  }),
  { maxLength: 12 },
);
const observations: fc.Arbitrary<Observation> = fc.record({
  state: fc.option(
    fc.record({
      epoch: fc.constant(7),
      active: cluster,
      phase: fc.constantFrom<Phase>("steady", "steady", "fencing"),
      sinceMs: fc.integer({ min: NOW - 400_000, max: NOW + 1_000 }),
      reason: fc.constant("chance"),
      era: fc.nat(2),
      lanes: fc.constant(4),
    }),
    { freq: 10 },
  ),
  votes,
  health,
  lagMs: fc.option(fc.nat(90_000)),
  nowMs: fc.constant(NOW),
});
const policies = fc.record({
  mode: fc.constantFrom<SentinelPolicy["mode"]>("automatic", "advise"),
  sentinels: fc.integer({ min: 1, max: 5 }),
  voteFreshMs: fc.constant(5_000),
  rpoMs: fc.constant(60_000),
  holdOffMs: fc.constant(300_000),
});

Deno.test("whatever is observed, a switch goes to the other cluster, for this epoch, from one that is down, and only to a healthy one", () => {
  fc.assert(
    fc.property(observations, policies, (observation, policy) => {
      const { health, state } = observation;
      const decision = decide(observation, policy);
      if (decision.kind !== "fail-over" && decision.kind !== "advise") return;
      assert.ok(state !== null && state.phase === "steady");
      assert.equal(decision.to, other(state.active));
      assert.equal(decision.epoch, state.epoch);
      assert.equal(health[decision.to], "healthy");
      assert.equal(health[state.active], "down");
    }),
    { numRuns: 3_000 },
  );
});

Deno.test("whatever is observed, no switch is decided by a mode that advises", () => {
  fc.assert(
    fc.property(observations, policies, (observation, policy) => {
      const decision = decide(observation, {
        ...policy,
        mode: "advise",
      });
      assert.notEqual(decision.kind, "fail-over");
    }),
    { numRuns: 3_000 },
  );
});

/** A person may decide otherwise. */
const OVERRIDDEN: readonly Refusal[] = [
  "in-use",
  "target-not-healthy",
  "beyond-rpo",
  "hold-off",
];

Deno.test("whatever is refused, a person is told what is the matter and what to do", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(observations, policies, (observation, policy) => {
      const decision = decide(observation, policy);
      if (decision.kind !== "refuse") return;
      seen.add(decision.because);
      assert.match(
        decision.reason,
        /^.{20,}: (?!.*(undefined|NaN|null)).{10,}/,
      );
      assert.match(decision.reason, /primary|secondary/);
      if (!OVERRIDDEN.includes(decision.because)) return;
      const command = observation.state!.active === "primary"
        ? "deno task failover"
        : "deno task failback --switch";
      assert.ok(decision.reason.includes(`(${command})`), decision.reason);
    }),
    { numRuns: 5_000 },
  );
  // Else the property would say little.
  assert.equal(seen.size, 7, [...seen].join(", "));
});
