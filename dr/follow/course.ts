/**
 * Where an application works, by the states that it has seen. Pure.
 *
 *     epoch    1 steady    2 fencing   3 steady     4 reversing
 *     active   primary     primary     secondary    secondary
 *     stay     [ epoch 1 ]             [ epoch 3 .................
 *
 * States may be left out. A stay never spans one in which there is no work, as
 * far as was seen, and never spans a promotion, whether it was seen or not: each
 * begins an era.
 */
import { newerOf } from "../state/copies.ts";
import { type ClusterName, type DrState, isWorkedIn } from "../state/types.ts";

/** A time in which there is work on one cluster without a break. */
export interface Stay {
  readonly cluster: ClusterName;
  readonly era: number;
  /** Of the state that began it; 0: there is no state. */
  readonly epoch: number;
}

export interface Course {
  /** The highest that was seen; 0: there is no state. */
  readonly epoch: number;
  /** Null: a switch is under way, and there is no work anywhere. */
  readonly stay: Stay | null;
}

/** Where nobody keeps a state. */
export const STATELESS: Course = {
  epoch: 0,
  stay: { cluster: "primary", era: 0, epoch: 0 },
};

/** @param course null: nothing was seen before */
export function courseAfter(course: Course | null, state: DrState): Course {
  const { active: cluster, epoch, era, phase } = state;
  if (course !== null && epoch <= course.epoch) return course;
  if (!isWorkedIn(phase)) return { epoch, stay: null };
  const stay = course?.stay ?? null;
  const goesOn = stay !== null && stay.cluster === cluster && stay.era === era;
  return { epoch, stay: goesOn ? stay : { cluster, era, epoch } };
}

/** What a copy of the state says; `none`: nothing, or there is no such topic. */
export type Answer = "none" | DrState;
export type Answers = { readonly [Name in ClusterName]?: Answer };

/**
 * Where to begin; null: wait for another answer. The secondary's copy alone
 * suffices, because it is written first.
 * @param isLate whether there was time enough for both to answer
 */
export function beginningFrom(
  { primary, secondary }: Answers,
  isLate: boolean,
): Course | null {
  const newest = newerOf(stateOf(secondary), stateOf(primary));
  const isEnough = stateOf(secondary) !== null || isLate ||
    primary !== undefined && secondary !== undefined;
  if (!isEnough) return null;
  return newest === null ? STATELESS : courseAfter(null, newest);
}

const stateOf = (answer: Answer | undefined): DrState | null =>
  answer === undefined || answer === "none" ? null : answer;
