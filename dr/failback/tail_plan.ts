/**
 * What is to be done with the records that the old cluster had taken and that
 * were never mirrored. Pure.
 *
 *     position of the mirror    replayed up to        last stable offset
 *     ────────┬─────────────────────┬──────────────────────┬──
 *             │ dealt with          │ the tail             │
 */
import type { TailAction } from "./replay_records.ts";

/**
 * - `source`: what clients have written.
 * - `derived`: what a pool has made of other records, and makes again.
 * - `compacted`: where a replay would overwrite newer values.
 */
export type TopicClass = "source" | "derived" | "compacted";

/** What is done with a topic's tail; `reconcile`: nothing is copied. */
export type Treatment = TailAction | "reconcile";

/** Of one partition of the old cluster. */
export interface PartitionTail {
  readonly partition: number;
  /** Where it begins, or goes on. */
  readonly start: number;
  /** The last stable offset. */
  readonly end: number;
  readonly records: number;
  /** Of these, outputs of pools, by their header. */
  readonly outputs: number;
  /** Offsets of the first and the last record; null: there is none. */
  readonly first: number | null;
  readonly last: number | null;
}

/** What was seen of a topic. */
export interface TopicTail {
  readonly topic: string;
  readonly topicId: string;
  readonly isCompacted: boolean;
  readonly partitions: readonly PartitionTail[];
}

export interface TailRules {
  /** Outputs of pools, dead letters, delay topics, heartbeats. */
  readonly isDerived: (topic: string) => boolean;
  /** By choice; null: what the class says. */
  readonly chosen: (topic: string) => TailAction | null;
}

/** What is to be done with the tail of a topic. */
export interface TopicPlan extends TopicTail {
  readonly class: TopicClass;
  readonly treatment: Treatment;
  /** Where copies go; null: there are none. */
  readonly target: string | null;
  readonly records: number;
  /** Outputs of pools among them, which are left where they are. */
  readonly outputs: number;
}

export const quarantineTopic = (topic: string): string => `${topic}.quarantine`;

/** Of topics that have a tail. */
export function planTail(
  topics: readonly TopicTail[],
  rules: TailRules,
): TopicPlan[] {
  return topics
    .map((each) => planTopic(each, rules))
    .filter(({ partitions }) =>
      partitions.some(({ end, start }) => start < end)
    )
    .sort((one, other) => one.topic < other.topic ? -1 : 1);
}

function planTopic(seen: TopicTail, rules: TailRules): TopicPlan {
  const records = sum(seen.partitions.map((each) => each.records));
  const outputs = sum(seen.partitions.map((each) => each.outputs));
  const itsClass = classOf(seen, { records, outputs }, rules);
  const treatment = treatmentOf(itsClass, rules.chosen(seen.topic));
  return {
    ...seen,
    class: itsClass,
    treatment,
    target: targetOf(treatment, seen.topic),
    records,
    outputs,
  };
}

/** Where clients write as well, single outputs do not make a topic derived. */
function classOf(
  { isCompacted, topic }: TopicTail,
  { outputs, records }: { readonly outputs: number; readonly records: number },
  { isDerived }: TailRules,
): TopicClass {
  if (isDerived(topic)) return "derived";
  if (isCompacted) return "compacted";
  return records > 0 && outputs === records ? "derived" : "source";
}

function treatmentOf(
  itsClass: TopicClass,
  chosen: TailAction | null,
): Treatment {
  switch (itsClass) {
    case "source":
      return chosen ?? "replay";
    // Its inputs are processed again: twice would be too often.
    case "derived":
      return "reconcile";
    case "compacted":
      return chosen ?? "quarantine";
  }
}

function targetOf(treatment: Treatment, topic: string): string | null {
  switch (treatment) {
    case "replay":
      return topic;
    case "quarantine":
      return quarantineTopic(topic);
    case "discard":
    case "reconcile":
      return null;
  }
}

/** Whether something is left to do, so that the way back may begin. */
export const isDealtWith = (plan: readonly TopicPlan[]): boolean =>
  plan.every(({ treatment }) => treatment === "reconcile");

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, each) => total + each, 0);
