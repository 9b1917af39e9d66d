/** A failover that has begun and that nobody seems to carry on. Pure. */
import type { DrState } from "../state/types.ts";
import type { Switch } from "./decide.ts";
import { isLeaving } from "./status.ts";

/**
 * A failover writes the state at each step, which takes a second or so; one that
 * waits for open transactions takes longer, and then two carry it on, which does
 * no harm.
 */
export const ABANDONED_MS = 30_000;

/**
 * To be carried on under the state's epoch: until it is over nobody works on
 * either cluster. Null: there is none.
 * @param nowMs milliseconds since the epoch.
 */
export function abandoned(
  { active, epoch, phase, reason, sinceMs }: DrState,
  nowMs: number,
): Switch | null {
  // The way back rests in these phases, too, for as long as it takes: whoever
  // promoted the primary then would lose what has not come back yet.
  if (active !== "primary" || !isLeaving(phase)) return null;
  if (nowMs - sinceMs < ABANDONED_MS) return null;
  return { to: "secondary", epoch, reason };
}
