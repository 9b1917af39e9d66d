/**
 * Which topics are mirrored to what, and whether the source's partitions are
 * still those that were mirrored.
 */
export type { ConfigOverride } from "./configs.ts";
export {
  type Damage,
  type DamagePolicy,
  type DamageRule,
  type Evidence,
  evidenceOf,
  type Identity,
  isEpochBehind,
  type KnownLog,
  type OffsetRange,
  type Recorded,
  type Remedy,
} from "./damage.ts";
export * from "./damage_checker.ts";
export type { TopicRule } from "./pattern.ts";
export type { PlanOptions, TopicProblem } from "./plan.ts";
export {
  type MirroredTopic,
  TopicSync,
  type TopicSyncOptions,
} from "./topic_sync.ts";
