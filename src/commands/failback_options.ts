/** The words of `failback`. Pure. */
import type { TailAction } from "../../dr/failback/mod.ts";
import { usageOf } from "./help.ts";
import { wordsOf } from "./words.ts";

export const USAGE = usageOf("failback");

export interface FailbackOptions {
  readonly reason: string;
  readonly isDryRun: boolean;
  /** Goes on to make the primary active. */
  readonly switches: boolean;
  /** Gives up what rests. */
  readonly cancels: boolean;
  /** Whether groups may be left behind. */
  readonly isForced: boolean;
  /** With `switches`: principals to be kept from the secondary. */
  readonly denied: readonly string[];
  readonly isJson: boolean;
  /** Of a topic; null: what its class says. */
  readonly tailOf: (topic: string) => TailAction | null;
  /** Topics that it was said of. */
  readonly tailTopics: readonly string[];
}

const TAIL = /^(?:(.+)=)?(replay|quarantine|discard)$/;

/** What is wrong with them is a text. */
export function failbackOptions(
  args: readonly string[],
): FailbackOptions | string {
  try {
    const values = wordsOf(args, {
      reason: { type: "string", default: "by hand" },
      switch: { type: "boolean", default: false },
      cancel: { type: "boolean", default: false },
      force: { type: "boolean", default: false },
      "deny-principal": { type: "string", multiple: true, default: [] },
      tail: { type: "string", multiple: true, default: [] },
      "dry-run": { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    });
    const actions = new Map<string | null, TailAction>();
    for (const each of values.tail) {
      const match = TAIL.exec(each);
      if (match === null) {
        return `--tail takes replay, quarantine or discard, with TOPIC= in ` +
          `front for one topic alone, and not "${each}"`;
      }
      actions.set(match[1] ?? null, match[2] as TailAction);
    }
    if (
      values.cancel && (values.switch || values["dry-run"] || actions.size > 0)
    ) return "--cancel goes with neither --switch, --dry-run nor --tail";
    if (values.force && !values.switch) return "--force goes with --switch";
    const { "deny-principal": denied } = values;
    if (denied.length > 0 && !values.switch) {
      return "--deny-principal goes with --switch";
    }
    return {
      denied,
      reason: values.reason,
      cancels: values.cancel,
      isDryRun: values["dry-run"],
      switches: values.switch,
      isForced: values.force,
      isJson: values.json,
      tailOf: (topic) => actions.get(topic) ?? actions.get(null) ?? null,
      tailTopics: [...actions.keys()].filter((topic) => topic !== null),
    };
  } catch (error) {
    return (error as Error).message.split("\n")[0]!;
  }
}
