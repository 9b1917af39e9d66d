/** Many drills, one after the other, and what came of them. Pure. */
import { chance } from "./plan.ts";
import { rtoMsOf } from "./switches.ts";
import type { DrillReport, Scenario } from "./types.ts";

export interface SoakDrill {
  readonly scenario: Scenario;
  /** By which it can be repeated alone. */
  readonly seed: number;
}

/** How one of them ended. */
export type SoakOutcome =
  | { readonly kind: "judged"; readonly report: DrillReport }
  /** It did not come to its end. */
  | {
    readonly kind: "failed";
    readonly scenario: string;
    readonly seed: number;
    readonly message: string;
  };

export interface SoakRow {
  readonly scenario: string;
  readonly runs: number;
  readonly failures: number;
  /** As an objective says; null: nobody has moved. */
  readonly rtoMs: { readonly p50: number; readonly max: number } | null;
  /** The most; null: nobody has moved. */
  readonly rpoMs: number | null;
}

export interface SoakSummary {
  readonly seed: number;
  readonly runs: number;
  readonly failures: number;
  /** Records of all of them together. */
  readonly acknowledged: number;
  readonly outputs: number;
  readonly lost: number;
  readonly repeated: number;
  readonly reordered: number;
  readonly tail: number;
  readonly scenarios: readonly SoakRow[];
  /** To repeat what failed. */
  readonly failed: readonly {
    readonly scenario: string;
    readonly seed: number;
    readonly why: readonly string[];
  }[];
}

/** Each scenario comes as often as any other, in an order of chance. */
export function soakPlan(
  scenarios: readonly Scenario[],
  count: number,
  seed: number,
): readonly SoakDrill[] {
  const drills: SoakDrill[] = [];
  for (let round = 0; drills.length < count; round++) {
    const left = [...scenarios];
    while (left.length > 0 && drills.length < count) {
      const at = drills.length;
      const pick = Math.floor(chance(seed, 2 * at) * left.length);
      const [scenario] = left.splice(pick, 1);
      drills.push({
        scenario: scenario!,
        seed: Math.floor(chance(seed, 2 * at + 1) * 2 ** 32),
      });
    }
  }
  return drills;
}

export const isFailure = (outcome: SoakOutcome): boolean =>
  outcome.kind === "failed" || !outcome.report.met;

export function soakSummary(
  seed: number,
  outcomes: readonly SoakOutcome[],
): SoakSummary {
  const reports = outcomes.flatMap((each) =>
    each.kind === "judged" ? [each.report] : []
  );
  const sum = (of: (report: DrillReport) => number) =>
    reports.reduce((total, each) => total + of(each), 0);
  const failed = outcomes.filter(isFailure);
  return {
    seed,
    runs: outcomes.length,
    failures: failed.length,
    acknowledged: sum((each) => each.acknowledged),
    outputs: sum((each) => each.outputs),
    lost: sum((each) => each.lost),
    repeated: sum((each) => each.repeated),
    reordered: sum((each) => each.reordered),
    tail: sum((each) => each.tail),
    scenarios: Array.from(
      Map.groupBy(outcomes, nameOf),
      ([scenario, all]) => rowOf(scenario, all),
    ).sort((one, other) => one.scenario < other.scenario ? -1 : 1),
    failed: failed.map((each) => ({
      scenario: nameOf(each),
      seed: each.kind === "judged" ? each.report.seed : each.seed,
      why: each.kind === "judged" ? problemsOf(each.report) : [each.message],
    })),
  };
}

const nameOf = (outcome: SoakOutcome): string =>
  outcome.kind === "judged" ? outcome.report.scenario : outcome.scenario;

function rowOf(scenario: string, outcomes: readonly SoakOutcome[]): SoakRow {
  const moved = outcomes.flatMap((each) =>
    each.kind === "judged" && rtoMsOf(each.report) !== null ? [each.report] : []
  );
  const times = moved.map((report) => rtoMsOf(report)!)
    .sort((one, other) => one - other);
  return {
    scenario,
    runs: outcomes.length,
    failures: outcomes.filter(isFailure).length,
    rtoMs: times.length === 0 ? null : {
      p50: times[Math.floor((times.length - 1) / 2)]!,
      max: times.at(-1)!,
    },
    rpoMs: moved.length === 0
      ? null
      : Math.max(...moved.map(({ rpoMs }) => rpoMs)),
  };
}

/** Why a drill is not met, a sentence each. */
export function problemsOf(report: DrillReport): readonly string[] {
  const { met, objectives, rpoMs, violations } = report;
  if (met) return [];
  const rtoMs = rtoMsOf(report);
  const late = rtoMs !== null && rtoMs > objectives.maxRtoMs
    ? [`first output after ${rtoMs} ms, not ${objectives.maxRtoMs}`]
    : [];
  const old = rpoMs > objectives.maxRpoMs
    ? [`the oldest of the tail is ${rpoMs} ms old, not ${objectives.maxRpoMs}`]
    : [];
  return [...violations, ...late, ...old];
}

export function soakText(summary: SoakSummary): string {
  const { failed, scenarios } = summary;
  const seconds = (ms: number) => (ms / 1000).toFixed(2);
  const rows = [
    ["scenario", "runs", "failed", "RTO p50", "RTO max", "RPO max"],
    ...scenarios.map(({ failures, rpoMs, rtoMs, runs, scenario }) => [
      scenario,
      `${runs}`,
      `${failures}`,
      rtoMs === null ? "-" : `${seconds(rtoMs.p50)} s`,
      rtoMs === null ? "-" : `${seconds(rtoMs.max)} s`,
      rpoMs === null ? "-" : `${seconds(rpoMs)} s`,
    ]),
  ];
  const widths = rows[0]!.map((_, at) =>
    Math.max(...rows.map((row) => row[at]!.length))
  );
  const table = rows.map((row) =>
    row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at]!) : cell.padStart(widths[at]!)
    ).join("  ")
  );
  const { lost, outputs, reordered, repeated, tail } = summary;
  return [
    ...table,
    "",
    `${summary.runs} drills of seed ${summary.seed}, ${summary.failures} failed`,
    `${summary.acknowledged} inputs acknowledged, ${outputs} outputs: ` +
    `${lost} lost, ${repeated} repeated, ${reordered} out of order; ` +
    `${tail} inputs left in tails`,
    ...failed.flatMap(({ scenario, seed, why }) => [
      "",
      `failed: --scenario ${scenario} --seed ${seed}`,
      ...why.map((each) => `  ${each}`),
    ]),
  ].join("\n");
}
