/** What `failover` prints. Pure. */
import type {
  FailOverOutcome,
  Stage,
  StepName,
  StepReport,
} from "../../dr/failover/mod.ts";
import { STEPS } from "../../dr/failover/mod.ts";
import type { DrState } from "../../dr/state/mod.ts";
import { leavesPrimary } from "./unless_alive.ts";

export interface PlanReport {
  /** Null: there is none. */
  readonly state: DrState | null;
  readonly stage: Stage["kind"];
  readonly isPrimaryAlive: boolean;
  readonly problem: string | null;
  /** What does not hold it up. */
  readonly note: string | null;
  /** See `leasesEndMs`; 0: there are no leases. */
  readonly leasesMs: number;
}

const DOES: Readonly<Record<StepName, string>> = {
  fence: "note in the state that a failover has begun: mirrors and pools stop",
  deny: "keep clients from the primary",
  seal: "end the mirror's lanes: nobody can mirror any more",
  drain: "wait until all that was mirrored can be read",
  outputs: "write down which outputs are there already",
  leases: "wait until no pool can have a lease",
  promote: "make the secondary the active cluster",
};

const NAME_WIDTH = Math.max(...STEPS.map(({ length }) => length));

/** Of a failover, or of a planned switch, which has a step more. */
export const stepText = (
  { detail, ms, step }: Omit<StepReport, "step"> & { readonly step: string },
): string =>
  `${step.padEnd(NAME_WIDTH)}  ${(ms / 1000).toFixed(3)} s  ${detail}`;

/** @param ms that it took. */
export function endText(outcome: FailOverOutcome, ms: number): string {
  const after = `after ${(ms / 1000).toFixed(2)} s`;
  switch (outcome.kind) {
    case "already":
      return `nothing to do ${after}`;
    case "another":
      return `another has taken it over ${after}: deno task status tells ` +
        "how far it is";
    case "promoted":
      return [
        `done ${after}`,
        ...outcome.problems.map((each) => `see to it: ${each}`),
      ].join("\n");
  }
}

export function planText(
  { isPrimaryAlive, leasesMs, note, problem, stage, state }: PlanReport,
): string {
  const now = state === null
    ? "no state was ever written: the primary is active"
    : `the ${state.active} is active, ${state.phase}, epoch ${state.epoch}, ` +
      `era ${state.era}`;
  const lines = [
    now,
    `the primary ${isPrimaryAlive ? "answers" : "does not answer"}`,
    ...[note, problem].filter((each) => each !== null),
  ];
  switch (stage) {
    case "begin":
    case "resume": {
      const steps: StepName[] = [...STEPS].slice(stage === "begin" ? 0 : 1);
      if (leasesMs > 0) steps.splice(-1, 0, "leases");
      lines.push(
        ...steps.map((step) =>
          `would ${step.padEnd(NAME_WIDTH)}  ${DOES[step]}`
        ),
      );
      if (isPrimaryAlive && leavesPrimary(stage, state)) {
        lines.push("only with --force: the primary answers");
      }
      break;
    }
    case "already":
      lines.push("nothing to do");
      break;
    case "refuse":
      lines.push("would do nothing");
      break;
  }
  return lines.join("\n");
}
