import assert from "node:assert/strict";
import { failover } from "../../src/commands/failover.ts";
import { denialProblem } from "../../src/commands/denied_principals.ts";
import {
  endText,
  planText,
  stepText,
} from "../../src/commands/failover_text.ts";
import { refused } from "./support_refused.ts";

const WRONG: readonly [readonly string[], RegExp][] = [
  [["--to", "primary"], /--to takes secondary, not "primary"; usage: /],
  [["--reason"], /--reason.*; usage: failover \[--to secondary\]/],
  [["--hurry"], /--hurry.*; usage: /],
  [["--planned", "--force"], /exclude each other; usage: /],
  [["--cancel", "--dry-run"], /--dry-run is of a failover that is not planned/],
  [["--deny-principal", "User:alice"], /goes with --planned or --force/],
  [["secondary"], /secondary.*; usage: /],
  [["--", "--force"], /^PRIMARY_BROKERS is not set: a failover needs two/],
];
for (const [args, message] of WRONG) {
  Deno.test(`\`failover ${args.join(" ")}\` is refused in one line`, async () => {
    const { status, said } = await refused(failover, args);
    assert.equal(status, 2);
    assert.match(said, message);
    assert.equal(said.trim().split("\n").length, 1);
  });
}

Deno.test("a planned switch that there would be no way home from is not begun", async () => {
  const { said, status } = await refused(failover, ["--planned"], {
    PRIMARY_BROKERS: "127.0.0.1:1",
    SECONDARY_BROKERS: "127.0.0.1:2",
    MIRROR_POLICY: "default",
  });
  assert.equal(status, 2);
  assert.match(said, /needs MIRROR_POLICY=identity/);
});

Deno.test("a step is a line with its duration", () => {
  assert.equal(
    stepText({ step: "seal", ms: 123.4, detail: "4 lanes, era 1" }),
    "seal     0.123 s  4 lanes, era 1",
  );
});

Deno.test("a plan says where it stands, and what it would do from there", () => {
  const state = {
    epoch: 4,
    active: "primary",
    phase: "fencing",
    sinceMs: 0,
    reason: "",
    era: 0,
    lanes: 4,
  } as const;
  const report = {
    state,
    stage: "resume",
    isPrimaryAlive: true,
    leasesMs: 0,
    problem: null,
    note: null,
  } as const;
  const lines = planText(report).split("\n");
  assert.deepEqual(lines.slice(0, 2), [
    "the primary is active, fencing, epoch 4, era 0",
    "the primary answers",
  ]);
  assert.deepEqual(
    lines.slice(2).map((line) => line.split(/ +/).slice(0, 2).join(" ")),
    [
      "would seal",
      "would drain",
      "would outputs",
      "would promote",
    ],
  );
  const begun = { ...state, phase: "draining" } as const;
  assert.match(planText({ ...report, state: begun }), /\nonly with --force/);
  const noted = planText({ ...report, note: "ids are shared" });
  assert.match(noted, /\nids are shared\nwould seal/);
  assert.match(
    planText({
      state: null,
      stage: "begin",
      isPrimaryAlive: false,
      leasesMs: 0,
      problem: null,
      note: null,
    }),
    /^no state was ever written: the primary is active\n.*not answer\nwould f/,
  );
  assert.match(
    planText({
      state,
      stage: "refuse",
      isPrimaryAlive: false,
      leasesMs: 0,
      problem: "because",
      note: null,
    }),
    /because\nwould do nothing$/,
  );
});

Deno.test("how it ended is said, with what must be seen to", () => {
  const state = null;
  assert.equal(
    endText({ kind: "already", state }, 10),
    "nothing to do after 0.01 s",
  );
  assert.match(endText({ kind: "another", state }, 10), /^another has taken/);
});

Deno.test("a strict plan waits for leases before it promotes", () => {
  const lines = planText({
    state: null,
    stage: "begin",
    isPrimaryAlive: false,
    leasesMs: 30_300,
    problem: null,
    note: null,
  }).split("\n");
  assert.match(lines.at(-2)!, /^would leases /);
  assert.match(lines.at(-1)!, /^would promote /);
});

Deno.test("nobody is denied anything by a wrong name, or by Switchyard's own", () => {
  const cluster = { brokers: null, kafka: {}, consumer: {}, producer: {} };
  const clusters = {
    primary: { ...cluster, kafka: { "sasl.username": "ours" } },
    secondary: cluster,
  };
  const problem = (...principals: string[]) =>
    denialProblem(principals, clusters);
  assert.equal(problem(), null);
  assert.equal(problem("User:alice", "User:CN=alice,O=x"), null);
  assert.match(problem("User:alice", "bob")!, /User:alice, not "bob"/);
  for (const own of ["User:ours", "User:*"]) {
    assert.match(problem(own)!, /keep Switchyard itself away/);
  }
});
