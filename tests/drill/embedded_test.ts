/** The command `drill` as a user runs it: without brokers. */
import assert from "node:assert/strict";
import { z } from "zod";
import { Child } from "../support/child.ts";
import { withoutOurs } from "../support/job_process.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const EXIT_MS = 240_000;

const REPORT = z.object({
  scenario: z.literal("kill"),
  world: z.literal("embedded"),
  seed: z.literal(11),
  active: z.literal("secondary"),
  acknowledged: z.number().min(100),
  outputs: z.number().min(100),
  lost: z.literal(0),
  repeated: z.literal(0),
  reordered: z.literal(0),
  firstRecordMs: z.number().min(0),
  violations: z.array(z.string()).length(0),
  met: z.literal(true),
});

Deno.test("an embedded drill kills the primary, and finds on the secondary every output once", async () => {
  await using child = Child.deno([
    "run",
    "-A",
    "--no-check",
    main,
    "drill",
    "--scenario",
    "kill",
    "--seed",
    "11",
    // How fast a machine under tests is, is not the matter here.
    "--max-rto",
    "120s",
    "--max-rpo",
    "120s",
    "--json",
  ], { env: withoutOurs() });
  const { code } = await child.exit(EXIT_MS);
  const told = child.lines("stderr").slice(-20).join("\n");
  const [line = ""] = child.lines("stdout").slice(-1);
  assert.match(line, /^\{/, told);
  REPORT.parse(JSON.parse(line));
  assert.equal(code, 0, told);
});
