import assert from "node:assert/strict";
import { type DrillReport, reportText } from "../../dr/drill/mod.ts";
import { drill } from "../../src/commands/drill.ts";
import { refused } from "./support_refused.ts";

/** What it prints; only for what ends before it does anything. */
async function printed(args: readonly string[]) {
  const { writeSync } = Deno.stdout;
  let text = "";
  Deno.stdout.writeSync = (bytes) => {
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  try {
    return { status: await drill(args), text };
  } finally {
    Deno.stdout.writeSync = writeSync;
  }
}

const WRONG: readonly [readonly string[], RegExp][] = [
  [["--scenario", "kil"], /unknown scenario "kil".*kill.*usage: drill/],
  [["--seed", "-1"], /--seed.*usage/],
  [["--seed", "x"], /--seed takes a whole number.*"x"/],
  [["--max-rto", "soon"], /--max-rto takes durations such as 5s/],
  [["--soak", "0"], /--soak takes a whole number from 1/],
  [["--soak", "5", "--at-once", "99"], /--at-once takes.*to 16/],
  [["--at-once", "3"], /--at-once goes with --soak/],
  [["--scenario", "pool-crash"], /pool-crash needs --clusters/],
  [["--scenario", "planned"], /planned needs --clusters: .*their groups/],
  [["--break", "x", "--mend", "y"], /--break and --mend go.*with --clusters/],
  [
    [
      "--clusters",
      "--break",
      "x",
      "--mend",
      "y",
      "--soak",
      "4",
      "--at-once",
      "2",
    ],
    /--break breaks.*--at-once at 1/,
  ],
  [["--hurry"], /--hurry.*usage/],
];
for (const [args, message] of WRONG) {
  Deno.test(`\`drill ${args.join(" ")}\` is refused in one line`, async () => {
    const { said, status } = await refused(drill, args);
    assert.equal(status, 2);
    assert.match(said, message);
    assert.equal(said.trim().split("\n").length, 1);
  });
}

Deno.test("`drill --list` names all scenarios and says what happens in them", async () => {
  const { status, text } = await printed(["--list"]);
  assert.equal(status, 0);
  for (const name of ["kill", "hang", "flapping", "both-down", "planned"]) {
    assert.match(text, new RegExp(`^${name} +\\w`, "m"));
  }
});

const REPORT: DrillReport = {
  scenario: "kill",
  world: "embedded",
  seed: 7,
  active: "secondary",
  switches: [{ to: "secondary", inputsMs: 2_500, outputsMs: 2_950 }],
  detectMs: 1_500,
  decideMs: 1_700,
  promoteMs: 2_300,
  firstRecordMs: 2_900,
  sent: 100,
  acknowledged: 90,
  afterwards: 30,
  outputs: 150,
  lost: 0,
  repeated: 0,
  reordered: 0,
  tail: 4,
  behind: 0,
  rpoMs: 340,
  tookMs: 15_000,
  limits: ["it is a toy"],
  violations: [],
  objectives: { maxRtoMs: 5_000, maxRpoMs: 10_000 },
  met: true,
};

Deno.test("a report tells the moments, the counts and the limits", () => {
  const text = reportText(REPORT);
  for (
    const part of [
      /^drill kill \(embedded, seed 7\): met, took 15.00 s$/m,
      /first output +2.90 s after the fault \(at most 5.00 s\)/,
      /to the secondary +no input for 2.50 s, no output for 2.95 s/,
      /0 lost, 0 repeated, 0 out of order/,
      /4 acknowledged and not mirrored, the oldest 0.34 s before the fault/,
      /^note: it is a toy$/m,
    ]
  ) assert.match(text, part);
});

Deno.test("violations are told each by itself", () => {
  const violations = ["1 outputs are lost", "2 outputs are repeated"];
  const text = reportText({ ...REPORT, violations, met: false });
  assert.match(text, /NOT MET/);
  violations.forEach((each) => assert.ok(text.includes(`violation: ${each}`)));
});
