/** What leaders and in-sync replicas say of a cluster. Pure. */
import { isTopicUnknown, type TopicMetadata } from "../../src/kafka/mod.ts";
import { outcomeOf, type ProbeOutcome } from "./probe.ts";

/** `min.insync.replicas` where it is not known. */
export const NO_MINIMUM = 1;
/** Partitions that a reason names. */
const NAMED = 5;

/**
 * Failed: a watched partition can not be written to, as it has no leader or too
 * few in-sync replicas. Missing replicas above the minimum are a remark, and so
 * is a topic that is not there: it was deleted, or is still to be created.
 * @param minima by topic: `min.insync.replicas`.
 */
export function judgePartitions(
  topics: readonly TopicMetadata[],
  minima: ReadonlyMap<string, number>,
): ProbeOutcome {
  const dead: string[] = [];
  const thin: string[] = [];
  const missing: string[] = [];
  let count = 0;
  for (const { error, partitions, topic } of topics) {
    if (error !== null) {
      if (!isTopicUnknown(error.code)) return outcomeOf(error);
      missing.push(topic);
      continue;
    }
    const minimum = minima.get(topic) ?? NO_MINIMUM;
    count += partitions.length;
    for (const { inSyncReplicas, leader, partition, replicas } of partitions) {
      const name = `${topic} [${partition}]`;
      // A topic may be made with fewer replicas than its minimum.
      const needed = Math.min(minimum, replicas.length);
      if (leader === null) dead.push(`${name} has no leader`);
      else if (inSyncReplicas.length < needed) {
        dead.push(
          `${name} has ${inSyncReplicas.length} of ${needed} in-sync replicas`,
        );
      } else if (inSyncReplicas.length < replicas.length) thin.push(name);
    }
  }
  if (dead.length > 0) {
    return {
      kind: "failed",
      why: `${dead.length} of ${count} watched partitions cannot be written: ` +
        named(dead),
    };
  }
  const remarks = [
    ...(thin.length === 0 ? [] : [
      `${thin.length} of ${count} partitions lack replicas: ${named(thin)}`,
    ]),
    ...(missing.length === 0 ? [] : [`no such topic: ${named(missing)}`]),
  ];
  return {
    kind: "passed",
    remark: remarks.length === 0 ? null : remarks.join("; "),
  };
}

const named = (all: readonly string[]): string =>
  all.slice(0, NAMED).join(", ") +
  (all.length > NAMED ? `, and ${all.length - NAMED} more` : "");
