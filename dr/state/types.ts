/** What all of disaster recovery knows and agrees on. */
export type ClusterName = "primary" | "secondary";
/** Where a switch stands; `steady`: none is under way. */
export type Phase =
  | "steady"
  | "fencing"
  | "draining"
  | "releasing"
  | "recovering"
  | "reversing"
  | "catching-up";
export interface DrState {
  /** Grows with each change, also of who carries a switch on: see `Claim`. */
  readonly epoch: number;
  readonly active: ClusterName;
  readonly phase: Phase;
  /**
   * When this was written, in ms since the epoch by its writer's clock; a switch
   * that is under way is written again and again.
   */
  readonly sinceMs: number;
  readonly reason: string;
  /** Grows with each promotion; mirror positions and coordinates belong to one. */
  readonly era: number;
  /** Lanes of the mirror; null: no mirror has run. */
  readonly lanes: number | null;
}
/** One sentinel's (or pool instance's) view, kept in the votes topic. */
export interface Vote {
  /** Who votes; unique. */
  readonly voter: string;
  readonly kind: "sentinel" | "pool";
  /** The state's epoch that the voter has seen. */
  readonly epoch: number;
  /** By cluster: what the voter thinks of it. */
  readonly health: Readonly<Record<ClusterName, Health>>;
  /** A pool's: it has settled records on the active cluster since its last vote. */
  readonly isProgressing: boolean;
}
export type Health = "unknown" | "healthy" | "suspect" | "down";
/** A vote with when the broker took it (LogAppendTime), ms since the epoch. */
export interface StampedVote extends Vote {
  readonly atMs: number;
}
export const other = (cluster: ClusterName): ClusterName =>
  cluster === "primary" ? "secondary" : "primary";
/**
 * Whether the active cluster is worked on; else a switch is under way. On the way
 * back after a failover records flow all the time.
 */
export function isWorkedIn(phase: Phase): boolean {
  switch (phase) {
    case "steady":
    case "recovering":
    case "reversing":
    case "catching-up":
      return true;
    case "fencing":
    case "draining":
    case "releasing":
      return false;
  }
}
