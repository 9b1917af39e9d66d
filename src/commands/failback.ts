/** `failback`: brings a primary that has returned home. */
import {
  type ClusterSettings,
  delayTopicPrefix,
  loadProcessSettings,
  type Settings,
  SettingsError,
} from "../config/mod.ts";
import {
  failBack,
  FailbackError,
  type OpenFailBack,
  openFailBack,
  openSwitch,
  type OpenSwitchOptions,
  stageOf,
  type StepReport,
  switchBack,
} from "../../dr/failback/mod.ts";
import { FailoverError } from "../../dr/failover/mod.ts";
import { groupFilter, replicationPolicy } from "../../dr/formats/mod.ts";
import { FollowError } from "../../dr/offset_map/mod.ts";
import { StateError, StateTopicError } from "../../dr/state/mod.ts";
import { KafkaError, PropertyError, ReadError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { createLog, LogSink } from "../telemetry/log.ts";
import { clientSettings } from "./client_properties.ts";
import {
  type FailbackOptions,
  failbackOptions,
  USAGE,
} from "./failback_options.ts";
import { planText, stepText, topicReports } from "./failback_text.ts";
import { mirroredTopics } from "./run_mirror.ts";
import { openNative } from "./open_native.ts";
import { listenToSignals } from "./signals.ts";

/** The active cluster's own limits decide. */
const LARGEST_RECORD_BYTES = 100 * 2 ** 20;

/** Exit status: 0 done, 1 refused, failed or stopped, 2 wrong usage or settings. */
export async function failback(args: readonly string[]): Promise<number> {
  const options = failbackOptions(args);
  if (typeof options === "string") return complain(2, `${options}; ${USAGE}`);
  let settings: Settings;
  try {
    ({ settings } = loadProcessSettings());
  } catch (error) {
    if (error instanceof SettingsError) return complain(2, error.message);
    throw error;
  }
  const { mirror, primary, secondary } = settings;
  if (primary.brokers === null || secondary.brokers === null) {
    const missing = primary.brokers === null
      ? "PRIMARY_BROKERS"
      : "SECONDARY_BROKERS";
    return complain(2, `${missing} is not set: a failback needs two clusters`);
  }
  if (mirror.policy !== "identity") {
    return complain(2, "a failback needs MIRROR_POLICY=identity");
  }
  const stop = new AbortController();
  using _signals = listenToSignals({
    onStop: (signal) => stop.abort(new Error(`stopped by ${signal}`)),
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  });
  const brokers = { primary: primary.brokers, secondary: secondary.brokers };
  try {
    return await run(settings, brokers, options, stop.signal);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    const message = explained(error, stop.signal);
    if (message === null) throw error;
    if (options.isJson) print(JSON.stringify({ outcome: "failed", message }));
    return complain(1, message);
  }
}

async function run(
  settings: Settings,
  brokers: Readonly<Record<"primary" | "secondary", string>>,
  options: FailbackOptions,
  signal: AbortSignal,
): Promise<number> {
  const { isDryRun, isJson, reason } = options;
  const { mirror } = settings;
  const steps: StepReport[] = [];
  const library = await openNative(settings, signal);
  const clients = (of: ClusterSettings, servers: string) => {
    const exact = { ...settings, guarantee: "exactly-once" } as const;
    const { producer, ...others } = clientSettings(exact, of, servers);
    const large = { ...producer, "message.max.bytes": LARGEST_RECORD_BYTES };
    return { ...others, producer: large };
  };
  const opening: OpenSwitchOptions = {
    library,
    clusters: {
      primary: clients(settings.primary, brokers.primary),
      secondary: clients(settings.secondary, brokers.secondary),
    },
    rules: { isDerived: derivedTopics(settings), chosen: options.tailOf },
    isMirrored: mirroredTopics(settings, "primary"),
    isMirroredBack: topicsBack(settings),
    lanes: mirror.lanes,
    replicationFactor: mirror.replicationFactor,
    onStep: (report) => {
      steps.push(report);
      if (!isJson) print(stepText(report));
    },
    onProgress: (text) => tell(text),
    log: createLog({ level: settings.logLevel, write: new LogSink().write }),
    policyBack: replicationPolicy({
      kind: mirror.policy,
      sourceAlias: "secondary",
    }),
    isGroupMirrored: groupFilter(mirror.groups, mirror.excludeGroups),
    setsGroupOffsets: mirror.groupSync,
  };
  await using parts = openFailBack(opening);
  if (isDryRun) return await plan(parts, isJson, signal);
  let state = await failBack(parts, reason, signal);
  let outcome: keyof typeof ENDS = "nothing";
  if (state?.active === "secondary") {
    outcome = stageOf(state).kind === "switch" ? "switching" : "caught-up";
    if (options.switches) {
      await using switching = openSwitch(opening, parts);
      const { isForced } = options;
      state = await switchBack(switching, { isForced, reason }, signal);
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
    : { plan: [], problems: [], resting: [] };
  const report = {
    outcome: "dry-run",
    state,
    stage: stage.kind,
    problem: stage.kind === "refuse" ? stage.reason : null,
    tail: topicReports(tail),
    resting: tail.resting,
    problems: tail.problems,
  } as const;
  print(isJson ? JSON.stringify(report) : planText(report));
  return report.problem === null && tail.problems.length === 0 ? 0 : 1;
}

/** What pools write, and what mirrors write for each other. */
function derivedTopics(settings: Settings): (topic: string) => boolean {
  const { dlqTopic, inputTopic, outputTopic } = settings;
  const policy = policyOf(settings);
  return (topic) =>
    topic === outputTopic || topic === dlqTopic ||
    topic.startsWith(delayTopicPrefix(inputTopic)) ||
    policy.isHeartbeatsTopic(topic);
}

/** Those that have the same name on both; heartbeats have another. */
function topicsBack(settings: Settings): (topic: string) => boolean {
  const policy = policyOf(settings);
  const isMirrored = mirroredTopics(settings, "secondary");
  return (topic) => isMirrored(topic) && !policy.isHeartbeatsTopic(topic);
}

const policyOf = ({ mirror }: Settings) =>
  replicationPolicy({ kind: mirror.policy, sourceAlias: "primary" });

/** Null: it is a bug. */
function explained(error: unknown, signal: AbortSignal): string | null {
  if (signal.aborted) {
    return `${
      (signal.reason as Error).message
    }; run it again, it goes on there`;
  }
  const isSaid = error instanceof FailbackError ||
    error instanceof FailoverError || error instanceof NativeError;
  if (isSaid) return error.message;
  const isOfCluster = error instanceof StateError ||
    error instanceof StateTopicError || error instanceof KafkaError ||
    error instanceof ReadError || error instanceof FollowError;
  return isOfCluster
    ? `${error.message}; see that both clusters answer and run it again, it ` +
      "goes on where it was"
    : null;
}

function complain(status: number, message: string): number {
  tell(message);
  return status;
}

function tell(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(`${text}\n`));
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
