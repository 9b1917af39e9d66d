/** What the links of a drill do where a cluster breaks. */
import type { Fault } from "../../../dr/drill/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import type { LinkMode } from "./link.ts";

export type ClusterFault = Extract<Fault, { readonly cluster: ClusterName }>;

export const PASSING: LinkMode = { kind: "pass", delayMs: 0 };

export function modeOf(fault: ClusterFault): LinkMode {
  switch (fault.kind) {
    case "kill":
      return { kind: "refuse" };
    case "cut":
    case "hang":
      return { kind: "hold" };
    case "slow":
      return { kind: "pass", delayMs: fault.delayMs };
  }
}
