/** What a sentinel knows, as plain data. */
import type { BrokerIds } from "../broker_ids.ts";
import type { GatewayStatus } from "../gateway/mod.ts";
import type { HealthReport } from "../health/mod.ts";
import {
  type ClusterName,
  type DrState,
  isWorkedIn,
  type StampedVote,
} from "../state/mod.ts";
import type { Decision } from "./decide.ts";
import type { SentinelPolicy } from "./policy.ts";
import type { Switching } from "./switcher.ts";

export type SentinelPhase =
  | "starting"
  | "running"
  | "failing"
  | "draining"
  | "stopped";

export interface SentinelStatus {
  readonly phase: SentinelPhase;
  /** Why it is failing. */
  readonly failure: string | null;
  readonly voter: string;
  readonly policy: SentinelPolicy;
  /** Null: it is not known yet. */
  readonly state: DrState | null;
  readonly health: Readonly<Record<ClusterName, HealthReport>> | null;
  /** As they were in the last round; empty where they could not be read. */
  readonly votes: readonly StampedVote[];
  /** Whether this one's vote was taken in the last round. */
  readonly isVoting: boolean;
  /** Of the last round; null: there was none yet. */
  readonly decision: Decision | null;
  /** What this one carries out just now; null: nothing. */
  readonly switching: Switching | null;
  /** How far the standby is behind, in ms; null: not known. */
  readonly lagMs: number | null;
  readonly brokerIds: BrokerIds | null;
  readonly gateway: GatewayStatus | null;
}

/** The same for decisions that say the same with other figures. */
export function decisionKey(decision: Decision): string {
  switch (decision.kind) {
    case "stay":
      return decision.kind;
    case "advise":
    case "fail-over":
      return `${decision.kind} ${decision.to} ${decision.epoch}`;
    case "refuse":
      return `${decision.kind} ${decision.because}`;
  }
}

/** Where clients belong; null: nowhere, until a switch has come further. */
export const gatewayTarget = (
  { active, phase }: Pick<DrState, "active" | "phase">,
): ClusterName | null => isWorkedIn(phase) ? active : null;
