/**
 * The sentinel's decision. Pure. It is made by the state that is known here, and
 * holds for the epoch of that: whoever carries it out looks, in the state's
 * transaction, whether that is the newest still. Votes count for one epoch alone.
 */
import {
  type ClusterName,
  type DrState,
  type Health,
  other,
  type StampedVote,
} from "../state/types.ts";
import type { SentinelPolicy } from "./policy.ts";
import { opinions, sayingOf, type Tally, tally } from "./tally.ts";

export interface Observation {
  /** The newest; null: it cannot be read. */
  readonly state: DrState | null;
  readonly votes: readonly StampedVote[];
  /** What this sentinel sees itself, now. */
  readonly health: Readonly<Record<ClusterName, Health>>;
  /** See `mirrorLag`: of the mirror from the active cluster to the other one. */
  readonly lagMs: number | null;
  /** By the clock that stamps votes, in ms since the epoch. */
  readonly nowMs: number;
}

export type Refusal =
  | "state-unknown"
  | "under-way"
  | "no-majority"
  | "in-use"
  | "target-not-healthy"
  | "beyond-rpo"
  | "hold-off";

export type Decision =
  /** Nothing is the matter, as far as this sentinel sees. */
  | { readonly kind: "stay" }
  | Switch & { readonly kind: "advise" | "fail-over" }
  /** Something is the matter, or is wanted, and must not be done now. */
  | {
    readonly kind: "refuse";
    readonly because: Refusal;
    readonly reason: string;
  };

export interface Switch {
  readonly to: ClusterName;
  /** Of the state that it was decided on: it holds for this one alone. */
  readonly epoch: number;
  readonly reason: string;
  /** What is under way is given up, and everybody works on `to`, as before. */
  readonly givesUp?: true;
}

export function decide(
  observation: Observation,
  policy: SentinelPolicy,
): Decision {
  const { nowMs, state, votes } = observation;
  if (state === null) return STATE_UNKNOWN;
  if (observation.health[state.active] !== "down") return { kind: "stay" };
  const target = other(state.active);
  const counted = tally(votes, state, policy, nowMs);
  const isLeft = isBeingLeft(state);
  const refusal = (isLeft ? null : underWay(state)) ??
    noMajority(state, counted) ??
    inUse(state, counted) ??
    notHealthy(target, counted, observation) ??
    beyondRpo(state, observation, policy) ??
    (isLeft ? null : holdOff(state, nowMs, policy));
  if (refusal !== null) return refusal;
  const reason = `${state.active} is down for ` +
    `${sayingOf(counted, state.active, "down").length} of ` +
    `${Math.max(policy.sentinels, counted.sentinels.length)} sentinels ` +
    `(${opinions(counted, state.active)})`;
  const kind = policy.mode === "automatic" ? "fail-over" : "advise";
  return { kind, to: target, epoch: state.epoch, reason };
}

type Refused = Extract<Decision, { kind: "refuse" }>;

const refuse = (because: Refusal, reason: string): Refused => ({
  kind: "refuse",
  because,
  reason,
});

const STATE_UNKNOWN = refuse(
  "state-unknown",
  "the state cannot be read, so it is not known which cluster is active: see " +
    "to the secondary cluster, where the state is kept",
);

/**
 * A planned switch to the secondary has not got beyond letting everybody rest: if
 * the primary is lost then, a failover takes it over.
 */
const isBeingLeft = ({ active, phase }: DrState): boolean =>
  active === "primary" && phase === "draining";

function underWay({ active, phase, reason }: DrState): Refused | null {
  if (phase === "steady") return null;
  return refuse(
    "under-way",
    `a switch is under way (${phase}, active is ${active}, ${reason}): wait ` +
      "until it has ended, or resume it where nobody carries it on",
  );
}

function noMajority({ active }: DrState, counted: Tally): Refused | null {
  const down = sayingOf(counted, active, "down").length;
  if (down >= counted.needed) return null;
  return refuse(
    "no-majority",
    `${active} is down for ${down} sentinels and ${counted.needed} are needed ` +
      `(${opinions(counted, active)}): look at this sentinel's way to ` +
      `${active}, and whether the others run`,
  );
}

function inUse({ active }: DrState, { progressing }: Tally): Refused | null {
  if (progressing.length === 0) return null;
  const names = progressing.map(({ voter }) => voter).sort().join(", ");
  return refuse(
    "in-use",
    `records are still settled on ${active} by ${names}, so it is not down: ` +
      "look at the sentinels' way to it; if it is to be left all the same, " +
      byHand(other(active)),
  );
}

function notHealthy(
  target: ClusterName,
  counted: Tally,
  { health }: Observation,
): Refused | null {
  if (health[target] !== "healthy") {
    return refuse(
      "target-not-healthy",
      `${target} is ${health[target]} as seen from here ` +
        `(${opinions(counted, target)}): see to ${target}, or ` +
        byHand(target),
    );
  }
  const healthy = sayingOf(counted, target, "healthy").length;
  if (healthy >= counted.needed) return null;
  return refuse(
    "target-not-healthy",
    `${target} is healthy for ${healthy} sentinels and ${counted.needed} are ` +
      `needed (${opinions(counted, target)}): see to ${target}, or ` +
      byHand(target),
  );
}

function beyondRpo(
  { active }: DrState,
  { lagMs }: Observation,
  { rpoMs }: SentinelPolicy,
): Refused | null {
  if (lagMs !== null && lagMs <= rpoMs) return null;
  const target = other(active);
  return refuse(
    "beyond-rpo",
    lagMs === null
      ? `it is not known how far ${target} is behind ${active}: see whether ` +
        `the mirror to ${target} runs, or ${byHand(target)}`
      : `${target} is ${seconds(lagMs)} behind ${active}, and at most ` +
        `${seconds(rpoMs)} may be lost: bring ${active} back, or ` +
        `${byHand(target)}, and lack what is not mirrored until it returns`,
  );
}

/** Not before the first switch: then there is nothing to hold off from. */
function holdOff(
  { active, era, sinceMs }: DrState,
  nowMs: number,
  { holdOffMs }: SentinelPolicy,
): Refused | null {
  const leftMs = sinceMs + holdOffMs - nowMs;
  if (era === 0 || leftMs <= 0) return null;
  return refuse(
    "hold-off",
    `the last switch, to ${active}, was less than ${seconds(holdOffMs)} ago: ` +
      `the next one by itself may be in ${seconds(leftMs)}; to be sooner ` +
      byHand(other(active)),
  );
}

/** What a person can do that a sentinel may not. */
const byHand = (target: ClusterName): string =>
  target === "secondary"
    ? "fail over by hand (deno task failover)"
    : "go home by hand (deno task failback --switch)";

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`;
