/** The command `drill` as a user runs it: without brokers. */
import assert from "node:assert/strict";
import { z } from "zod";
import { Child } from "../support/child.ts";
import { withoutOurs } from "../support/job_process.ts";
import { eventually } from "../support/wait.ts";
import { isSoak, seed as soakSeed } from "../support/soak.ts";
import { soakSummary } from "./support/soak_summary.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const EXIT_MS = 180_000;
/** Generous: it ends within some seconds, or not at all. */
const STOP_MS = 30_000;
const SOAK_MS = 2 * 3_600_000;
const SOAK_DRILLS = Deno.env.get("SOAK_DRILLS") || "100";
const SEED = 11;

const good = z.object({
  world: z.literal("embedded"),
  seed: z.literal(SEED),
  acknowledged: z.number().min(100),
  afterwards: z.number().min(50),
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
  behind: z.literal(0),
});

/** @returns the exit status, the report, and what was said beside it. */
async function drilled(...args: string[]) {
  await using child = Child.deno([
    "run",
    "-A",
    "--no-check",
    main,
    "drill",
    // How fast a machine under tests is, is not the matter here.
    "--max-rto",
    "120s",
    "--max-rpo",
    "120s",
    "--json",
    ...args,
  ], { env: withoutOurs() });
  const { code } = await child.exit(isSoak ? SOAK_MS : EXIT_MS);
  const said = child.lines("stderr").slice(-20).join("\n");
  const [line = ""] = child.lines("stdout").slice(-1);
  assert.match(line, /^\{/, said);
  return { code, report: JSON.parse(line) as unknown, said };
}

const CASES: readonly [string, string, z.ZodType][] = [
  ["kill", "every output once, on the secondary", failedOver],
  ["failover-crash", "a failover that went on after a crash", failedOver],
  ["sentinel-isolated", "that nobody has moved", stayed],
];
for (const [scenario, what, schema] of CASES) {
  Deno.test(`the embedded drill "${scenario}" finds ${what}`, async () => {
    const { code, report, said } = await drilled(
      "--scenario",
      scenario,
      "--seed",
      String(SEED),
    );
    schema.parse(report);
    assert.equal(code, 0, said);
  });
}

Deno.test("a drill that misses an objective alone says so, and ends with 1", async () => {
  const { code, report, said } = await drilled("--max-rto", "1ms");
  failedOver.extend({ met: z.literal(false), seed: z.literal(1) })
    .parse(report);
  assert.equal(code, 1, said);
});

Deno.test("random drills that run side by side come to their end, and keep all that is promised", async () => {
  const { code, report, said } = await drilled(
    "--soak",
    "2",
    "--at-once",
    "2",
    "--seed",
    String(SEED),
  );
  soakSummary(SEED, 2).parse(report);
  assert.equal(code, 0, said);
});

for (const args of [["--scenario", "hang"], ["--soak", "2"]]) {
  Deno.test(`a drill (${args.join(" ")}) ends with SIGTERM, and with it all that it has started`, async () => {
    await using child = Child.deno([
      "run",
      "-A",
      "--no-check",
      main,
      "drill",
      ...args,
    ], {
      env: withoutOurs(),
    });
    const roles = () => childrenOf(child.pid, args[0] === "--soak" ? 2 : 1);
    const pids = await eventually(async () => {
      const found = await roles();
      return found.length >= 3 ? found : null;
    }, { what: "all roles are there", timeoutMs: EXIT_MS });
    child.signal("SIGTERM");
    const { code } = await child.exit(STOP_MS);
    assert.equal(code, 1);
    await eventually(
      async () => (await Promise.all(pids.map(isThere))).every((each) => !each),
      { what: "no role is there any more", timeoutMs: STOP_MS },
    );
  });
}

/** Processes so many generations below. */
async function childrenOf(pid: number, generations: number): Promise<number[]> {
  if (generations === 0) return [pid];
  const path = `/proc/${pid}/task/${pid}/children`;
  const pids = (await Deno.readTextFile(path).catch(() => "")).split(" ")
    .filter((each) => each !== "").map(Number);
  const below = pids.map((each) => childrenOf(each, generations - 1));
  return (await Promise.all(below)).flat();
}

const isThere = (pid: number): Promise<boolean> =>
  Deno.stat(`/proc/${pid}`).then(() => true, () => false);

if (isSoak) {
  Deno.test("random drills one after the other keep all that is promised", async () => {
    const { code, report, said } = await drilled(
      "--soak",
      SOAK_DRILLS,
      "--seed",
      String(soakSeed),
    );
    console.log(JSON.stringify(report));
    assert.equal(code, 0, said);
  });
}
