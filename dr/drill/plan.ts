/** Which faults begin and end when, and which commands are run. Pure. */
import type {
  Command,
  Fault,
  FaultStep,
  Scenario,
  Step,
  Turn,
} from "./types.ts";

/** How far the steps of a scenario are. */
export type Progress = readonly StepProgress[];

type StepProgress =
  | { readonly kind: "waiting" }
  /** Its turn has come. */
  | { readonly kind: "called"; readonly sinceMs: number }
  | { readonly kind: "begun"; readonly sinceMs: number }
  | { readonly kind: "over"; readonly sinceMs: number };

export type Action =
  | { readonly kind: "begin" | "end"; readonly fault: Fault }
  /** `step`: its place among the steps. */
  | {
    readonly kind: "run";
    readonly command: Command;
    readonly step: number;
  };

const SHIFT_MS = 2_000;
/** Of the scenario's, up to twice as many. */
const LEAST_LOAD = 0.5;
const LOAD_SPREAD = 1.5;

export const notBegun = (steps: readonly Step[]): Progress =>
  steps.map(() => ({ kind: "waiting" }));

/**
 * Moves all of its steps by up to two seconds, those that wait for a turn by a
 * part of theirs, and changes the load: the same for the same seed.
 */
export function seeded(scenario: Scenario, seed: number): Scenario {
  const shiftMs = Math.floor(chance(seed, 0) * SHIFT_MS);
  const times = (at: number) => LEAST_LOAD + LOAD_SPREAD * chance(seed, at);
  const { load: { keys, perSecond }, steps } = scenario;
  return {
    ...scenario,
    load: {
      perSecond: Math.ceil(perSecond * times(1)),
      keys: Math.ceil(keys * times(2)),
    },
    steps: steps.map((step, at) =>
      "atMs" in step
        ? { ...step, atMs: step.atMs + shiftMs }
        : { ...step, afterMs: Math.floor(step.afterMs * chance(seed, 3 + at)) }
    ),
  };
}

/** From 0 to below 1, the same for the same numbers; by MurmurHash3's end. */
export function chance(seed: number, index: number): number {
  let bits = (seed ^ Math.imul(index + 1, 0x9e3779b9)) | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return ((bits ^ (bits >>> 16)) >>> 0) / 2 ** 32;
}

/**
 * @param nowMs since the load began
 * @param turn that the state is in; null: it is not known
 * @param ended places of steps whose commands have ended
 * @returns what is to be done now, and how far everything is then.
 */
export function advance(
  steps: readonly Step[],
  progress: Progress,
  nowMs: number,
  turn: Turn | null,
  ended: ReadonlySet<number> = new Set(),
): { readonly progress: Progress; readonly actions: readonly Action[] } {
  const actions: Action[] = [];
  const next = progress.map((each, at): StepProgress => {
    const step = steps[at]!;
    const called = each.kind === "waiting" ? call(step, nowMs, turn) : each;
    switch (called.kind) {
      case "waiting":
        return called;
      case "called":
        if ("when" in step && nowMs < called.sinceMs + step.afterMs) {
          return called;
        }
        actions.push(
          "command" in step
            ? { kind: "run", command: step.command, step: at }
            : { kind: "begin", fault: step.fault },
        );
        return { kind: "begun", sinceMs: nowMs };
      case "begun":
        if ("command" in step) {
          return ended.has(at) ? { kind: "over", sinceMs: nowMs } : called;
        }
        if (!isPast(step, nowMs - called.sinceMs, turn)) return called;
        actions.push({ kind: "end", fault: step.fault });
        return { kind: "over", sinceMs: nowMs };
      case "over":
        return called;
    }
  });
  return { progress: next, actions };
}

function call(step: Step, nowMs: number, turn: Turn | null): StepProgress {
  const isDue = "atMs" in step ? nowMs >= step.atMs : turn === step.when;
  return isDue ? { kind: "called", sinceMs: nowMs } : { kind: "waiting" };
}

const isPast = (
  { lasts }: FaultStep,
  forMs: number,
  turn: Turn | null,
): boolean =>
  typeof lasts === "number" ? forMs >= lasts : lasts !== null && lasts === turn;

/** Faults that have begun and not ended. */
export const underWay = (
  steps: readonly Step[],
  progress: Progress,
): readonly Fault[] =>
  steps.flatMap((step, at) =>
    "fault" in step && progress[at]!.kind === "begun" ? [step.fault] : []
  );

/** When the last thing happened, since the load began; null: more is to come. */
export function settledAt(
  steps: readonly Step[],
  progress: Progress,
): number | null {
  let lastMs = 0;
  for (const [at, each] of progress.entries()) {
    const step = steps[at]!;
    const isDone = each.kind === "over" ||
      each.kind === "begun" && "fault" in step && step.lasts === null;
    if (!isDone) return null;
    lastMs = Math.max(lastMs, each.sinceMs);
  }
  return lastMs;
}
