/** Where a state lets a pool work. Pure. */
import {
  type ClusterName,
  type DrState,
  isWorkedIn,
  other,
  type Work,
} from "../../../dr/state/mod.ts";

export interface Assignment extends Work {
  /** Of the state that it comes from. */
  readonly epoch: number;
}

/** What holds while neither cluster has a state. */
export const NO_STATE: DrState = {
  epoch: 0,
  active: "primary",
  phase: "steady",
  sinceMs: 0,
  reason: "there is no state yet",
  era: 0,
  lanes: null,
};

/** Null: nowhere, since a switch is on its way. */
export const assignmentUnder = (
  { active, epoch, era, phase }: DrState,
): Assignment | null =>
  isWorkedIn(phase) ? { cluster: active, era, epoch } : null;

/** Which cluster a switch is about to promote; null: none is. */
export const destinationUnder = (
  { active, phase }: DrState,
): ClusterName | null => phase === "fencing" ? other(active) : null;

/** Epochs come and go: what was begun under one goes on under the other. */
export const isSameWork = (one: Assignment, other: Assignment): boolean =>
  one.cluster === other.cluster && one.era === other.era;
