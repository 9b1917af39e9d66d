/** A run's result for people. */
import type { MirrorChaosResult } from "./mirror_chaos.ts";
import { anomalyText, formatReport } from "./report.ts";

export function resultText(result: MirrorChaosResult): string {
  const { injected, notPossible, load, cuts, violations } = result;
  return [
    `seed ${result.seed}, ${result.seconds} s`,
    "",
    "faults injected and healed:",
    ...Object.entries(injected).sort()
      .map(([name, count]) => `  ${String(count).padStart(3)} ${name}`),
    ...notPossible.map((each) => `  not possible here: ${each}`),
    "",
    `load: ${load.sent} sent, ${load.acknowledged} acknowledged, ` +
    `${load.unknown} of unknown end; transactions: ${load.committed} ` +
    `committed, ${load.aborted} aborted, ${load.failed} of unknown end`,
    `drained ${result.drainedAfterMs} ms after the end of the load`,
    ...(cuts === null ? [] : [
      `cuts: the world stood still ${cuts.moments} times; positions had moved ` +
      `${cuts.moved} times; ${cuts.verified} inputs verified`,
      ...cuts.anomalies.flatMap(anomalyText),
    ]),
    ...result.unaskedEnds.map(({ what }) => `ended: ${what}`),
    "",
    formatReport(result.report),
    "",
    violations.length === 0 ? "passed" : `FAILED: ${violations.join("; ")}`,
  ].join("\n");
}
