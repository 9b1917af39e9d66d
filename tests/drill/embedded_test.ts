/** The command `drill` as a user runs it: without brokers. */
import assert from "node:assert/strict";
import { z } from "zod";
import { Child } from "../support/child.ts";
import { withoutOurs } from "../support/job_process.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const EXIT_MS = 180_000;
const SEED = 11;

const good = z.object({
  world: z.literal("embedded"),
  seed: z.literal(SEED),
  acknowledged: z.number().min(100),
  outputs: z.number().min(100),
  lost: z.literal(0),
  repeated: z.literal(0),
  reordered: z.literal(0),
  violations: z.array(z.string()).length(0),
  met: z.literal(true),
});
const failedOver = good.extend({
  active: z.literal("secondary"),
  firstRecordMs: z.number().min(0),
});
const stayed = good.extend({
  active: z.literal("primary"),
  decideMs: z.null(),
  tail: z.literal(0),
});

/** @returns the exit status, the report, and what was said beside it. */
async function drilled(scenario: string) {
  await using child = Child.deno([
    "run",
    "-A",
    "--no-check",
    main,
    "drill",
    "--scenario",
    scenario,
    "--seed",
    String(SEED),
    // How fast a machine under tests is, is not the matter here.
    "--max-rto",
    "120s",
    "--max-rpo",
    "120s",
    "--json",
  ], { env: withoutOurs() });
  const { code } = await child.exit(EXIT_MS);
  const said = child.lines("stderr").slice(-20).join("\n");
  const [line = ""] = child.lines("stdout").slice(-1);
  assert.match(line, /^\{/, said);
  return { code, report: JSON.parse(line) as unknown, said };
}

const CASES: readonly [string, string, z.ZodType][] = [
  ["kill", "every output once, on the secondary", failedOver],
  ["interrupted", "a failover that went on where it stood", failedOver],
  ["both-down", "that nobody has moved", stayed],
];
for (const [scenario, what, schema] of CASES) {
  Deno.test(`the embedded drill "${scenario}" finds ${what}`, async () => {
    const { code, report, said } = await drilled(scenario);
    schema.parse(report);
    assert.equal(code, 0, said);
  });
}
