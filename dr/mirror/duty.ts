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

/** In which the cluster in use is copied to the other one. */
const COPYING: ReadonlySet<Phase> = new Set<Phase>([
  "steady",
  "reversing",
  "catching-up",
]);

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
  return COPYING.has(phase)
    ? { kind: "mirror", era }
    : { kind: "idle", reason: `a switch is under way: ${phase}` };
}

export const isSameDuty = (one: Duty, other: Duty): boolean =>
  one.kind === "mirror"
    ? other.kind === "mirror" && one.era === other.era
    : other.kind === "idle" && one.reason === other.reason;
