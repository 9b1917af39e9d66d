/** A switch that has begun and that nobody carries on: see `Claim`. Pure. */
import { ABANDONED_MS } from "../state/claim.ts";
import { type DrState, isWorkedIn } from "../state/types.ts";
import type { Switch } from "./decide.ts";

export { ABANDONED_MS };

/**
 * To be carried on, or given up, under the state's epoch: until it is over nobody
 * works on either cluster. Null: there is none.
 * @param nowMs milliseconds since the epoch.
 * @param seenMs for how long the state has been seen as it is.
 */
export function abandoned(
  { active, epoch, phase, reason, sinceMs }: DrState,
  nowMs: number,
  seenMs: number,
): Switch | null {
  if (isWorkedIn(phase)) return null;
  // Of a failover all that was mirrored is to be had on the secondary.
  if (active === "primary" && phase !== "draining") {
    if (nowMs - sinceMs < ABANDONED_MS) return null;
    return { to: "secondary", epoch, reason };
  }
  // Whoever went on in the other cases could lose what only its run knows to be
  // there. By our own clock: whoever is at it may have another one.
  if (seenMs < ABANDONED_MS) return null;
  return {
    to: active,
    epoch,
    reason: `nobody has carried on with ${phase} for ` +
      `${Math.round(seenMs / 1000)} s`,
    givesUp: true,
  };
}
