/**
 * A failover, step by step; what it does on the clusters is injected.
 *
 *     fence     state: fencing                 mirrors and pools stop
 *     seal      all lanes                      nobody can mirror any more
 *     drain     last stable offset = end       what was mirrored can be read
 *     outputs   the done records               what need not be sent again
 *     promote   state: active, steady, era+1   pools begin on the new cluster
 *
 * In strict mode it waits before the promotion until no lease can be left that a
 * pool had before the fence: step `leases`.
 *
 * Each step may be carried out again, by whoever and whenever: one that finds
 * the state in `fencing` takes it over (`Claim`) and goes on from the seal, and
 * one that finds it promoted has nothing to do. Who was taken over from ends.
 *
 * What is not known when the time is over (`problems`) does not hold back the
 * promotion where it can only lead to repeats. What could lose records does: then
 * the state stays in `fencing`, for the next run, or to be given up.
 */
import {
  Claim,
  type ClaimParts,
  type ClusterName,
  type DrState,
  insist,
  isWorkedIn,
  isWritten,
  other,
  OvertakenError,
  type Proposal,
} from "../state/mod.ts";
import {
  recorded,
  type SpanRecorder,
} from "../../src/telemetry/span_recorder.ts";
import { type Fence, keepAway } from "../denials.ts";
import { pause } from "../waits.ts";
import { FailoverError } from "./errors.ts";

export const STEPS = ["fence", "seal", "drain", "outputs", "promote"] as const;
export type StepName = typeof STEPS[number] | "leases" | "deny";

export interface StepReport {
  readonly step: StepName;
  readonly ms: number;
  /** As a user reads it. */
  readonly detail: string;
}

/** What was found, in inputs' outputs. */
export interface OutputCounts {
  readonly done: number;
  readonly tail: number;
  /** In words, as a user reads it: what it was found in, and what is missing. */
  readonly detail: string;
  /** Why some may not have been found; null: all were. */
  readonly problem: string | null;
}

export interface Drained {
  readonly partitions: number;
  /** Why some cannot be read to their ends; null: all can. */
  readonly problem: string | null;
}

/** Who was kept from the cluster: see `dr/denials.ts`. */
export interface Allowed {
  readonly principals: readonly string[];
  /** Why some may still be; null: nobody is. */
  readonly problem: string | null;
}

export interface FailOverParts extends ClaimParts {
  /** Of the mirror to the new cluster; null: none has run. */
  readonly lanes: (signal: AbortSignal) => Promise<number | null>;
  /** @param era the next one */
  readonly seal: (
    lanes: number,
    era: number,
    signal: AbortSignal,
  ) => Promise<void>;
  readonly drain: (lanes: number, signal: AbortSignal) => Promise<Drained>;
  /** @param era the next one */
  readonly outputs: (era: number, signal: AbortSignal) => Promise<OutputCounts>;
  /** Lets those back to the new cluster that were kept from it. */
  readonly allow: (signal: AbortSignal) => Promise<Allowed>;
  /** Of the cluster that is left. Default: null, nobody is to be kept from it. */
  readonly fence?: Fence | null;
  /**
   * In strict mode, how long after the fence a lease may count; see
   * `leasesEndMs`. Default 0: there are none.
   */
  readonly leasesMs?: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly onStep: (report: StepReport) => void;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
}

export interface FailOverRequest {
  readonly to: ClusterName;
  /** Goes into the state. */
  readonly reason: string;
  /**
   * That of the state on which it was decided, 0 where there is none: unless
   * that is the newest one, nothing is begun, or taken over from others. Default:
   * whatever it is.
   */
  readonly epoch?: number;
  /**
   * The cluster that is left lives: what is not known fails the switch. Default:
   * false.
   */
  readonly isPlanned?: boolean;
  /** As of `ClaimParts`. */
  readonly onClaimed?: ClaimParts["onClaimed"];
}

export type FailOverOutcome =
  | {
    readonly kind: "promoted";
    readonly state: DrState;
    readonly outputs: OutputCounts;
    /** What may be repeated, or has to be seen to, as a user reads it. */
    readonly problems: readonly string[];
  }
  /** Another has taken it over, or has given it up. */
  | { readonly kind: "another"; readonly state: DrState | null }
  /** It is the active one, perhaps since a moment ago: another was faster. */
  | { readonly kind: "already"; readonly state: DrState | null };

/** Where a failover to a cluster stands. */
export type Stage =
  | { readonly kind: "begin"; readonly from: Proposal }
  | { readonly kind: "resume"; readonly state: DrState }
  | { readonly kind: "already" }
  | { readonly kind: "refuse"; readonly reason: string };

/** Where nothing was ever agreed on the primary is active. Pure. */
export function stageOf(newest: DrState | null, to: ClusterName): Stage {
  const from = other(to);
  if (newest === null) {
    if (to === "primary") return { kind: "already" };
    const first = { active: from, phase: "steady", era: 0 } as const;
    return { kind: "begin", from: { ...first, lanes: null, reason: "" } };
  }
  const { active, phase } = newest;
  if (phase === "steady") {
    return active === to
      ? { kind: "already" }
      : { kind: "begin", from: newest };
  }
  if (active === from && !isWorkedIn(phase)) {
    return { kind: "resume", state: newest };
  }
  return {
    kind: "refuse",
    reason:
      `another switch is under way (the ${active} is active, ${phase}); ` +
      "let it end first",
  };
}

/**
 * @throws {FailoverError} `refused`: nothing was changed; `failed`.
 * @throws {StateError | KafkaError | ReadError} run it again, it goes on there;
 * the signal's reason.
 */
export async function failOver(
  parts: FailOverParts,
  request: FailOverRequest,
  signal: AbortSignal,
): Promise<FailOverOutcome> {
  const { reason, to } = request;
  const about = {
    name: "failover",
    attributes: { "switchyard.cluster": to, "switchyard.reason": reason },
  };
  try {
    return await recorded(
      parts.spans,
      about,
      (spans) => carryOut(parts, request, spans, signal),
    );
  } catch (error) {
    if (!(error instanceof OvertakenError)) throw error;
    const { state } = error;
    const kind = state?.active === request.to ? "already" : "another";
    return { kind, state };
  }
}

async function carryOut(
  parts: FailOverParts,
  request: FailOverRequest,
  spans: SpanRecorder | null,
  signal: AbortSignal,
): Promise<FailOverOutcome> {
  const { isPlanned = false, onClaimed, to } = request;
  const sound = <T extends { readonly problem: string | null }>(found: T) => {
    if (!isPlanned || found.problem === null) return found;
    throw new FailoverError("failed", found.problem);
  };
  const { leasesMs = 0 } = parts;
  const step = async <T>(
    name: StepName,
    work: () => Promise<T>,
    detail: (result: T) => string,
  ): Promise<T> => {
    signal.throwIfAborted();
    const beganMs = parts.now();
    const about = { name: `failover ${name}` };
    const result = await recorded(spans, about, work);
    const ms = parts.now() - beganMs;
    parts.onStep({ step: name, ms, detail: detail(result) });
    return result;
  };
  const fenced = await step(
    "fence",
    () => fence(parts, request, signal),
    (state) =>
      state === null || state.active === to
        ? `the ${to} is active already`
        : `epoch ${state.epoch}, ${state.phase}`,
  );
  if (fenced === null || fenced.active === to) {
    return { kind: "already", state: fenced };
  }
  const claim = new Claim({ ...parts, onClaimed }, fenced);
  const held = <T>(work: (its: AbortSignal) => Promise<T>) =>
    claim.hold(work, signal);
  // By our own clock, and after it was written: by whomever, perhaps long ago,
  // but how long is not known for certain.
  const fencedMs = parts.now();
  const era = fenced.era + 1;
  const lanes = fenced.lanes ?? 0;
  const { fence: denying = null } = parts;
  if (denying !== null) {
    await step(
      "deny",
      () => keepAway(denying, claim, signal),
      () => denying.principals.join(", "),
    );
  }
  await step(
    "seal",
    () => held((its) => parts.seal(lanes, era, its)),
    () => `${lanes} lanes, era ${era}`,
  );
  const drained = await step(
    "drain",
    async () => sound(await held((its) => parts.drain(lanes, its))),
    ({ partitions, problem }) =>
      `${partitions} partitions${problem === null ? "" : `; ${problem}`}`,
  );
  const outputs = await step(
    "outputs",
    async () => sound(await held((its) => parts.outputs(era, its))),
    ({ detail, done, tail }) => `${done} done, ${tail} in the tail; ${detail}`,
  );
  if (leasesMs > 0) {
    await step(
      "leases",
      () => held((its) => untilThen(parts, fencedMs + leasesMs, its)),
      () => `no pool has had a lease for ${leasesMs} ms of waiting in all`,
    );
  }
  const allowed = sound(await held((its) => parts.allow(its)));
  const problems = [drained.problem, outputs.problem, allowed.problem]
    .filter((each) => each !== null);
  const { reason } = claim.state;
  const state = await step(
    "promote",
    () =>
      claim.set({
        active: to,
        era,
        phase: "steady",
        reason: [reason, ...problems].join("; "),
      }, signal),
    ({ epoch }) => `epoch ${epoch}, the ${to} is active${allowedText(allowed)}`,
  );
  return { kind: "promoted", state, outputs, problems };
}

const allowedText = ({ principals }: Allowed): string =>
  principals.length === 0
    ? ""
    : `; not denied any more: ${principals.join(", ")}`;

async function untilThen(
  { now }: FailOverParts,
  thenMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let leftMs; (leftMs = thenMs - now()) > 0;) {
    await pause(leftMs, signal);
    signal.throwIfAborted();
  }
}

/**
 * Begins, or takes over from whoever was at it.
 * @returns what there is then; null: no state, and nothing to do.
 */
async function fence(
  parts: FailOverParts,
  { epoch, reason, to }: FailOverRequest,
  signal: AbortSignal,
): Promise<DrState | null> {
  const lanes = await parts.lanes(signal);
  const { state } = await insist(parts.change, (newest, perhaps) => {
    const stage = stageOf(newest, to);
    const isOther = epoch !== undefined && epoch !== (newest?.epoch ?? 0) &&
      !isWritten(newest, perhaps);
    switch (stage.kind) {
      case "begin": {
        const { active, era } = stage.from;
        if (isOther) {
          throw new FailoverError(
            "refused",
            `it was decided in epoch ${epoch}, and ${newest?.epoch} is the newest`,
          );
        }
        return { active, era, lanes, phase: "fencing", reason };
      }
      case "resume": {
        if (isOther) throw new OvertakenError(newest);
        // Whoever began may not have known of lanes that were made since.
        const next = { ...stage.state, lanes, phase: "fencing" } as const;
        // A planned switch in which the cluster that is left was lost.
        return stage.state.phase === "fencing" ? next : { ...next, reason };
      }
      case "already":
        return null;
      case "refuse":
        throw new FailoverError("refused", stage.reason);
    }
  }, signal);
  return state;
}
