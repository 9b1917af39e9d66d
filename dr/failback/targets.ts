/** Makes what a replay needs on the active cluster. */
import { type Admin, isTopicExisting } from "../../src/kafka/mod.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import { pause } from "../waits.ts";
import type { TopicPlan } from "./tail_plan.ts";

const LOOK_MS = 50;

/**
 * Copies keep their partition's number, so there must be as many partitions.
 * Topics that are missing get the cluster's defaults.
 * @param replicationFactor of those; no more than there are brokers
 * @throws {KafkaError} where the cluster refuses; the signal's reason.
 */
export async function ensureTargets(
  admin: Admin,
  plan: readonly TopicPlan[],
  replicationFactor: number,
  signal: AbortSignal,
): Promise<void> {
  const wanted = plan.flatMap(({ partitions, target }) =>
    target === null ? [] : [{
      topic: target,
      partitions: Math.max(...partitions.map(({ partition }) => partition)) + 1,
    }]
  );
  const counts = await partitionCounts(admin, signal);
  const options = { timeoutMs: REQUEST_MS, signal };
  const missing = wanted.filter(({ topic }) => !counts.has(topic));
  const smaller = wanted.filter(({ partitions, topic }) =>
    (counts.get(topic) ?? partitions) < partitions
  );
  const created = missing.length === 0 ? [] : await admin.topics.create(
    missing.map((each) => ({
      ...each,
      replicationFactor,
    })),
    options,
  );
  const grown = smaller.length === 0
    ? []
    : await admin.topics.grow(smaller, options);
  for (const { error } of [...created, ...grown]) {
    if (error !== null && !isTopicExisting(error.code)) throw error;
  }
  // Brokers may be slow to show what was made.
  const isThere = async () => {
    const now = await partitionCounts(admin, signal);
    return wanted.every(({ partitions, topic }) =>
      (now.get(topic) ?? 0) >= partitions
    );
  };
  while (!await isThere()) {
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}
