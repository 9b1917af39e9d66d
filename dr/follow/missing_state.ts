/** Whether a cluster keeps a state at all, asked when following begins. */
import {
  Consumer,
  type ConsumerProperties,
  isTopicUnknown,
  KafkaError,
  type Library,
} from "../../src/kafka/mod.ts";
import { STATE_TOPIC } from "../formats/mod.ts";
import { pause } from "../waits.ts";

const ASK_MS = 1_000;
const RETRY_MS = 200;
const POLL_MS = 100;

/**
 * Asks until there is an answer, or the signal aborts. Whoever reads the topic is
 * not told that it is missing: librdkafka waits for it.
 * @param onMissing called once, when the cluster says that it has no such topic
 */
export async function askForState(
  library: Library,
  properties: ConsumerProperties,
  onMissing: () => void,
  signal: AbortSignal,
): Promise<void> {
  await using consumer = new Consumer(library, {
    "group.id": "switchyard-state", // never joined
    ...properties,
  });
  let isOver = false;
  const serving = (async () => {
    while (!isOver) {
      const event = await consumer.poll(POLL_MS);
      if (event?.kind !== "tokenRefresh") continue;
      consumer.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");
    }
  })();
  try {
    while (!signal.aborted) {
      const isThere = await isStateThere(consumer);
      if (isThere === false && !signal.aborted) onMissing();
      if (isThere !== null) return;
      await pause(RETRY_MS, signal);
    }
  } finally {
    isOver = true;
    await serving;
  }
}

/** Null: the cluster does not say. */
async function isStateThere(consumer: Consumer): Promise<boolean | null> {
  try {
    const { topics } = await consumer.metadata(STATE_TOPIC, ASK_MS);
    const error = topics[0]?.error;
    if (error === undefined) return null;
    if (error === null) return true;
    return isTopicUnknown(error.code) ? false : null;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return isTopicUnknown(error.code) ? false : null;
  }
}
