/** How much would be lost by a switch. Pure. */

export interface LagView {
  /** Of the last heartbeat that the mirror has copied; null: none is known. */
  readonly heartbeatMs: number | null;
  /** When the active cluster was last seen to answer; null: never. */
  readonly answeredMs: number | null;
  /** All three by one clock, in ms since the epoch. */
  readonly nowMs: number;
}

/**
 * From the last heartbeat that was copied to the last moment in which the active
 * cluster is known to have taken records, in ms; null: not known. What passes
 * after the outage has begun is not lost: else a failover that had to wait for a
 * healthy target would soon be beyond any limit.
 */
export function mirrorLag(
  { answeredMs, heartbeatMs, nowMs }: LagView,
): number | null {
  if (heartbeatMs === null) return null;
  return Math.max(0, Math.min(answeredMs ?? nowMs, nowMs) - heartbeatMs);
}
