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
 * the state in `fencing` goes on from the seal, and one that finds it promoted
 * has nothing to do. Two at a time do the same, and the state takes the promotion
 * of one.
 */
import {
  type Change,
  type ClusterName,
  type Decide,
  type DrState,
  insist,
  isWorkedIn,
  other,
  type Proposal,
} from "../state/mod.ts";
import { pause } from "../waits.ts";
import { FailoverError } from "./errors.ts";

export const STEPS = ["fence", "seal", "drain", "outputs", "promote"] as const;
export type StepName = typeof STEPS[number] | "leases";

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
}

export interface FailOverParts {
  /** Of the mirror to the new cluster; null: none has run. */
  readonly lanes: (signal: AbortSignal) => Promise<number | null>;
  readonly change: (decide: Decide, signal: AbortSignal) => Promise<Change>;
  /** @param era the next one */
  readonly seal: (
    lanes: number,
    era: number,
    signal: AbortSignal,
  ) => Promise<void>;
  /** @returns how many partitions were waited for. */
  readonly drain: (lanes: number, signal: AbortSignal) => Promise<number>;
  /** @param era the next one */
  readonly outputs: (era: number, signal: AbortSignal) => Promise<OutputCounts>;
  /**
   * In strict mode, how long after the fence a lease may count; see
   * `leasesEndMs`. Default 0: there are none.
   */
  readonly leasesMs?: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly onStep: (report: StepReport) => void;
}

export interface FailOverRequest {
  readonly to: ClusterName;
  /** Goes into the state. */
  readonly reason: string;
  /**
   * That of the state on which it was decided, 0 where there is none: unless
   * that is the newest one, nothing is begun. Default: whatever it is.
   */
  readonly epoch?: number;
}

export type FailOverOutcome =
  | {
    readonly kind: "promoted";
    readonly state: DrState;
    readonly outputs: OutputCounts;
  }
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
  const { to } = request;
  const { leasesMs = 0 } = parts;
  const step = async <T>(
    name: StepName,
    work: () => Promise<T>,
    detail: (result: T) => string,
  ): Promise<T> => {
    signal.throwIfAborted();
    const beganMs = parts.now();
    const result = await work();
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
  // By our own clock, and after it was written: by whomever, perhaps long ago,
  // but how long is not known for certain.
  const fencedMs = parts.now();
  const era = fenced.era + 1;
  const lanes = fenced.lanes ?? 0;
  await step(
    "seal",
    () => parts.seal(lanes, era, signal),
    () => `${lanes} lanes, era ${era}`,
  );
  await step(
    "drain",
    () => parts.drain(lanes, signal),
    (partitions) => `${partitions} partitions`,
  );
  const outputs = await step(
    "outputs",
    () => parts.outputs(era, signal),
    ({ detail, done, tail }) => `${done} done, ${tail} in the tail; ${detail}`,
  );
  if (leasesMs > 0) {
    await step(
      "leases",
      () => untilThen(parts, fencedMs + leasesMs, signal),
      () => `no pool has had a lease for ${leasesMs} ms of waiting in all`,
    );
  }
  const promoted = await step(
    "promote",
    () => promote(parts, fenced, request, signal),
    ({ state }) => `epoch ${state?.epoch}, the ${to} is active`,
  );
  return promoted.kind === "changed"
    ? { kind: "promoted", state: promoted.state, outputs }
    : { kind: "already", state: promoted.state };
}

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

/** @returns what there is then; null: no state, and nothing to do. */
async function fence(
  parts: FailOverParts,
  { epoch, reason, to }: FailOverRequest,
  signal: AbortSignal,
): Promise<DrState | null> {
  const lanes = await parts.lanes(signal);
  const { state } = await insist(parts.change, (newest) => {
    const stage = stageOf(newest, to);
    switch (stage.kind) {
      case "begin": {
        const { active, era } = stage.from;
        if (epoch !== undefined && epoch !== (newest?.epoch ?? 0)) {
          throw new FailoverError(
            "refused",
            `it was decided in epoch ${epoch}, and ${newest?.epoch} is the newest`,
          );
        }
        return { active, era, lanes, phase: "fencing", reason };
      }
      case "resume":
        // Whoever began may not have known of lanes that were made since.
        return stage.state.lanes === lanes ? null : { ...stage.state, lanes };
      case "already":
        return null;
      case "refuse":
        throw new FailoverError("refused", stage.reason);
    }
  }, signal);
  return state;
}

function promote(
  parts: FailOverParts,
  fenced: DrState,
  { reason, to }: FailOverRequest,
  signal: AbortSignal,
): Promise<Change> {
  const era = fenced.era + 1;
  return insist(parts.change, (newest) => {
    if (newest !== null && newest.active === to && newest.era >= era) {
      return null;
    }
    const stage = stageOf(newest, to);
    // Between two fences there may have been leases.
    const isWaitedFor = !parts.leasesMs || newest?.epoch === fenced.epoch;
    if (
      stage.kind !== "resume" || stage.state.era !== fenced.era || !isWaitedFor
    ) {
      throw new FailoverError(
        "failed",
        "the state was changed by others meanwhile; look at it, and run it " +
          "again if it is still wanted",
      );
    }
    const { lanes } = stage.state;
    return { active: to, era, lanes, phase: "steady", reason };
  }, signal);
}
