/** Topics of our own: they are made where they are missing. */
import {
  type Admin,
  isTopicExisting,
  type NewTopic,
} from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "./requests.ts";

export interface MissingTopics {
  /** Of the cluster that is to have them. */
  readonly admin: Admin;
  readonly topics: readonly NewTopic[];
  readonly timeoutMs: number;
}

/**
 * Creates what is missing. What is there stays as it is, and needs no right to
 * create. Not every broker knows at once of what was created.
 * @throws {KafkaError} when one cannot be created.
 */
export async function createMissing(
  { admin, timeoutMs, topics }: MissingTopics,
  signal: AbortSignal,
): Promise<void> {
  const ask = <T>(question: () => Promise<T>) =>
    askRepeatedly(question, timeoutMs, signal);
  const counts = await ask(() => admin.partitionCounts(ATTEMPT_MS));
  const missing = topics.filter(({ topic }) => !counts.has(topic));
  const options = { timeoutMs: ATTEMPT_MS, signal };
  await ask(async () => {
    for (const { error } of await admin.topics.create(missing, options)) {
      if (error !== null && !isTopicExisting(error.code)) throw error;
    }
  });
}

export interface CompactedTopics {
  readonly admin: Admin;
  readonly topics: readonly string[];
  /** Null: the broker's default. */
  readonly replicationFactor: number | null;
  readonly timeoutMs: number;
}

/** `createMissing` of topics with one partition that are compacted. */
export function ensureCompacted(
  { replicationFactor, topics, ...parts }: CompactedTopics,
  signal: AbortSignal,
): Promise<void> {
  const wanted = topics.map((topic) => ({
    topic,
    partitions: 1,
    replicationFactor: replicationFactor ?? undefined,
    config: { "cleanup.policy": "compact" },
  }));
  return createMissing({ ...parts, topics: wanted }, signal);
}

/** `work`, once `ensure` has succeeded; both are repeated by the caller. */
export function after(
  ensure: (signal: AbortSignal) => Promise<void>,
  work: (signal: AbortSignal) => Promise<void>,
): (signal: AbortSignal) => Promise<void> {
  let isEnsured = false;
  return async (signal) => {
    if (!isEnsured) await ensure(signal);
    isEnsured = true;
    await work(signal);
  };
}
