/** How much would be lost by a switch. Pure. */

export interface LagView {
  /** See `ReachWatch`; null: not known. */
  readonly reachedMs: number | null;
  /** When the active cluster was last seen to answer; null: never. */
  readonly answeredMs: number | null;
  /** All three by one clock, in ms since the epoch. */
  readonly nowMs: number;
}

/**
 * From the moment of which the target has everything to the last one in which the
 * active cluster is known to have taken records, in ms; null: not known. What passes
 * after the outage has begun is not lost: else a failover that had to wait for a
 * healthy target would soon be beyond any limit.
 */
export function mirrorLag(
  { answeredMs, reachedMs, nowMs }: LagView,
): number | null {
  if (reachedMs === null) return null;
  return Math.max(0, Math.min(answeredMs ?? nowMs, nowMs) - reachedMs);
}
