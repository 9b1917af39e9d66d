/** Whether a mirror from one cluster is to work, by the state. Pure. */
import type { ClusterName, DrState, Phase } from "../state/mod.ts";

export type Duty =
  | {
    readonly kind: "mirror";
    /** What lanes write belongs to it. */
    readonly era: number;
  }
  | {
    readonly kind: "idle";
    /** As a user reads it. */
    readonly reason: string;
  };

/**
 * In which the cluster in use is copied to the other one. The secondary is only
 * once a failback has said where to begin, and to the end of a planned switch.
 */
const COPYING: Readonly<Record<ClusterName, ReadonlySet<Phase>>> = {
  primary: new Set<Phase>(["steady", "reversing", "catching-up"]),
  secondary: new Set<Phase>(["reversing", "catching-up", "draining"]),
};

export const UNKNOWN: Duty = {
  kind: "idle",
  reason: "it is not known yet which cluster is active",
};

const BEGINNING: Pick<DrState, "active" | "era" | "phase"> = {
  active: "primary",
  era: 0,
  phase: "steady",
};

/** @param state null: nothing was ever agreed on, so the primary is active. */
export function dutyOf(state: DrState | null, source: ClusterName): Duty {
  const { active, era, phase } = state ?? BEGINNING;
  if (active !== source) {
    return {
      kind: "idle",
      reason: `the ${active} is active, and this mirrors the ${source}`,
    };
  }
  if (COPYING[source].has(phase)) return { kind: "mirror", era };
  const reason = phase === "steady"
    ? `nothing is copied from the ${source} before a failback`
    : `a switch is under way: ${phase}`;
  return { kind: "idle", reason };
}

export const isSameDuty = (one: Duty, other: Duty): boolean =>
  one.kind === "mirror"
    ? other.kind === "mirror" && one.era === other.era
    : other.kind === "idle" && one.reason === other.reason;
