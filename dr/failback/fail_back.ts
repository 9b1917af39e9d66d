/**
 * The way back to the primary, step by step; what it does on the clusters is
 * injected. Where a step stands is in the state and in what the steps before have
 * written, so that each can be run again by whoever and whenever.
 *
 *     tail      what the primary has that was never mirrored
 *     pause     state: releasing; only where pools must learn something first
 *     replay    in transactions, with how far it got
 *     done      what pools need not send again
 *     seed      the lanes of the mirror back: where each partition begins
 *     reverse   state: reversing; the mirror back copies
 *     catch up  state: catching-up, once it has come to the end
 *
 * The switch is `switch_back.ts`.
 */
import type { Change, Decide, DrState, Phase } from "../state/mod.ts";
import { StateError } from "../state/mod.ts";
import { pause } from "../waits.ts";
import { FailbackError } from "./errors.ts";
import type { Tail } from "./read_tail.ts";
import { eraAfterRecovery, stageOf } from "./stage.ts";
import { isDealtWith, type TopicPlan } from "./tail_plan.ts";

export type StepName =
  | "tail"
  | "pause"
  | "replay"
  | "done"
  | "seed"
  | "reverse"
  | "catch up"
  | "drain"
  | "fence"
  | "seal"
  | "outputs"
  | "promote";

export interface StepReport {
  readonly step: StepName;
  readonly ms: number;
  /** As a user reads it. */
  readonly detail: string;
}

/** The tail, and what is to be done with it. */
export interface PlannedTail extends Pick<Tail, "problems"> {
  readonly plan: readonly TopicPlan[];
  /** See `restingGroups`. */
  readonly resting: readonly string[];
}

export interface FailBackParts {
  readonly newest: (signal: AbortSignal) => Promise<DrState | null>;
  readonly change: (decide: Decide, signal: AbortSignal) => Promise<Change>;
  readonly tail: (signal: AbortSignal) => Promise<PlannedTail>;
  /** Resolves when none of them has members. */
  readonly untilIdle: (
    groups: readonly string[],
    signal: AbortSignal,
  ) => Promise<void>;
  /** @returns how many records were copied. */
  readonly replay: (
    plan: readonly TopicPlan[],
    signal: AbortSignal,
  ) => Promise<number>;
  /** @param era the next one */
  readonly writeDone: (era: number, signal: AbortSignal) => Promise<void>;
  /** @returns how many partitions the lanes of the mirror back know. */
  readonly seed: (era: number, signal: AbortSignal) => Promise<number>;
  /** Resolves when the mirror back has copied what is there when it is called. */
  readonly untilCaughtUp: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  readonly onStep: (report: StepReport) => void;
}

/** Somebody who goes on writing to the primary is met again and again. */
const ROUNDS = 5;

/**
 * From wherever it stands to `catching-up`.
 * @throws {FailbackError} `refused`: nothing was changed; `failed`.
 * @throws {StateError | KafkaError | ReadError | FailoverError} run it again, it
 * goes on there; the signal's reason.
 */
export async function failBack(
  parts: FailBackParts,
  reason: string,
  signal: AbortSignal,
): Promise<DrState | null> {
  const newest = await parts.newest(signal);
  const stage = stageOf(newest);
  switch (stage.kind) {
    case "nothing":
    case "switch":
      return newest;
    case "refuse":
      throw new FailbackError("refused", stage.reason);
    case "follow":
      return await catchUp(parts, reason, signal);
    case "recover":
      await recover(parts, stage.state, reason, signal);
      return await catchUp(parts, reason, signal);
  }
}

async function recover(
  parts: FailBackParts,
  begun: DrState,
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const look = () =>
    step(
      parts,
      "tail",
      () => soundTail(parts, signal),
      ({ plan, resting }) =>
        `${sumOf(plan)} records of ${plan.length} topics` +
        (resting.length === 0 ? "" : `; ${resting.join(", ")} must rest`),
    );
  let tail = await look();
  let state = await toPhase(parts, begun, "recovering", reason, signal);
  for (let round = 1;; round++) {
    if (tail.resting.length > 0) {
      state = await step(parts, "pause", async () => {
        const next = await toPhase(parts, state, "releasing", reason, signal);
        await parts.untilIdle(tail.resting, signal);
        return next;
      }, ({ epoch, phase }) => `epoch ${epoch}, ${phase}`);
    }
    if (isDealtWith(tail.plan)) break;
    if (round > ROUNDS) {
      throw new FailbackError(
        "failed",
        "somebody goes on writing to the primary; stop them, and run it again",
      );
    }
    await step(
      parts,
      "replay",
      () => parts.replay(tail.plan, signal),
      (records) => `${records} records copied`,
    );
    tail = await look();
  }
  const era = eraAfterRecovery(state);
  if (era > state.era) {
    await step(
      parts,
      "done",
      () => parts.writeDone(era, signal),
      () => `era ${era}`,
    );
  }
  await step(
    parts,
    "seed",
    () => parts.seed(era, signal),
    (partitions) => `${partitions} partitions, era ${era}`,
  );
  await step(
    parts,
    "reverse",
    () => change(parts, state, { phase: "reversing", era }, reason, signal),
    ({ epoch, phase }) => `epoch ${epoch}, ${phase}`,
  );
}

async function soundTail(
  parts: FailBackParts,
  signal: AbortSignal,
): Promise<PlannedTail> {
  const tail = await parts.tail(signal);
  if (tail.problems.length > 0) {
    throw new FailbackError("refused", tail.problems.join("; "));
  }
  return tail;
}

/** How long that takes is up to the mirror, which somebody must have started. */
async function catchUp(
  parts: FailBackParts,
  reason: string,
  signal: AbortSignal,
): Promise<DrState> {
  return await step(parts, "catch up", async () => {
    await parts.untilCaughtUp(signal);
    const newest = await parts.newest(signal);
    const stage = stageOf(newest);
    if (stage.kind !== "follow") {
      throw new FailbackError("failed", "the state was changed by others");
    }
    return await toPhase(parts, stage.state, "catching-up", reason, signal);
  }, ({ epoch, phase }) => `epoch ${epoch}, ${phase}`);
}

export async function step<T>(
  { now, onStep }: Pick<FailBackParts, "now" | "onStep">,
  name: StepName,
  work: () => Promise<T>,
  detail: (result: T) => string,
): Promise<T> {
  const beganMs = now();
  const result = await work();
  onStep({ step: name, ms: now() - beganMs, detail: detail(result) });
  return result;
}

/** Not back from `releasing` to `recovering`: pools rest until all is known. */
export function toPhase(
  parts: Pick<FailBackParts, "change">,
  state: DrState,
  phase: Phase,
  reason: string,
  signal: AbortSignal,
): Promise<DrState> {
  const isBehind = phase === "recovering" && state.phase === "releasing";
  if (state.phase === phase || isBehind) return Promise.resolve(state);
  return change(parts, state, { phase, era: state.era }, reason, signal);
}

const ATTEMPTS = 10;
const AGAIN_MS = 20;

/** Only from the state that was seen, or where that was done already. */
async function change(
  parts: Pick<FailBackParts, "change">,
  seen: DrState,
  next: Pick<DrState, "phase" | "era">,
  reason: string,
  signal: AbortSignal,
): Promise<DrState> {
  for (let attempt = 1;; attempt++) {
    try {
      const { state } = await parts.change((newest) => {
        const { active, epoch, era, lanes, phase } = newest ?? seen;
        const isThere = active === seen.active && phase === next.phase &&
          era === next.era;
        if (isThere) return null;
        if (epoch !== seen.epoch) {
          throw new FailbackError(
            "failed",
            "the state was changed by others meanwhile; look at it, and run " +
              "it again if it is still wanted",
          );
        }
        return { active, lanes, ...next, reason };
      }, signal);
      return state!;
    } catch (error) {
      const isWorthIt = error instanceof StateError &&
        (error.kind === "fenced" || error.kind === "unknown");
      if (!isWorthIt || attempt === ATTEMPTS) throw error;
    }
    await pause(AGAIN_MS * attempt * Math.random(), signal);
    signal.throwIfAborted();
  }
}

const sumOf = (plan: readonly TopicPlan[]): number =>
  plan.reduce((sum, { records }) => sum + records, 0);
