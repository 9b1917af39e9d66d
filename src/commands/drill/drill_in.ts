/** One drill in a world of ours, which tells afterwards what was said in it. */
import {
  type DrillReport,
  type Objectives,
  runDrill,
  type Scenario,
} from "../../../dr/drill/mod.ts";
import { createLog, type LogLine } from "../../telemetry/log.ts";
import type { SpanRecorder } from "../../telemetry/span_recorder.ts";
import type { RolesWorld } from "./roles_world.ts";

export interface DrillInOptions {
  readonly scenario: Scenario;
  readonly seed: number;
  readonly objectives: Objectives;
  readonly world: RolesWorld;
  /** What happens, a line each. */
  readonly onNews: (line: string) => void;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
  /** Where it is told why it has failed. */
  readonly onKept: (path: string) => void;
}

/** As `runDrill`; where it fails, the folder of the world is kept. */
export async function drillIn(
  { objectives, onKept, onNews, scenario, seed, spans = null, world }:
    DrillInOptions,
  signal: AbortSignal,
): Promise<DrillReport> {
  const { folder } = world;
  // One that stands still would not see that the drill is gone.
  const end = () => world.killRoles();
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const keep = () => {
    folder.keep();
    onKept(folder.path);
  };
  const log = createLog({
    level: "info",
    write: (line) => {
      onNews(newsText(line));
      folder.add("drill.log", `${line.time} ${newsText(line)}`);
    },
  });
  try {
    const report = await runDrill(scenario, {
      seed,
      objectives,
      world,
      log,
      spans,
      onEvidence: (evidence) =>
        folder.add("evidence.json", JSON.stringify(evidence)),
    }, signal);
    folder.add("report.json", JSON.stringify(report));
    if (!report.met) keep();
    return report;
  } catch (error) {
    if (!signal.aborted) keep();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
  }
}

export const newsText = ({ fields, message }: LogLine): string =>
  [message, ...Object.values(fields)].join(" ");
