/** A run's result for people, and the words of `--help`. */
import { formatReport } from "../checker/mod.ts";
import type { ChaosResult, StallSummary } from "./chaos.ts";

export function resultText(result: ChaosResult): string {
  const { injected, notPossible, load, memory, violations } = result;
  const lines = [
    `seed ${result.seed}, ${result.guarantee}, ${result.seconds} s`,
    "",
    "faults injected and healed:",
    ...Object.entries(injected).sort()
      .map(([name, count]) => `  ${String(count).padStart(3)} ${name}`),
    ...notPossible.map((each) => `  not possible here: ${each}`),
    "",
    `load: ${load.sent} sent, ${load.acknowledged} acknowledged, ` +
    `${load.unknown} of unknown end${
      load.reason === undefined ? "" : ` (first: ${load.reason})`
    }`,
    `longest stall while healthy: ${
      stallText(result.longestStallWhileHealthy)
    }`,
    `longest stall after the last heal: ${
      stallText(result.longestStallAfterHeal)
    }`,
    ...Object.entries(memory).map(([id, each]) =>
      `${id}: peak ${each.peakMib} MiB, ${
        each.slopeMibAMinute === null
          ? "no process lived long enough for a slope"
          : `slope ${each.slopeMibAMinute.toFixed(2)} MiB/min over ` +
            `${each.watchedSeconds} s`
      }`
    ),
    ...result.unaskedEnds.map(({ what }) => `ended: ${what}`),
    "",
    formatReport(result.report),
    "",
    violations.length === 0 ? "passed" : `FAILED: ${violations.join("; ")}`,
  ];
  return lines.join("\n");
}

function stallText(stall: StallSummary | null): string {
  return stall === null
    ? "none"
    : `${Math.round(stall.stalledMs)} ms (partition ${stall.partition})`;
}
