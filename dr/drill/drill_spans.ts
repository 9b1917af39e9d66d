/** A drill as a trace, made of its report when it is over. */
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import type { DrillReport, Moments } from "./types.ts";

export interface DrillTimes {
  /** All in ms since the epoch. */
  readonly beganMs: number;
  readonly endedMs: number;
  /** Of the first fault; null: there was none. */
  readonly faultMs: number | null;
}

/** What ends at each moment; one begins where the one before has ended. */
const PHASES: readonly (readonly [keyof Moments, string])[] = [
  ["detectMs", "drill detect"],
  ["decideMs", "drill decide"],
  ["promoteMs", "drill promote"],
  ["firstRecordMs", "drill first record"],
];

export function drillSpans(
  spans: SpanRecorder,
  report: DrillReport,
  { beganMs, endedMs, faultMs }: DrillTimes,
): void {
  const { lost, met, reordered, repeated, scenario, seed, violations, world } =
    report;
  const within = spans.ended({
    name: `drill ${scenario}`,
    startMs: beganMs,
    endMs: endedMs,
    attributes: {
      "switchyard.drill.scenario": scenario,
      "switchyard.drill.world": world,
      "switchyard.drill.seed": seed,
      "switchyard.drill.met": met,
      "switchyard.drill.lost": lost,
      "switchyard.drill.repeated": repeated,
      "switchyard.drill.reordered": reordered,
    },
    error: met ? null : violations.join("; ") || "the objectives were not met",
  });
  if (within === null || faultMs === null) return;
  within.ended({ name: "drill prepare", startMs: beganMs, endMs: faultMs });
  let startMs = faultMs;
  for (const [moment, name] of PHASES) {
    const sinceMs = report[moment];
    if (sinceMs === null) continue;
    // The state may tell of a failover before health tells of the fault.
    const endMs = Math.max(startMs, faultMs + sinceMs);
    within.ended({ name, startMs, endMs });
    startMs = endMs;
  }
  within.ended({ name: "drill judge", startMs, endMs: endedMs });
}
