/** `sentinel`: watches both clusters, votes, fails over, serves the gateway. */
import { ClusterPairError } from "../../dr/broker_ids.ts";
import { KafkaError, PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { ListenError } from "../telemetry/http_server.ts";
import { runSentinel } from "./run_sentinel.ts";
import { SentinelFailOver } from "./sentinel_fail_over.ts";
import { loadTwoClusters } from "./two_clusters.ts";
import { complain } from "./output.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("sentinel");

/** Exit status: 0 clean, 1 failed, 2 wrong usage or settings. */
export async function sentinel(args: readonly string[]): Promise<number> {
  try {
    wordsOf(args, {});
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${USAGE}`);
  }
  const clusters = loadTwoClusters("a sentinel needs two clusters");
  if (typeof clusters === "string") return complain(2, clusters);
  const { brokers, loaded } = clusters;
  try {
    return await runSentinel(
      loaded,
      brokers.primary,
      brokers.secondary,
      (parts) => new SentinelFailOver(parts),
    );
  } catch (error) {
    // A gateway that would lead to itself is a matter of settings, too.
    if (error instanceof PropertyError || error instanceof RangeError) {
      return complain(2, error.message);
    }
    if (
      error instanceof ClusterPairError || error instanceof ListenError ||
      error instanceof NativeError || error instanceof KafkaError
    ) return complain(1, error.message);
    throw error;
  }
}
