/** Whether what came is what a scenario expects. Pure. */
import { rtoMsOf } from "./switches.ts";
import type { DrillReport, Objectives, Scenario } from "./types.ts";

export function isWithin(
  { expects }: Scenario,
  report: Pick<DrillReport, "firstRecordMs" | "rpoMs" | "switches">,
  { maxRpoMs, maxRtoMs }: Objectives,
): boolean {
  const isPlanned = expects.switches !== undefined;
  if (expects.active === "primary" && !isPlanned) return true;
  const rtoMs = isPlanned ? rtoMsOf(report) : report.firstRecordMs;
  return rtoMs !== null && rtoMs <= maxRtoMs && report.rpoMs <= maxRpoMs;
}

/**
 * @param begun how often the state said, after a fault, that one had begun
 * @returns what is wrong with them, a sentence each.
 */
export function wrongSwitches(
  { active, switches }: Scenario["expects"],
  begun: number,
  seen: Pick<DrillReport, "switches">,
): readonly string[] {
  if (switches === undefined) {
    return begun > 0 && active === "primary"
      ? ["a switch was begun, and none was called for"]
      : [];
  }
  const wanted = switches.join(", ");
  const came = seen.switches.map(({ to }) => to).join(", ");
  return came === wanted ? [] : [
    `the load has moved to: ${
      came || "nowhere"
    }; and should have to: ${wanted}`,
  ];
}
