/** `failover`: makes the secondary cluster the active one. */
import { parseArgs } from "node:util";
import { type ClusterSettings, type Settings } from "../config/mod.ts";
import {
  failOver,
  FailoverError,
  type FailOverOutcome,
  type OpenFailOver,
  openFailOver,
  stageOf,
  type StepReport,
} from "../../dr/failover/mod.ts";
import { replicationPolicy } from "../../dr/formats/mod.ts";
import { StateError, StateTopicError } from "../../dr/state/mod.ts";
import { KafkaError, PropertyError, ReadError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { createLog, LogSink } from "../telemetry/log.ts";
import { clientSettings } from "./client_properties.ts";
import { planText, stepText } from "./failover_text.ts";
import { leaseTimes } from "./lease_times.ts";
import { openNative } from "./open_native.ts";
import { listenToSignals } from "./signals.ts";
import { loadTwoClusters } from "./two_clusters.ts";

const USAGE = "usage: failover [--to secondary] [--reason TEXT] [--force] " +
  "[--dry-run] [--json]";
/** Whoever asks without force waits so long to hear that the primary lives. */
const ALIVE_MS = 2_000;

interface Options {
  readonly reason: string;
  readonly isForced: boolean;
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
  const stop = new AbortController();
  using _signals = listenToSignals({
    onStop: (signal) => stop.abort(new Error(`stopped by ${signal}`)),
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  });
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
  options: Options,
  signal: AbortSignal,
): Promise<number> {
  const { isDryRun, isForced, isJson, reason } = options;
  const steps: StepReport[] = [];
  const library = await openNative(settings, signal);
  const clients = (of: ClusterSettings, servers: string) =>
    clientSettings({ ...settings, guarantee: "exactly-once" }, of, servers);
  await using parts = openFailOver({
    library,
    clusters: {
      primary: clients(settings.primary, brokers.primary),
      secondary: clients(settings.secondary, brokers.secondary),
    },
    to: "secondary",
    policy: replicationPolicy({
      kind: settings.mirror.policy,
      sourceAlias: "primary",
    }),
    replicationFactor: settings.mirror.replicationFactor,
    leases: leaseTimes(settings, settings.primary),
    onStep: (report) => {
      steps.push(report);
      if (!isJson) print(stepText(report));
    },
    log: createLog({
      level: settings.logLevel,
      write: new LogSink().write,
    }),
  });
  if (isDryRun) return await plan(parts, isJson, signal);
  const beganMs = performance.now();
  if (!isForced && await parts.isLeftAlive(ALIVE_MS, signal)) {
    throw new FailoverError(
      "refused",
      "the primary answers, so this was not begun. Records that are written " +
        "there from now on would stay there. If it is to be given up all the " +
        "same, stop its producers and pools, and run this again with --force",
    );
  }
  const outcome = await failOver(parts, { to: "secondary", reason }, signal);
  const ms = Math.round(performance.now() - beganMs);
  if (isJson) print(JSON.stringify({ ...summary(outcome), ms, steps }));
  else {print(
      `${outcome.kind === "promoted" ? "done" : "nothing to do"} ` +
        `after ${(ms / 1000).toFixed(2)} s`,
    );}
  return 0;
}

async function plan(
  parts: OpenFailOver,
  isJson: boolean,
  signal: AbortSignal,
): Promise<number> {
  const newest = await parts.newest(signal);
  const stage = stageOf(newest, "secondary");
  const problem = stage.kind === "refuse" ? stage.reason : null;
  const report = {
    outcome: "dry-run",
    state: newest,
    stage: stage.kind,
    isPrimaryAlive: await parts.isLeftAlive(ALIVE_MS, signal),
    problem,
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
    }
    : { outcome: outcome.kind, state: outcome.state };

/** What is wrong with them is a text. */
function optionsOf(args: readonly string[]): Options | string {
  try {
    const { values } = parseArgs({
      args: args[0] === "--" ? args.slice(1) : [...args],
      options: {
        to: { type: "string", default: "secondary" },
        reason: { type: "string", default: "by hand" },
        force: { type: "boolean", default: false },
        "dry-run": { type: "boolean", default: false },
        json: { type: "boolean", default: false },
      },
    });
    if (values.to !== "secondary") {
      return `--to takes secondary, not "${values.to}"`;
    }
    return {
      reason: values.reason,
      isForced: values.force,
      isDryRun: values["dry-run"],
      isJson: values.json,
    };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

/** Null: it is a bug. */
function explained(error: unknown, signal: AbortSignal): string | null {
  if (signal.aborted) {
    return `${
      (signal.reason as Error).message
    }; run it again, it goes on there`;
  }
  if (error instanceof FailoverError || error instanceof NativeError) {
    return error.message;
  }
  const isOfCluster = error instanceof StateError ||
    error instanceof StateTopicError || error instanceof KafkaError ||
    error instanceof ReadError;
  return isOfCluster
    ? `${error.message}; see to the secondary and run it again, it goes on ` +
      "where it was"
    : null;
}

function complain(status: number, message: string): number {
  Deno.stderr.writeSync(new TextEncoder().encode(`${message}\n`));
  return status;
}

function print(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
