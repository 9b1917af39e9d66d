/**
 * What a topic of the source is called on the target, and which topics are the
 * mirror's own: MirrorMaker 2's `DefaultReplicationPolicy` and
 * `IdentityReplicationPolicy`, decision for decision. Pure.
 *
 *                 source                 target
 *     default     logins                 primary.logins
 *     identity    logins                 logins
 *     both        heartbeats             primary.heartbeats
 *
 * Identity renames every topic whose name ends with `heartbeats`, also one of
 * the user's: that is how MirrorMaker 2 reads it, and it would not find its
 * targets under other names.
 */
import { inNamespace } from "./namespace.ts";

export interface PolicyOptions {
  readonly kind: "default" | "identity";
  /** Between alias and topic: `replication.policy.separator`, by default ".". */
  readonly separator?: string;
  /**
   * Whether it is used in names of internal topics too, by default true:
   * `replication.policy.internal.topic.separator.enabled`.
   */
  readonly isInternalSeparated?: boolean;
  /** For identity, which sees it in no name; without it `topicSource` is null. */
  readonly sourceAlias?: string;
}

/** Names by an alias are those of a cluster's alias; null is "of nowhere else". */
export interface ReplicationPolicy {
  readonly kind: PolicyOptions["kind"];
  /** The name on the target: Java's `formatRemoteTopic`. */
  targetTopic(sourceAlias: string, topic: string): string;
  /** The name on the source of a topic on the target; null: not from there. */
  sourceTopic(sourceAlias: string, topic: string): string | null;
  /** The alias of the cluster that a topic was last mirrored from. */
  topicSource(topic: string): string | null;
  /** Its name there. */
  upstreamTopic(topic: string): string | null;
  /** Its name where it was first written. */
  originalTopic(topic: string): string;
  readonly heartbeatsTopic: string;
  /** @param alias of the target where the topic is on the source, and reverse */
  offsetSyncsTopic(alias: string): string;
  checkpointsTopic(sourceAlias: string): string;
  isHeartbeatsTopic(topic: string): boolean;
  isCheckpointsTopic(topic: string): boolean;
  /** Kafka's own and MirrorMaker 2's: never mirrored. */
  isInternalTopic(topic: string): boolean;
}

const HEARTBEATS = "heartbeats";

/** @throws {RangeError} for an empty separator, which divides nothing */
export function replicationPolicy(options: PolicyOptions): ReplicationPolicy {
  const { kind, separator = ".", sourceAlias = null } = options;
  if (separator === "") {
    throw new RangeError("replication.policy.separator must not be empty");
  }
  const internalSeparator = options.isInternalSeparated ?? true
    ? separator
    : ".";
  const internalSuffix = `${internalSeparator}internal`;
  const checkpointsSuffix = `${internalSeparator}checkpoints${internalSuffix}`;

  const isNamedBySource = (topic: string) =>
    kind === "default" || topic.endsWith(HEARTBEATS);

  const topicSource = (topic: string) =>
    isNamedBySource(topic) ? prefixOf(topic, separator) : sourceAlias;

  const upstreamTopic = (topic: string) => {
    if (!isNamedBySource(topic)) return topic;
    const source = prefixOf(topic, separator);
    return source === null
      ? null
      : topic.slice(source.length + separator.length);
  };

  const originalTopic = (topic: string): string => {
    const upstream = upstreamTopic(topic);
    return upstream === null || upstream === topic
      ? topic
      : originalTopic(upstream);
  };

  const isCheckpointsTopic = (topic: string) =>
    topic.endsWith(checkpointsSuffix);

  const heartbeatsTopic = inNamespace(HEARTBEATS);

  return {
    kind,
    topicSource,
    upstreamTopic,
    originalTopic,
    isCheckpointsTopic,
    heartbeatsTopic,
    targetTopic: (alias, topic) =>
      isNamedBySource(topic) ? alias + separator + topic : topic,
    sourceTopic: (alias, topic) => {
      if (!isNamedBySource(topic)) return topic;
      return topicSource(topic) === alias ? upstreamTopic(topic) : null;
    },
    offsetSyncsTopic: (alias) =>
      `mm2-offset-syncs${internalSeparator}${
        inNamespace(alias)
      }${internalSuffix}`,
    checkpointsTopic: (alias) => inNamespace(alias) + checkpointsSuffix,
    isHeartbeatsTopic: (topic) => originalTopic(topic) === heartbeatsTopic,
    isInternalTopic: (topic) =>
      topic.startsWith("__") || topic.startsWith(".") ||
      topic.startsWith("mm2") && topic.endsWith(internalSuffix) ||
      isCheckpointsTopic(topic),
  };
}

/** What stands before the first separator, if there is anything behind it. */
function prefixOf(topic: string, separator: string): string | null {
  // Java's split drops empty parts at the end: "a.." has one part, not three.
  const parts = topic.split(separator);
  return parts.slice(1).some((part) => part !== "") ? parts[0]! : null;
}
