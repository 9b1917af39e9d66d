/** What a drill was asked for. */
import { parseDuration } from "../config/duration.ts";
import { nearestName, suggestion } from "../config/nearest.ts";
import {
  DEFAULT_OBJECTIVES,
  type Objectives,
  type Scenario,
  scenarioNamed,
  SCENARIOS,
} from "../../dr/drill/mod.ts";
import type { BreakCommands } from "./drill/user_commands.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

export const DRILL_USAGE = usageOf("drill");

export interface DrillChoices {
  /** Null: the usual one, in a soak all. */
  readonly scenario: Scenario | null;
  readonly seed: number;
  /** So many drills; null: one. */
  readonly soak: number | null;
  /** So many of them side by side. */
  readonly atOnce: number;
  /** Those of the settings, not embedded ones. */
  readonly isOnClusters: boolean;
  /** What breaks the primary of the settings, and mends it. */
  readonly commands: BreakCommands | null;
  readonly objectivesOf: (scenario: Scenario) => Objectives;
  readonly isJson: boolean;
  readonly isList: boolean;
}

const MOST_SOAK = 10_000;
const MOST_AT_ONCE = 16;

/** What is wrong with them is a text. */
export function drillOptions(args: readonly string[]): DrillChoices | string {
  try {
    const values = wordsOf(args, {
      scenario: { type: "string" },
      seed: { type: "string", default: "1" },
      soak: { type: "string" },
      "at-once": { type: "string" },
      "max-rto": { type: "string" },
      "max-rpo": { type: "string" },
      clusters: { type: "boolean", default: false },
      break: { type: "string" },
      mend: { type: "string" },
      json: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    });
    const scenario = values.scenario === undefined
      ? null
      : scenarioNamed(values.scenario) ?? unknown(values.scenario);
    const soak = values.soak === undefined
      ? null
      : whole("--soak", values.soak, 1, MOST_SOAK);
    const maxRtoMs = duration("--max-rto", values["max-rto"]);
    const maxRpoMs = duration("--max-rpo", values["max-rpo"]);
    const together = values["at-once"];
    if (together !== undefined && soak === null) {
      throw new RangeError("--at-once goes with --soak");
    }
    const atOnce = whole("--at-once", together ?? "1", 1, MOST_AT_ONCE);
    const commands = commandsOf(values);
    if (commands !== null && atOnce > 1) {
      throw new RangeError(
        "--break breaks the cluster of all drills; leave --at-once at 1",
      );
    }
    return {
      scenario,
      seed: whole("--seed", values.seed, 0, 2 ** 32 - 1),
      soak,
      atOnce,
      isOnClusters: values.clusters,
      commands,
      objectivesOf: (each) => ({
        maxRtoMs: maxRtoMs ?? each.maxRtoMs ?? DEFAULT_OBJECTIVES.maxRtoMs,
        maxRpoMs: maxRpoMs ?? DEFAULT_OBJECTIVES.maxRpoMs,
      }),
      isJson: values.json,
      isList: values.list,
    };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}

function commandsOf(
  values: { clusters: boolean; break?: string; mend?: string },
): DrillChoices["commands"] {
  if (values.break === undefined && values.mend === undefined) return null;
  if (
    !values.clusters || values.break === undefined || values.mend === undefined
  ) throw new RangeError("--break and --mend go together, with --clusters");
  return { break: values.break, mend: values.mend };
}

function unknown(name: string): never {
  const names = SCENARIOS.map(({ name }) => name);
  const near = suggestion(nearestName(name, names));
  throw new RangeError(
    `unknown scenario "${name}"${near}; there are ${names.join(", ")}`,
  );
}

function whole(name: string, text: string, least: number, most: number) {
  const number = Number(text);
  if (Number.isInteger(number) && number >= least && number <= most) {
    return number;
  }
  throw new RangeError(
    `${name} takes a whole number from ${least} to ${most}, not "${text}"`,
  );
}

function duration(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const ms = parseDuration(text);
  if (ms !== null) return ms;
  throw new RangeError(`${name} takes durations such as 5s, not "${text}"`);
}
