/** Makes what a replay needs on the active cluster. */
import { type Admin, isTopicExisting } from "../../src/kafka/mod.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import type { ReplayWork } from "./replay.ts";
import type { TopicPlan } from "./tail_plan.ts";
import { untilNothingMissing } from "./until_nothing_missing.ts";
import type { TopicNow } from "../topics_now.ts";

/**
 * Copies keep their partition's number, so there must be as many partitions.
 * Topics that are missing get the cluster's defaults.
 * @param replicationFactor of those; no more than there are brokers
 * @throws {KafkaError} where the cluster refuses; the signal's reason.
 * @throws {FailbackError} where it does not show them for 10 s.
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
  await untilNothingMissing(REQUEST_MS, async () => {
    const now = await partitionCounts(admin, signal);
    const lacking = wanted.filter(({ partitions, topic }) =>
      (now.get(topic) ?? 0) < partitions
    );
    if (lacking.length === 0) return null;
    const named = lacking.map(({ partitions, topic }) =>
      `${topic} (${now.get(topic) ?? 0} of ${partitions} partitions)`
    );
    return `the secondary does not show ${named.join(", ")} though it was ` +
      "made; see that its controller and brokers are well";
  }, signal);
}

/** What of it there is to do, by partition. @param targets as they are now */
export const workOf = (
  { isCompacted, partitions, target, topic, topicId, treatment }: TopicPlan,
  targets: ReadonlyMap<string, TopicNow>,
): ReplayWork[] =>
  partitions
    .filter(({ end, outputs, start }) =>
      start < end && (treatment !== "reconcile" || outputs > 0)
    )
    .map(({ end, partition, start }) => ({
      topic,
      topicId,
      partition,
      start,
      end,
      isCompacted,
      action: treatment,
      target: target ?? topic,
      targetId: targets.get(target ?? "")?.topicId ?? "",
    }));
