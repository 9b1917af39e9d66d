/** How the commands that switch clusters end. */
import { ClusterPairError } from "../../dr/broker_ids.ts";
import { FailbackError } from "../../dr/failback/mod.ts";
import { FailoverError } from "../../dr/failover/mod.ts";
import { FollowError } from "../../dr/offset_map/mod.ts";
import {
  OvertakenError,
  StateError,
  StateTopicError,
} from "../../dr/state/mod.ts";
import { KafkaError, PropertyError, ReadError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { complain, print } from "./output.ts";
import { listenToSignals } from "./signals.ts";

/** What is to be done, behind what went wrong, as a user reads it. */
export interface Remedies {
  /** Where a cluster refuses, or does not answer. */
  readonly cluster: string;
  /** Where a failover has failed; "": that says it itself. */
  readonly failover: string;
}

/**
 * @param work aborted by SIGINT and SIGTERM
 * @returns the exit status: what `work` returns, 1 where it failed or was stopped,
 * 2 for wrong settings.
 */
export async function switchCommand(
  isJson: boolean,
  remedies: Remedies,
  work: (signal: AbortSignal) => Promise<number>,
): Promise<number> {
  const stop = new AbortController();
  using _signals = listenToSignals({
    onStop: (signal) => stop.abort(new Error(`stopped by ${signal}`)),
    onStopNow: () => Deno.exit(1),
    onReload: () => {},
  });
  try {
    return await work(stop.signal);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    const message = explained(error, remedies, stop.signal);
    if (message === null) throw error;
    if (isJson) print(JSON.stringify({ outcome: "failed", message }));
    return complain(1, message);
  }
}

/** Null: it is a bug. */
function explained(
  error: unknown,
  { cluster, failover }: Remedies,
  signal: AbortSignal,
): string | null {
  if (error instanceof FailoverError && error.kind === "failed") {
    return error.message + failover;
  }
  const isSaid = error instanceof FailoverError ||
    error instanceof FailbackError || error instanceof OvertakenError ||
    error instanceof ClusterPairError || error instanceof NativeError;
  if (isSaid) return error.message;
  if (signal.aborted) {
    const { message } = signal.reason as Error;
    return `${message}; run it again, it goes on there`;
  }
  const isOfCluster = error instanceof StateError ||
    error instanceof StateTopicError || error instanceof KafkaError ||
    error instanceof ReadError || error instanceof FollowError;
  return isOfCluster ? error.message + cluster : null;
}
