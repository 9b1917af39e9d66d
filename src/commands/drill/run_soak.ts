/**
 * Many drills. Each is a process of its own: what is left of one cannot disturb
 * another, and side by side each has a thread for its links.
 */
import {
  type DrillReport,
  isFailure,
  type Objectives,
  problemsOf,
  type Scenario,
  type SoakDrill,
  type SoakOutcome,
  soakPlan,
  type SoakSummary,
  soakSummary,
} from "../../../dr/drill/mod.ts";
import { roleCommand } from "./role.ts";
import { type BreakCommands, SHELL } from "./user_commands.ts";

export interface SoakOptions {
  readonly scenarios: readonly Scenario[];
  readonly count: number;
  readonly seed: number;
  readonly atOnce: number;
  readonly objectivesOf: (scenario: Scenario) => Objectives;
  readonly isOnClusters: boolean;
  /** As of one drill. */
  readonly commands: BreakCommands | null;
  /** Of each drill. */
  readonly env: Readonly<Record<string, string>>;
  /** A line for each drill that is over. */
  readonly say: (line: string) => void;
}

const KEPT_LINES = 3;

/** What failed is counted, and the others go on; ends early with the signal. */
export async function runSoak(
  options: SoakOptions,
  signal: AbortSignal,
): Promise<SoakSummary> {
  const { atOnce, count, say, scenarios, seed } = options;
  const waiting = [...soakPlan(scenarios, count, seed)];
  const outcomes: SoakOutcome[] = [];
  const work = async () => {
    for (;;) {
      const drill = waiting.shift();
      if (drill === undefined || signal.aborted) return;
      const { outcome, said } = await outcomeOf(drill, options, signal);
      if (signal.aborted) return;
      outcomes.push(outcome);
      const where = isFailure(outcome) ? ` (${said})` : "";
      say(`${outcomes.length}/${count} ${lineOf(drill, outcome)}${where}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return soakSummary(seed, outcomes);
}

async function outcomeOf(
  drill: SoakDrill,
  options: SoakOptions,
  signal: AbortSignal,
): Promise<{ readonly outcome: SoakOutcome; readonly said: string }> {
  const { scenario, seed } = drill;
  const command = roleCommand(argumentsOf(drill, options), options.env, {
    stdout: "piped",
    signal, // by SIGTERM
  }, options.commands === null ? [] : [SHELL]);
  const process = command.spawn();
  const { stderr, stdout } = await process.output();
  await process.stdin.close().catch(() => {}); // it is broken
  const [line = ""] = linesOf(stdout).slice(-1);
  const lines = linesOf(stderr);
  const said = lines.at(-1) ?? "";
  if (line !== "") {
    const report = JSON.parse(line) as DrillReport;
    return { outcome: { kind: "judged", report }, said };
  }
  const message = lines.slice(-KEPT_LINES).join("; ");
  return {
    outcome: { kind: "failed", scenario: scenario.name, seed, message },
    said,
  };
}

const linesOf = (bytes: Uint8Array): string[] =>
  new TextDecoder().decode(bytes).trim().split("\n").filter((each) =>
    each !== ""
  );

function argumentsOf(
  { scenario, seed }: SoakDrill,
  { commands, isOnClusters, objectivesOf }: SoakOptions,
): readonly string[] {
  const { maxRpoMs, maxRtoMs } = objectivesOf(scenario);
  return [
    "drill",
    "--json",
    "--scenario",
    scenario.name,
    "--seed",
    String(seed),
    "--max-rto",
    `${maxRtoMs}ms`,
    "--max-rpo",
    `${maxRpoMs}ms`,
    ...isOnClusters ? ["--clusters"] : [],
    ...commands === null
      ? []
      : ["--break", commands.break, "--mend", commands.mend],
  ];
}

function lineOf({ scenario, seed }: SoakDrill, outcome: SoakOutcome): string {
  const name = `${scenario.name} --seed ${seed}`;
  if (outcome.kind === "failed") return `${name}: FAILED: ${outcome.message}`;
  const { report } = outcome;
  if (isFailure(outcome)) {
    return `${name}: NOT MET: ${problemsOf(report).join("; ")}`;
  }
  return `${name}: met, ${figures(report)}`;
}

const figures = (
  { firstRecordMs, outputs, rpoMs, switches, tail, tookMs }: DrillReport,
): string =>
  [
    ...firstRecordMs === null ? [] : [`RTO ${firstRecordMs} ms`],
    ...firstRecordMs === null ? [] : [`tail ${tail} of ${rpoMs} ms`],
    ...firstRecordMs !== null
      ? []
      : switches.map(({ inputsMs, outputsMs, to }) =>
        `to the ${to}: no input for ${inputsMs} ms, no output for ${outputsMs} ms`
      ),
    `${outputs} outputs`,
    `took ${tookMs} ms`,
  ].join(", ");
