/** The command `failover` as a process. */
import assert from "node:assert/strict";
import type { DrState } from "../../dr/state/mod.ts";
import { Child } from "./child.ts";
import { withoutOurs } from "./job_process.ts";
import type { MirrorPair } from "./mirror_pair.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;

/** What it says with `--json`. */
export interface FailoverReport {
  readonly outcome: string;
  readonly stage?: string;
  readonly isPrimaryAlive?: boolean;
  readonly state?: DrState;
  readonly done?: number;
  readonly tail?: number;
  readonly steps?: readonly { readonly step: string; readonly ms: number }[];
}

/** Of the secondary, into that era. */
export function expectPromotion(
  { outcome, state, steps }: FailoverReport,
  era: number,
) {
  assert.equal(outcome, "promoted");
  assert.deepEqual(
    [state!.active, state!.phase, state!.era],
    ["secondary", "steady", era],
  );
  assert.deepEqual(
    steps!.map(({ step }) => step),
    ["fence", "seal", "drain", "outputs", "promote"],
  );
}

export interface FailoverEnd {
  readonly code: number;
  readonly said: string;
  readonly report: FailoverReport;
}

/** Runs it to its end, whatever that is. */
export const failover = (
  pair: MirrorPair,
  ...args: readonly string[]
): Promise<FailoverEnd> => failoverIn({}, pair, ...args);

/** The same in an environment with more. */
export async function failoverIn(
  env: Readonly<Record<string, string>>,
  { source, target }: MirrorPair,
  ...args: readonly string[]
): Promise<FailoverEnd> {
  await using child = Child.deno(
    ["run", "-A", "--no-check", main, "failover", ...args],
    {
      env: {
        ...withoutOurs(),
        PRIMARY_BROKERS: source.cluster.bootstrapServers,
        SECONDARY_BROKERS: target.cluster.bootstrapServers,
        ...env,
      },
    },
  );
  const { code } = await child.exit(90_000);
  const out = child.lines("stdout");
  const said = [...out, ...child.lines("stderr")].join("\n");
  const report = args.includes("--json") ? JSON.parse(out.at(-1)!) : {};
  return { code, said, report };
}
