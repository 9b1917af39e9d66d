/** What is known before a change, and what comes after it. Pure. */
import { type Copy, hiddenIn, newerOf, type StateLog } from "./copies.ts";
import { StateError } from "./errors.ts";
import type { DrState } from "./types.ts";

/** What a change decides; epoch and time follow by themselves. */
export type Proposal = Pick<
  DrState,
  "active" | "phase" | "reason" | "era" | "lanes"
>;

export interface Known {
  /** Of both copies; null: there is no state yet. */
  readonly newest: DrState | null;
  /** The highest epoch that was seen anywhere; 0: none. */
  readonly highest: number;
  /** Why there may be a newer state that this one cannot read; null: no. */
  readonly hidden: string | null;
  /** Why the other copy may know more; null: it was read. */
  readonly unseen: string | null;
}

export function knownFrom(secondary: StateLog, primary: Copy): Known {
  const logs: readonly StateLog[] = primary.kind === "read"
    ? [secondary, primary]
    : [secondary];
  const epochs = logs.flatMap(({ newest, unreadable }) => [
    newest?.epoch ?? 0,
    ...unreadable.map(({ epoch }) => epoch ?? 0),
  ]);
  const [hidden] = logs.flatMap(hiddenIn);
  return {
    newest: logs.map(({ newest }) => newest).reduce(newerOf),
    highest: Math.max(...epochs),
    hidden: hidden === undefined
      ? null
      : `the record at offset ${hidden.offset} is no state that can be read ` +
        `here (${hidden.reason})`,
    unseen: primary.kind === "read"
      ? null
      : `the copy on the primary cannot be read (${primary.error.message})`,
  };
}

/** Whether it does more than note something. */
export const isSwitch = (newest: DrState | null, next: Proposal): boolean =>
  newest === null || newest.active !== next.active ||
  newest.phase !== next.phase || newest.era !== next.era;

export interface ChangeConditions {
  /** Goes on by what is known, though there may be more. */
  readonly force: boolean;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * The state after the change. Its epoch is above all that were seen; every
 * change has one of its own, so that none can be taken for another.
 * @throws {StateError} `refused`
 * @throws {RangeError} for an era that goes back, or a promotion without one.
 */
export function nextState(
  { hidden, highest, newest, unseen }: Known,
  { active, era, lanes, phase, reason }: Proposal,
  { force, nowMs }: ChangeConditions,
): DrState {
  const next = { active, phase, reason, era, lanes };
  const doubt = hidden ?? (isSwitch(newest, next) ? unseen : null);
  if (doubt !== null && !force) {
    throw new StateError("refused", `${doubt}, so a change needs force`);
  }
  if (newest !== null) {
    const least = newest.era + (newest.active === active ? 0 : 1);
    if (era < least) {
      throw new RangeError(`era ${era} after era ${newest.era}: not promoted`);
    }
  }
  return { ...next, epoch: highest + 1, sinceMs: nowMs };
}
