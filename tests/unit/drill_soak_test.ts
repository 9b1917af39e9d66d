import assert from "node:assert/strict";
import {
  type DrillReport,
  type SoakOutcome,
  soakSummary,
  soakText,
} from "../../dr/drill/mod.ts";

const REPORT: DrillReport = {
  scenario: "kill",
  world: "embedded",
  seed: 1,
  active: "secondary",
  switches: [{ to: "secondary", inputsMs: 2_500, outputsMs: 2_900 }],
  detectMs: 1,
  decideMs: 2,
  promoteMs: 3,
  firstRecordMs: 2_000,
  sent: 10,
  acknowledged: 9,
  afterwards: 5,
  outputs: 20,
  lost: 0,
  repeated: 0,
  reordered: 0,
  tail: 2,
  behind: 0,
  rpoMs: 300,
  tookMs: 15_000,
  limits: [],
  violations: [],
  objectives: { maxRtoMs: 5_000, maxRpoMs: 2_000 },
  met: true,
};
const judged = (report: Partial<DrillReport>): SoakOutcome => ({
  kind: "judged",
  report: { ...REPORT, ...report },
});
const OUTCOMES: readonly SoakOutcome[] = [
  judged({}),
  judged({ firstRecordMs: 4_000, rpoMs: 900 }),
  judged({ firstRecordMs: 9_000, met: false, seed: 7 }),
  judged({
    scenario: "slow",
    firstRecordMs: null,
    active: "primary",
    switches: [],
  }),
  { kind: "failed", scenario: "slow", seed: 8, message: "a role cannot go on" },
];

Deno.test("a soak tells of each scenario how often it ran, how long it took and how often it failed", () => {
  const { scenarios, ...summary } = soakSummary(3, OUTCOMES);
  assert.deepEqual(scenarios, [
    {
      scenario: "kill",
      runs: 3,
      failures: 1,
      rtoMs: { p50: 4_000, max: 9_000 },
      rpoMs: 900,
    },
    { scenario: "slow", runs: 2, failures: 1, rtoMs: null, rpoMs: null },
  ]);
  assert.deepEqual([summary.runs, summary.failures], [5, 2]);
  assert.deepEqual([summary.acknowledged, summary.outputs], [36, 80]);
});

Deno.test("what has failed is told with the seed that repeats it, and why", () => {
  const text = soakText(soakSummary(3, OUTCOMES));
  assert.match(
    text,
    /failed: --scenario kill --seed 7\n {2}first output after 9000 ms, not 5000/,
  );
  assert.match(
    text,
    /failed: --scenario slow --seed 8\n {2}a role cannot go on/,
  );
  assert.match(text, /^kill +3 +1 +4\.00 s +9\.00 s +0\.90 s$/m);
  assert.match(text, /^slow +2 +1 +- +- +-$/m);
});

Deno.test("of planned switches the longest wait counts, of inputs or outputs", () => {
  const planned = judged({
    scenario: "planned",
    firstRecordMs: null,
    active: "primary",
    switches: [
      { to: "secondary", inputsMs: 5_000, outputsMs: 5_500 },
      { to: "primary", inputsMs: 6_000, outputsMs: null },
    ],
    rpoMs: 0,
    met: false,
  });
  const summary = soakSummary(3, [planned]);
  assert.deepEqual(summary.scenarios[0]!.rtoMs, { p50: 6_000, max: 6_000 });
  assert.deepEqual(summary.failed[0]!.why, [
    "first output after 6000 ms, not 5000",
  ]);
});

Deno.test("a soak that was stopped before its first drill has nothing to tell", () => {
  assert.deepEqual(soakSummary(3, []).failures, 0);
});
