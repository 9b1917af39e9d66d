/** The topic through which round trips go. */
import {
  type Admin,
  isTopicExisting,
  isTopicUnknown,
} from "../../src/kafka/mod.ts";
import { unlessAborted } from "../waits.ts";
import { outcomeOf, type ProbeOutcome } from "./probe.ts";

export { PROBE_TOPIC } from "../formats/mod.ts";

/** Its records are read within seconds, and never again. */
const CONFIG = {
  "cleanup.policy": "delete",
  "retention.ms": "600000",
  "segment.ms": "600000",
  "retention.bytes": "8388608",
  "segment.bytes": "2097152",
  // Where brokers stamp records or limit their age, ours must not be refused.
  "message.timestamp.type": "LogAppendTime",
};

export interface ProbeTopicOptions {
  readonly topic: string;
  /** Null: the broker's default. */
  readonly replicationFactor: number | null;
  readonly timeoutMs: number;
}

/**
 * Creates it where it is missing.
 * @returns null: it was there; else why there is no round trip now.
 * @throws {KafkaError} where the cluster does not answer.
 */
export async function ensureProbeTopic(
  admin: Admin,
  { replicationFactor, timeoutMs, topic }: ProbeTopicOptions,
  signal: AbortSignal,
): Promise<ProbeOutcome | null> {
  const { topics } = await unlessAborted(
    admin.metadata(topic, timeoutMs),
    signal,
  );
  const unknown = topics.find((each) => each.topic === topic)?.error ?? null;
  if (unknown === null) return null;
  if (!isTopicUnknown(unknown.code)) return outcomeOf(unknown);
  const options = { timeoutMs, signal };
  const [created] = await admin.topics.create([{
    topic,
    partitions: 1,
    replicationFactor: replicationFactor ?? undefined,
    config: CONFIG,
  }], options);
  const error = created?.error ?? null;
  if (error === null || isTopicExisting(error.code)) {
    return { kind: "inconclusive", why: `topic "${topic}" was just created` };
  }
  if (error.retriable) return outcomeOf(error);
  return {
    kind: "inconclusive",
    why: `${error.message}: create it, with one partition`,
  };
}
