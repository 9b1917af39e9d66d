/** `status`: which cluster is in use, who thinks what of them, and what was. */
import { type ClusterSettings, type Settings } from "../config/mod.ts";
import { openClusters } from "../../dr/clusters.ts";
import { StateError, StateStore, Votes } from "../../dr/state/mod.ts";
import { KafkaError, PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { createLog } from "../telemetry/log.ts";
import { clientSettings } from "./client_properties.ts";
import { openNative } from "./open_native.ts";
import { renderStatus, type StatusReport } from "./status_text.ts";
import { loadTwoClusters } from "./two_clusters.ts";
import { complain, print } from "./output.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("status");
const HISTORY_LINES = "10";
const MOST_LINES = 10_000;
/** Of each question; a command may take longer than a sentinel. */
const REQUEST_MS = 6_000;

interface Options {
  readonly isJson: boolean;
  readonly lines: number;
}

/** Exit status: 0, 1 when nothing can be read, 2 wrong usage or settings. */
export async function status(args: readonly string[]): Promise<number> {
  const options = optionsOf(args);
  if (typeof options === "string") return complain(2, `${options}; ${USAGE}`);
  const clusters = loadTwoClusters("the state is of two clusters");
  if (typeof clusters === "string") return complain(2, clusters);
  const { brokers, loaded: { settings } } = clusters;
  let report: StatusReport;
  try {
    report = await readStatus(settings, brokers, options.lines);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    if (error instanceof NativeError) return complain(1, error.message);
    throw error;
  }
  const text = options.isJson
    ? JSON.stringify(report, null, 2)
    : renderStatus(report);
  print(text);
  return isAnythingRead(report) ? 0 : 1;
}

/** What is wrong with them is a text. */
function optionsOf(args: readonly string[]): Options | string {
  try {
    const { history, json } = wordsOf(args, {
      json: { type: "boolean", default: !Deno.stdout.isTerminal() },
      history: { type: "string", default: HISTORY_LINES },
    });
    const lines = /^\d+$/.test(history) ? Number(history) : 0;
    if (lines < 1 || lines > MOST_LINES) {
      return `--history takes a number from 1 to ${MOST_LINES}, not "${history}"`;
    }
    return { isJson: json, lines };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

async function readStatus(
  settings: Settings,
  brokers: Readonly<Record<"primary" | "secondary", string>>,
  lines: number,
): Promise<StatusReport> {
  const { signal } = new AbortController();
  await using stack = new AsyncDisposableStack();
  const library = await openNative(settings, signal);
  const clients = (of: ClusterSettings, servers: string) =>
    clientSettings({ ...settings, guarantee: "at-least-once" }, of, servers);
  const clusters = stack.use(openClusters({
    library,
    clusters: {
      primary: clients(settings.primary, brokers.primary),
      secondary: clients(settings.secondary, brokers.secondary),
    },
    // What cannot be read says so itself.
    log: createLog({ level: "error", write: () => {} }),
  }));
  const timings = {
    requestMs: REQUEST_MS,
    readMs: REQUEST_MS,
    forcedReadMs: REQUEST_MS,
    copyMs: REQUEST_MS,
  };
  const store = stack.use(new StateStore({ ...clusters, timings }));
  const votes = stack.use(
    new Votes({
      library,
      cluster: clusters.clusters.secondary,
      onClientEvent: clusters.onClientEvent,
      requestMs: REQUEST_MS,
      onUnreadable: () => {},
      onFailure: () => {},
    }),
  );
  const [copies, ballot, history] = await Promise.all([
    store.read(signal),
    orReason(votes.current(signal)),
    orReason(store.history(lines, signal)),
  ]);
  const nowMs = Date.now();
  const copyOf = (name: "primary" | "secondary") => {
    const copy = copies[name];
    return copy.kind === "failed"
      ? { error: copy.error.message }
      : { state: copy.newest };
  };
  return {
    atMs: nowMs,
    state: copies.newest,
    copies: { primary: copyOf("primary"), secondary: copyOf("secondary") },
    votes: "error" in ballot ? ballot : ballot.votes.map((vote) => ({
      ...vote,
      ageMs: Math.max(0, nowMs - vote.atMs),
    })),
    history: "error" in history ? history : history.changes,
  };
}

async function orReason<T extends object>(
  answer: Promise<T>,
): Promise<T | { readonly error: string }> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof StateError || error instanceof KafkaError) {
      return { error: error.message };
    }
    throw error;
  }
}

const isAnythingRead = ({ copies, history, votes }: StatusReport) =>
  [copies.primary, copies.secondary, history, votes]
    .some((each) => !("error" in each));
