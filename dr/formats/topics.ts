/** Names of topics of the mirror's own that no policy changes. */

/** Where a Connect cluster, or MirrorMaker 2 by itself, keeps its positions. */
export const connectOffsetsTopic = (sourceAlias: string): string =>
  `mm2-offsets.${sourceAlias}.internal`;

/** One partition a lane; on the target. */
export const lanesTopic = (sourceAlias: string): string =>
  `switchyard-lanes.${sourceAlias}.internal`;

/**
 * Topics that hold the state of this cluster's mirrors, whatever the separator:
 * on another cluster they would claim what is not so there.
 */
export const isMirrorState = (topic: string): boolean =>
  (topic.startsWith("mm2-") || topic.startsWith("switchyard-")) &&
  topic.endsWith(".internal");
