/** Which topics of some names there are now. */
import { type Admin, isTopicUnknown } from "../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "./cut/requests.ts";

export interface TopicNow {
  readonly topic: string;
  readonly topicId: string;
  readonly partitions: number;
}

export type TopicsAdmin = {
  readonly topics: Pick<Admin["topics"], "summarize">;
};

const REQUEST_MS = 30_000;

/**
 * By topic; those that are not there are left out.
 * @throws {KafkaError} where the cluster does not say; the signal's reason.
 */
export async function topicsNow(
  admin: TopicsAdmin,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, TopicNow>> {
  if (topics.length === 0) return new Map();
  const answers = await askRepeatedly(
    () => admin.topics.summarize(topics, { timeoutMs: ATTEMPT_MS, signal }),
    REQUEST_MS,
    signal,
  );
  const found = new Map<string, TopicNow>();
  for (const { error, partitions, topic, topicId } of answers) {
    if (error === null) found.set(topic, { topic, topicId, partitions });
    else if (!isTopicUnknown(error.code)) throw error;
  }
  return found;
}

/** Their ids alone. @throws as `topicsNow`. */
export async function topicIdsNow(
  admin: TopicsAdmin,
  topics: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = await topicsNow(admin, topics, signal);
  return new Map(Array.from(found, ([topic, { topicId }]) => [topic, topicId]));
}
