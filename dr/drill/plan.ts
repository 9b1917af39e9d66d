/** Which faults begin and end when. Pure. */
import type { Phase } from "../state/types.ts";
import type { Fault, Scenario, Step } from "./types.ts";

/** How far the steps of a scenario are. */
export type Progress = readonly StepProgress[];

type StepProgress =
  | { readonly kind: "waiting" }
  | { readonly kind: "begun"; readonly sinceMs: number }
  | { readonly kind: "over" };

export interface Action {
  readonly kind: "begin" | "end";
  readonly fault: Fault;
}

const SHIFT_MS = 1_000;

export const notBegun = (steps: readonly Step[]): Progress =>
  steps.map(() => ({ kind: "waiting" }));

/** Moves all of its faults by up to a second, the same for the same seed. */
export function seeded(scenario: Scenario, seed: number): Scenario {
  // Knuth's multiplicative hash: seeds that follow one another are far apart.
  const shiftMs = Math.floor(
    (Math.imul(seed, 2_654_435_761) >>> 0) / 2 ** 32 * SHIFT_MS,
  );
  return {
    ...scenario,
    steps: scenario.steps.map((step) =>
      "atMs" in step ? { ...step, atMs: step.atMs + shiftMs } : step
    ),
  };
}

/**
 * @param nowMs since the load began
 * @param phase of the state; null: it is not known
 * @returns what is to be done now, and how far everything is then.
 */
export function advance(
  steps: readonly Step[],
  progress: Progress,
  nowMs: number,
  phase: Phase | null,
): { readonly progress: Progress; readonly actions: readonly Action[] } {
  const actions: Action[] = [];
  const next = progress.map((each, at): StepProgress => {
    const step = steps[at]!;
    switch (each.kind) {
      case "waiting":
        if (!isDue(step, nowMs, phase)) return each;
        actions.push({ kind: "begin", fault: step.fault });
        return { kind: "begun", sinceMs: nowMs };
      case "begun":
        if (step.lastsMs === null || nowMs < each.sinceMs + step.lastsMs) {
          return each;
        }
        actions.push({ kind: "end", fault: step.fault });
        return { kind: "over" };
      case "over":
        return each;
    }
  });
  return { progress: next, actions };
}

const isDue = (step: Step, nowMs: number, phase: Phase | null): boolean =>
  "atMs" in step ? nowMs >= step.atMs : phase === step.when;

/** Faults that have begun and not ended. */
export const underWay = (
  steps: readonly Step[],
  progress: Progress,
): readonly Fault[] =>
  steps.filter((_, at) => progress[at]!.kind === "begun")
    .map(({ fault }) => fault);
