/** `mirror`: copies the active cluster to the other one. */
import { ClusterPairError } from "../../dr/broker_ids.ts";
import { KafkaError, PropertyError } from "../kafka/mod.ts";
import { NativeError } from "../kafka/native/error.ts";
import { ListenError } from "../telemetry/http_server.ts";
import { runMirror } from "./run_mirror.ts";
import { loadTwoClusters } from "./two_clusters.ts";
import { complain } from "./output.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

const USAGE = usageOf("mirror");

/** Exit status: 0 clean, 1 failed, 2 wrong usage or settings. */
export async function mirror(args: readonly string[]): Promise<number> {
  let from: string;
  try {
    const values = wordsOf(args, {
      from: { type: "string", default: "primary" },
    });
    from = values.from;
  } catch (error) {
    const [problem] = (error as Error).message.split("\n");
    return complain(2, `${problem}; ${USAGE}`);
  }
  if (from !== "primary" && from !== "secondary") {
    return complain(2, `--from takes primary or secondary; ${USAGE}`);
  }
  const clusters = loadTwoClusters("a mirror needs two clusters");
  if (typeof clusters === "string") return complain(2, clusters);
  const { brokers, loaded } = clusters;
  try {
    return await runMirror(loaded.settings, brokers, from);
  } catch (error) {
    if (error instanceof PropertyError) return complain(2, error.message);
    if (error instanceof KafkaError) {
      return complain(
        1,
        `${error.message}; check PRIMARY_BROKERS, SECONDARY_BROKERS and the ` +
          "settings under primary.kafka and secondary.kafka",
      );
    }
    if (
      error instanceof ClusterPairError || error instanceof ListenError ||
      error instanceof NativeError
    ) {
      return complain(1, error.message);
    }
    throw error;
  }
}
