/** A report for people. Pure. */
import type { DrillReport, SwitchGap } from "./types.ts";

export function reportText(report: DrillReport): string {
  const { objectives, violations } = report;
  const lines = [
    `drill ${report.scenario} (${report.world}, seed ${report.seed}): ` +
    `${report.met ? "met" : "NOT MET"}, took ${seconds(report.tookMs)}`,
    "",
    `the ${report.active ?? "?"} is active`,
    ...moment("detected", report.detectMs),
    ...moment("failover begun", report.decideMs),
    ...moment("promoted", report.promoteMs),
    ...moment("first output", report.firstRecordMs, objectives.maxRtoMs),
    ...report.switches.map(gapText),
    "",
    `${report.sent} inputs sent, ${report.acknowledged} acknowledged, ` +
    `${report.outputs} outputs`,
    `${report.lost} lost, ${report.repeated} repeated, ` +
    `${report.reordered} out of order`,
    `${report.tail} acknowledged and not mirrored` +
    (report.tail === 0 ? "" : `, the oldest ${seconds(report.rpoMs)} before ` +
      `the fault (at most ${seconds(objectives.maxRpoMs)})`),
  ];
  if (violations.length > 0) {
    lines.push("", ...violations.map((each) => `violation: ${each}`));
  }
  if (report.limits.length > 0) {
    lines.push("", ...report.limits.map((each) => `note: ${each}`));
  }
  return lines.join("\n");
}

const NAME_WIDTH = 16;

function moment(name: string, ms: number | null, mostMs?: number): string[] {
  if (ms === null) return [];
  const limit = mostMs === undefined ? "" : ` (at most ${seconds(mostMs)})`;
  return [`  ${name.padEnd(NAME_WIDTH)}${seconds(ms)} after the fault${limit}`];
}

const gapText = ({ inputsMs, outputsMs, to }: SwitchGap): string =>
  `  ${`to the ${to}`.padEnd(NAME_WIDTH + 2)}no input for ` +
  seconds(inputsMs) +
  (outputsMs === null ? "" : `, no output for ${seconds(outputsMs)}`);

const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
