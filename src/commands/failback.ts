/** `failback`: brings a primary that has returned home. */
import type { Settings } from "../config/mod.ts";
import {
  failBack,
  type OpenFailBack,
  openFailBack,
  openSwitch,
  stageOf,
  type StepReport,
  switchBack,
} from "../../dr/failback/mod.ts";
import { recorded } from "../telemetry/span_recorder.ts";
import {
  type FailbackOptions,
  failbackOptions,
  USAGE,
} from "./failback_options.ts";
import { switchOptions } from "./failback_parts.ts";
import { cancelSwitch } from "./cancel_switch.ts";
import { openSpans } from "./command_telemetry.ts";
import { denialProblem } from "./denied_principals.ts";
import { planText, stepText, topicReports } from "./failback_text.ts";
import { openNative } from "./open_native.ts";
import { complain, print, tell } from "./output.ts";
import { openLog } from "./role_log.ts";
import { switchCommand } from "./switch_command.ts";
import { loadTwoClusters } from "./two_clusters.ts";

/** Exit status: 0 done, 1 refused, failed or stopped, 2 wrong usage or settings. */
export async function failback(args: readonly string[]): Promise<number> {
  const options = failbackOptions(args);
  if (typeof options === "string") return complain(2, `${options}; ${USAGE}`);
  const clusters = loadTwoClusters("a failback needs two clusters");
  if (typeof clusters === "string") return complain(2, clusters);
  const { brokers, loaded: { settings } } = clusters;
  if (settings.mirror.policy !== "identity") {
    return complain(2, "a failback needs MIRROR_POLICY=identity");
  }
  const unfit = denialProblem(options.denied, settings);
  if (unfit !== null) return complain(2, `${unfit}; ${USAGE}`);
  const remedies = {
    cluster: `; ${adviceOf(options, brokers)} and run it again, it goes on ` +
      "where it was",
    failover: "",
  };
  return await switchCommand(
    options.isJson,
    remedies,
    (signal) => run(settings, brokers, options, signal),
  );
}

async function run(
  settings: Settings,
  brokers: Readonly<Record<"primary" | "secondary", string>>,
  options: FailbackOptions,
  signal: AbortSignal,
): Promise<number> {
  const { isDryRun, isJson, reason } = options;
  const steps: StepReport[] = [];
  const { log } = openLog(settings);
  const opening = switchOptions(settings, brokers, options, {
    denied: options.denied,
    library: await openNative(settings, signal),
    onStep: (report) => {
      steps.push(report);
      if (!isJson) print(stepText(report));
    },
    onProgress: (text) => tell(text),
    log,
  });
  await using parts = openFailBack(opening);
  if (isDryRun) return await plan(parts, isJson, signal);
  // Needs the secondary alone.
  if (options.cancels) {
    return await cancelSwitch(parts, "secondary", { reason, isJson }, signal);
  }
  await using telemetry = await openSpans(settings.instanceId, log);
  const attributes = { "switchyard.reason": reason };
  let state = await recorded(
    telemetry.spans,
    { name: "failback", attributes },
    (spans) => failBack({ ...parts, spans }, reason, signal),
  );
  let outcome: keyof typeof ENDS = "nothing";
  if (state?.active === "secondary") {
    outcome = stageOf(state).kind === "switch" ? "switching" : "caught-up";
    if (options.switches) {
      const switching = openSwitch(opening, parts);
      const { isForced } = options;
      state = await recorded(
        telemetry.spans,
        { name: "failback switch", attributes },
        (spans) =>
          switchBack({ ...switching, spans }, { isForced, reason }, signal),
      );
      outcome = "home";
    }
  }
  print(isJson ? JSON.stringify({ outcome, state, steps }) : ENDS[outcome]);
  return 0;
}

const ENDS = {
  nothing: "nothing to do",
  "caught-up":
    "the primary has all that the secondary has; --switch makes it " +
    "the active cluster",
  switching: "a switch to the primary was broken off; --switch goes on",
  home: "done",
} as const;

async function plan(
  parts: OpenFailBack,
  isJson: boolean,
  signal: AbortSignal,
): Promise<number> {
  const state = await parts.newest(signal);
  const stage = stageOf(state);
  const tail = stage.kind === "recover"
    ? await parts.tail(signal)
    : { plan: [], problems: [], notes: [], resting: [] };
  const report = {
    outcome: "dry-run",
    state,
    stage: stage.kind,
    problem: stage.kind === "refuse" ? stage.reason : null,
    tail: topicReports(tail),
    resting: tail.resting,
    problems: tail.problems,
    notes: tail.notes,
  } as const;
  print(isJson ? JSON.stringify(report) : planText(report));
  return report.problem === null && tail.problems.length === 0 ? 0 : 1;
}

/** Where a cluster does not do what it is asked. */
const adviceOf = (
  { cancels }: FailbackOptions,
  { primary, secondary }: Readonly<Record<"primary" | "secondary", string>>,
): string =>
  cancels
    ? `see to the secondary (${secondary})`
    : `see that the primary (${primary}) and the secondary (${secondary}) answer`;
