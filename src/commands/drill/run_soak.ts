/** Many drills, each in a world of its own. */
import {
  DrillError,
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
import { KafkaError, ReadError } from "../../kafka/mod.ts";
import { drillIn } from "./drill_in.ts";
import type { RolesWorld } from "./roles_world.ts";

export interface SoakOptions {
  readonly scenarios: readonly Scenario[];
  readonly count: number;
  readonly seed: number;
  readonly atOnce: number;
  readonly objectivesOf: (scenario: Scenario) => Objectives;
  readonly open: () => Promise<RolesWorld>;
  /** A line for each drill that is over. */
  readonly say: (line: string) => void;
}

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
      const outcome = await outcomeOf(drill, options, signal);
      if (signal.aborted) return;
      outcomes.push(outcome);
      say(`${outcomes.length}/${count} ${lineOf(drill, outcome)}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return soakSummary(seed, outcomes);
}

async function outcomeOf(
  { scenario, seed }: SoakDrill,
  { objectivesOf, open, say }: SoakOptions,
  signal: AbortSignal,
): Promise<SoakOutcome> {
  const objectives = objectivesOf(scenario);
  try {
    await using world = await open();
    const report = await drillIn({
      scenario,
      seed,
      objectives,
      world,
      onNews: () => {},
      onKept: (path) => say(`${scenario.name} --seed ${seed}: see ${path}`),
    }, signal);
    return { kind: "judged", report };
  } catch (error) {
    const isExpected = signal.aborted || error instanceof DrillError ||
      error instanceof KafkaError || error instanceof ReadError;
    if (!isExpected) throw error;
    const { message } = error as Error;
    return { kind: "failed", scenario: scenario.name, seed, message };
  }
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
  { firstRecordMs, outputs, rpoMs, tail, tookMs }: DrillReport,
): string =>
  [
    ...firstRecordMs === null ? [] : [`RTO ${firstRecordMs} ms`],
    ...firstRecordMs === null ? [] : [`tail ${tail} of ${rpoMs} ms`],
    `${outputs} outputs`,
    `took ${tookMs} ms`,
  ].join(", ");
