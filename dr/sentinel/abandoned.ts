/** A switch that has begun and that nobody carries on: see `Claim`. Pure. */
import { ABANDONED_MS } from "../state/claim.ts";
import { type DrState, isWorkedIn } from "../state/types.ts";
import type { Decision, Switch } from "./decide.ts";
import type { SentinelPolicy } from "./policy.ts";

export { ABANDONED_MS };

/**
 * To be carried on, or given up, under the state's epoch: until it is over nobody
 * works on either cluster. Null: there is none.
 * @param seenMs for how long the state has been seen as it is: by our own clock,
 * since whoever is at it may have another one.
 */
export function abandoned(
  { active, epoch, phase, reason }: DrState,
  seenMs: number,
): Switch | null {
  if (isWorkedIn(phase) || seenMs < ABANDONED_MS) return null;
  // Of a failover all that was mirrored is to be had on the secondary.
  if (active === "primary" && phase !== "draining") {
    return { to: "secondary", epoch, reason };
  }
  // Whoever went on in the other cases could lose what only its run knows to be
  // there.
  return {
    to: active,
    epoch,
    reason: `nobody has carried on with ${phase} for ` +
      `${Math.round(seenMs / 1000)} s`,
    givesUp: true,
  };
}

/**
 * What a sentinel does now. Who only advises leaves failing over to people; but
 * what they left in the middle lets nobody work, and giving it up moves nobody.
 * @param left see `abandoned`.
 */
export function dueNow(
  decision: Decision,
  left: Switch | null,
  mode: SentinelPolicy["mode"],
): Switch | null {
  if (decision.kind === "fail-over") return decision;
  return mode === "automatic" || left?.givesUp ? left : null;
}
