/** Names of topics of the mirror's own that no policy changes. */
import { inNamespace, isOfOtherDrill, NAMESPACE } from "./namespace.ts";

/** Where a Connect cluster, or MirrorMaker 2 by itself, keeps its positions. */
export const connectOffsetsTopic = (sourceAlias: string): string =>
  `mm2-offsets.${inNamespace(sourceAlias)}.internal`;

/** One partition a lane; on the target. */
export const lanesTopic = (sourceAlias: string): string =>
  `${NAMESPACE}-lanes.${sourceAlias}.internal`;

/** Up to when the target has all that the source had; on the target. */
export const reachedTopic = (sourceAlias: string): string =>
  `${NAMESPACE}-reached.${sourceAlias}.internal`;

/** Outputs that a promotion found; on the target. */
export const doneTopic = (sourceAlias: string): string =>
  `${NAMESPACE}-done.${sourceAlias}.internal`;

/** What of an old cluster's tail was brought to the active one; on that. */
export const replayTopic = (sourceAlias: string): string =>
  `${NAMESPACE}-replay.${sourceAlias}.internal`;

/** What both clusters know of which of them is in use; on both. */
export const STATE_TOPIC = `${NAMESPACE}-state`;
/** Each change of that; on the secondary. */
export const HISTORY_TOPIC = `${NAMESPACE}-history`;
/** What sentinels and pools think of the clusters; on the secondary. */
export const VOTES_TOPIC = `${NAMESPACE}-votes`;
/** Through which sentinels probe a cluster; each cluster has its own. */
export const PROBE_TOPIC = `${NAMESPACE}-probe`;

const OWN_OF_A_CLUSTER: ReadonlySet<string> = new Set([
  STATE_TOPIC,
  HISTORY_TOPIC,
  VOTES_TOPIC,
  PROBE_TOPIC,
]);

/**
 * Topics that hold the state of this cluster and of its mirrors, whatever the
 * separator: on another cluster they would claim what is not so there.
 */
export const isMirrorState = (topic: string): boolean =>
  OWN_OF_A_CLUSTER.has(topic) || isOfOtherDrill(topic) ||
  (topic.startsWith("mm2-") || topic.startsWith("switchyard-")) &&
    topic.endsWith(".internal");
