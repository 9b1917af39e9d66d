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
 * While pools rest (`releasing`) the run says that it is at it (`Claim`), and where
 * it cannot go on it gives that up. The switch is `switch_back.ts`.
 */
import {
  recorded,
  type SpanRecorder,
} from "../../src/telemetry/span_recorder.ts";
import {
  Claim,
  type ClaimParts,
  type DrState,
  insist,
  isWorkedIn,
  type Phase,
} from "../state/mod.ts";
import { FailbackError } from "./errors.ts";
import { orGiveUp } from "./give_up.ts";
import type { Tail } from "./read_tail.ts";
import { eraAfterRecovery, stageOf } from "./stage.ts";
import { isDealtWith, type TopicPlan } from "./tail_plan.ts";

export type StepName =
  /** Of a planned switch to the secondary. */
  | "rest"
  /** Of both planned switches. */
  | "deny"
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
  | "leases"
  | "promote";

export interface StepReport {
  readonly step: StepName;
  readonly ms: number;
  /** As a user reads it. */
  readonly detail: string;
}

/** The tail, and what is to be done with it. */
export interface PlannedTail extends Pick<Tail, "notes" | "problems"> {
  readonly plan: readonly TopicPlan[];
  /** See `restingGroups`. */
  readonly resting: readonly string[];
}

export interface FailBackParts extends ClaimParts {
  readonly newest: (signal: AbortSignal) => Promise<DrState | null>;
  /** See `giveUp`; bounded. @param epoch of the state that is given up */
  readonly giveUp: (why: string, epoch: number) => Promise<DrState | null>;
  /** See `while_alive.ts`; of the primary. */
  readonly whileAlive: <T>(
    work: (signal: AbortSignal) => Promise<T>,
    signal: AbortSignal,
  ) => Promise<T>;
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
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
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
    case "recover": {
      const recovery = { claim: new Claim(parts, stage.state) };
      await orGiveUp(
        () => recover(parts, recovery, reason, signal),
        (why) => parts.giveUp(why, recovery.claim.state.epoch),
      );
      return await catchUp(parts, reason, signal);
    }
  }
}

/** @param recovery where it stands, for whoever gives it up. */
async function recover(
  parts: FailBackParts,
  recovery: { claim: Claim },
  reason: string,
  signal: AbortSignal,
): Promise<void> {
  const known = () => recovery.claim.state;
  /** While pools rest nobody else is to take it for abandoned. */
  const held = <T>(work: (signal: AbortSignal) => Promise<T>) => {
    const alive = (its: AbortSignal) => parts.whileAlive(work, its);
    const isWorked = isWorkedIn(known().phase);
    return isWorked ? alive(signal) : recovery.claim.hold(alive, signal);
  };
  const look = () =>
    step(
      parts,
      "tail",
      () => held((its) => soundTail(parts, its)),
      ({ notes, plan, resting }) =>
        [
          `${sumOf(plan)} records of ${plan.length} topics`,
          ...resting.length === 0 ? [] : [`${resting.join(", ")} must rest`],
          ...notes,
        ].join("; "),
    );
  const to = async (phase: Phase) => {
    const state = await toPhase(parts, known(), phase, reason, signal);
    recovery.claim = new Claim(parts, state);
  };
  // Of a run before this one, which may be at it still.
  if (!isWorkedIn(known().phase)) await recovery.claim.set({}, signal);
  let tail = await look();
  await to("recovering");
  for (let round = 1;; round++) {
    if (tail.resting.length > 0) {
      await step(parts, "pause", async () => {
        await to("releasing");
        await held((its) => parts.untilIdle(tail.resting, its));
        return known();
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
      () => held((its) => parts.replay(tail.plan, its)),
      (records) => `${records} records copied`,
    );
    tail = await look();
  }
  const era = eraAfterRecovery(known());
  if (era > known().era) {
    await step(
      parts,
      "done",
      () => held((its) => parts.writeDone(era, its)),
      () => `era ${era}`,
    );
  }
  await step(
    parts,
    "seed",
    () => held((its) => parts.seed(era, its)),
    (partitions) => `${partitions} partitions, era ${era}`,
  );
  await step(
    parts,
    "reverse",
    () =>
      change(
        parts,
        known(),
        { phase: "reversing", era },
        reason,
        signal,
      ),
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

export type StepParts = Pick<FailBackParts, "now" | "onStep" | "spans">;

export async function step<T>(
  { now, onStep, spans }: StepParts,
  name: StepName,
  work: () => Promise<T>,
  detail: (result: T) => string,
): Promise<T> {
  const beganMs = now();
  const result = await recorded(spans, { name: `switch ${name}` }, work);
  onStep({ step: name, ms: now() - beganMs, detail: detail(result) });
  return result;
}

/** Not back from `releasing` to `recovering`: pools rest until all is known. */
function toPhase(
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

/** Only from the state that was seen, or where that was done already. */
async function change(
  parts: Pick<FailBackParts, "change">,
  seen: DrState,
  next: Pick<DrState, "phase" | "era">,
  reason: string,
  signal: AbortSignal,
): Promise<DrState> {
  const { state } = await insist(parts.change, (newest) => {
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
}

const sumOf = (plan: readonly TopicPlan[]): number =>
  plan.reduce((sum, { records }) => sum + records, 0);
