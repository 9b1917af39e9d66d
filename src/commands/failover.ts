/** `failover`: makes the secondary cluster the active one. */
import { brokerIdsProblem } from "../../dr/broker_ids.ts";
import type { Settings } from "../config/mod.ts";
import {
  failOver,
  FailoverError,
  type FailOverOutcome,
  type OpenFailOver,
  openFailOver,
  stageOf,
  type StepReport,
} from "../../dr/failover/mod.ts";
import {
  openFailBack,
  openSwitchOver,
  switchOver,
} from "../../dr/failback/mod.ts";
import { recorded } from "../telemetry/span_recorder.ts";
import { cancelSwitch } from "./cancel_switch.ts";
import { askBrokerIds, type ClusterPair, refusePair } from "./cluster_pair.ts";
import { openSpans } from "./command_telemetry.ts";
import { denialProblem } from "./denied_principals.ts";
import { failOverOptions } from "./failover_parts.ts";
import { NO_TAIL_CHOSEN, switchOptions } from "./failback_parts.ts";
import { endText, planText, stepText } from "./failover_text.ts";
import { openNative } from "./open_native.ts";
import { complain, print, tell } from "./output.ts";
import { openLog } from "./role_log.ts";
import { switchCommand } from "./switch_command.ts";
import { loadTwoClusters } from "./two_clusters.ts";
import { unlessAlive } from "./unless_alive.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("failover");

/** For so long a forced failover waits for a primary that may hang. */
const URGENT_MS = 2_000;

type Brokers = Readonly<Record<"primary" | "secondary", string>>;

interface Options {
  readonly reason: string;
  /** From a primary that lives. */
  readonly isPlanned: boolean;
  /** Gives up what rests. */
  readonly cancels: boolean;
  readonly isForced: boolean;
  /** Principals to be kept from the primary. */
  readonly denied: readonly string[];
  readonly isDryRun: boolean;
  readonly isJson: boolean;
}

/** Exit status: 0 done, 1 refused, failed or stopped, 2 wrong usage or settings. */
export async function failover(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (typeof options === "string") return complain(2, `${options}; ${USAGE}`);
  const clusters = loadTwoClusters("a failover needs two clusters");
  if (typeof clusters === "string") return complain(2, clusters);
  const { brokers, loaded: { settings } } = clusters;
  if (options.isPlanned && settings.mirror.policy !== "identity") {
    return complain(
      2,
      "a planned switch needs MIRROR_POLICY=identity, as the way home does",
    );
  }
  const unfit = denialProblem(options.denied, settings);
  if (unfit !== null) return complain(2, `${unfit}; ${USAGE}`);
  const remedies = {
    cluster: `; ${adviceOf(options, brokers)}`,
    failover: "; then run it again, or give it up with --cancel",
  };
  return await switchCommand(
    options.isJson,
    remedies,
    (signal) => run(settings, brokers, options, signal),
  );
}

async function run(
  settings: Settings,
  brokers: Brokers,
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const { isDryRun, isForced, isJson, reason } = options;
  if (options.isPlanned) {
    return await plannedRun(settings, brokers, options, signal);
  }
  if (options.cancels) {
    return await cancelRun(settings, brokers, options, signal);
  }
  const steps: StepReport[] = [];
  const library = await openNative(settings, signal);
  const { log } = openLog(settings);
  await using parts = openFailOver({
    ...failOverOptions(settings, brokers, "secondary"),
    denied: options.denied,
    library,
    onStep: (report) => {
      steps.push(report);
      if (!isJson) print(stepText(report));
    },
    log,
  });
  const pair = { brokers, library, settings };
  if (isDryRun) return await plan(parts, pair, isJson, signal);
  // Else it goes on only from a primary that does not answer.
  if (isForced) {
    await refusePair({ ...pair, askMs: URGENT_MS }, ["same-cluster"], signal);
  }
  const beganMs = performance.now();
  const decided = isForced ? {} : await unlessAlive(parts, signal);
  const obstacle = await parts.fence?.obstacle(signal) ?? null;
  if (obstacle !== null) throw new FailoverError("refused", obstacle);
  await using telemetry = await openSpans(settings.instanceId, log);
  const outcome = await failOver(
    { ...parts, spans: telemetry.spans },
    { to: "secondary", reason, ...decided },
    signal,
  );
  const ms = Math.round(performance.now() - beganMs);
  if (isJson) print(JSON.stringify({ ...summary(outcome), ms, steps }));
  else print(endText(outcome, ms));
  return outcome.kind === "another" ? 1 : 0;
}

async function plannedRun(
  settings: Settings,
  brokers: Brokers,
  { denied, isJson, reason }: Options,
  signal: AbortSignal,
): Promise<number> {
  const steps: unknown[] = [];
  const { log } = openLog(settings);
  const library = await openNative(settings, signal);
  const pair = { brokers, library, settings };
  await refusePair(pair, ["same-cluster", "shared"], signal);
  const opening = switchOptions(settings, brokers, NO_TAIL_CHOSEN, {
    denied,
    library,
    onStep: (report) => {
      steps.push(report);
      if (!isJson) print(stepText(report));
    },
    onProgress: tell,
    log,
  });
  await using opened = openFailBack(opening);
  await using parts = openSwitchOver(opening, opened);
  const beganMs = performance.now();
  await using telemetry = await openSpans(settings.instanceId, log);
  const outcome = await recorded(
    telemetry.spans,
    { name: "planned switch", attributes: { "switchyard.reason": reason } },
    (spans) => switchOver({ ...parts, spans }, reason, signal),
  );
  const ms = Math.round(performance.now() - beganMs);
  if (isJson) print(JSON.stringify({ ...summary(outcome), ms, steps }));
  else print(endText(outcome, ms));
  return 0;
}

async function cancelRun(
  settings: Settings,
  brokers: Brokers,
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const opening = switchOptions(settings, brokers, NO_TAIL_CHOSEN, {
    library: await openNative(settings, signal),
    onStep: () => {},
    onProgress: tell,
    log: openLog(settings).log,
  });
  await using parts = openFailBack(opening);
  return await cancelSwitch(parts, "primary", options, signal);
}

async function plan(
  parts: OpenFailOver,
  pair: ClusterPair,
  isJson: boolean,
  signal: AbortSignal,
): Promise<number> {
  const newest = await parts.newest(signal);
  const [isPrimaryAlive, ids] = await Promise.all([
    parts.isLeftAlive(signal),
    askBrokerIds(pair, signal),
  ]);
  const isOne = ids.kind === "same-cluster";
  const stage = stageOf(newest, "secondary");
  const refusal = stage.kind === "refuse" ? stage.reason : null;
  const problem = isOne ? brokerIdsProblem(ids) : refusal;
  const report = {
    outcome: "dry-run",
    state: newest,
    stage: isOne ? "refuse" : stage.kind,
    isPrimaryAlive,
    problem,
    note: ids.kind === "shared" ? brokerIdsProblem(ids) : null,
    leasesMs: parts.leasesMs ?? 0,
  };
  print(isJson ? JSON.stringify(report) : planText(report));
  return problem === null ? 0 : 1;
}

const summary = (outcome: FailOverOutcome) =>
  outcome.kind === "promoted"
    ? {
      outcome: outcome.kind,
      state: outcome.state,
      done: outcome.outputs.done,
      tail: outcome.outputs.tail,
      problems: outcome.problems,
    }
    : { outcome: outcome.kind, state: outcome.state };

/** What is wrong with them is a text. */
function optionsOf(args: readonly string[]): Options | string {
  try {
    const values = wordsOf(args, {
      to: { type: "string", default: "secondary" },
      reason: { type: "string", default: "by hand" },
      planned: { type: "boolean", default: false },
      cancel: { type: "boolean", default: false },
      force: { type: "boolean", default: false },
      "deny-principal": { type: "string", multiple: true, default: [] },
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    });
    if (values.to !== "secondary") {
      return `--to takes secondary, not "${values.to}"`;
    }
    const { cancel: cancels, force, planned: isPlanned } = values;
    if ([cancels, force, isPlanned].filter(Boolean).length > 1) {
      return "--planned, --force and --cancel exclude each other";
    }
    if (values["dry-run"] && (cancels || isPlanned)) {
      return "--dry-run is of a failover that is not planned";
    }
    const { "deny-principal": denied } = values;
    if (denied.length > 0 && !isPlanned && !force) {
      return "--deny-principal goes with --planned or --force";
    }
    return {
      reason: values.reason,
      denied,
      isPlanned,
      cancels,
      isForced: values.force,
      isDryRun: values["dry-run"],
      isJson: values.json,
    };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

/** Where a cluster does not do what it is asked. */
function adviceOf(
  { cancels, isPlanned }: Options,
  { primary, secondary }: Brokers,
): string {
  const both = `the primary (${primary}) and the secondary (${secondary})`;
  if (cancels) return `see to ${both} and run it again`;
  const needed = isPlanned ? both : `the secondary (${secondary})`;
  return `see to ${needed} and run it again, it goes on where it was, or ` +
    "give it up with --cancel";
}
