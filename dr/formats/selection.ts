/** Which topics of the source are mirrored (I5), and under which name. Pure. */
import type { NameFilter } from "./filters.ts";
import type { ReplicationPolicy } from "./policy.ts";
import { isMirrorState } from "./topics.ts";

/** Aliases of the two clusters of a mirror. */
export interface Flow {
  readonly source: string;
  readonly target: string;
}

/**
 * `internal`: Kafka's own, or the state of a mirror. `cycle`: it came from the
 * target, perhaps by way of others.
 */
export type TopicVerdict = "mirrored" | "excluded" | "internal" | "cycle";

export interface Selection extends Flow {
  readonly policy: ReplicationPolicy;
  readonly isWanted: NameFilter;
  /**
   * Whether heartbeats are mirrored though no filter names them, by default
   * true: `heartbeats.replication.enabled`.
   */
  readonly areHeartbeatsMirrored?: boolean;
}

/**
 * As MirrorMaker 2 decides, and besides never the state of mirrors, which it
 * knows only by the default of `topics.exclude`.
 *
 * Under the identity policy a cycle shows in the names of heartbeats alone.
 * There nothing but the direction keeps records from returning: a topic must not
 * be mirrored both ways at once.
 */
export function judgeTopic(selection: Selection, topic: string): TopicVerdict {
  const { policy, isWanted, areHeartbeatsMirrored = true } = selection;
  if (policy.isInternalTopic(topic) || isMirrorState(topic)) return "internal";
  if (isCycle(policy, selection.target, topic)) return "cycle";
  const isHeartbeat = areHeartbeatsMirrored && policy.isHeartbeatsTopic(topic);
  return isHeartbeat || isWanted(topic) ? "mirrored" : "excluded";
}

/** Whether a topic of the source has been on the target before. */
export function isCycle(
  policy: ReplicationPolicy,
  target: string,
  topic: string,
): boolean {
  const source = policy.topicSource(topic);
  if (source === null) return false;
  if (source === target) return true;
  const upstream = policy.upstreamTopic(topic);
  return upstream !== null && upstream !== topic &&
    isCycle(policy, target, upstream);
}

/**
 * The name on the target under which a checkpoint stands for a topic of the
 * source: that of the mirrored topic, and for one that had come from the target
 * that of the original.
 */
export function checkpointTopic(
  policy: ReplicationPolicy,
  { source, target }: Flow,
  topic: string,
): string {
  return policy.topicSource(topic) === target
    ? policy.originalTopic(topic)
    : policy.targetTopic(source, topic);
}
