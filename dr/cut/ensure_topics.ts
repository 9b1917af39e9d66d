/** Topics of the mirror's own. */
import { type Admin, isTopicExisting } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "./requests.ts";

export interface CompactedTopics {
  /** Of the cluster that is to have them. */
  readonly admin: Admin;
  readonly topics: readonly string[];
  /** Null: the broker's default. */
  readonly replicationFactor: number | null;
  readonly timeoutMs: number;
}

/**
 * Creates what is missing, with one partition and compacted; what is there stays
 * as it is.
 * @throws {KafkaError} when one cannot be created.
 */
export async function ensureCompacted(
  { admin, replicationFactor, timeoutMs, topics }: CompactedTopics,
  signal: AbortSignal,
): Promise<void> {
  const counts = await askRepeatedly(
    () => admin.partitionCounts(ATTEMPT_MS),
    timeoutMs,
    signal,
  );
  const missing = topics.filter((topic) => !counts.has(topic));
  const answers = await askRepeatedly(
    () =>
      admin.topics.create(
        missing.map((topic) => ({
          topic,
          partitions: 1,
          replicationFactor: replicationFactor ?? undefined,
          config: { "cleanup.policy": "compact" },
        })),
        { timeoutMs: ATTEMPT_MS, signal },
      ),
    timeoutMs,
    signal,
  );
  for (const { error } of answers) {
    if (error !== null && !isTopicExisting(error.code)) throw error;
  }
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
