/**
 * Gives a switch up, so that nobody rests for good:
 *
 *     primary,   draining    steady        nothing has happened yet
 *                fencing     steady        in the next era: lanes may be sealed
 *     secondary, releasing   recovering    in the next era: what was replayed by
 *                                          now is known to pools first
 *                draining    catching-up   nothing has happened yet
 *                fencing     catching-up   in the next era: lanes may be sealed
 *
 * Not `steady` on the secondary: there everything that the mirror back has copied
 * would be a tail. In the next era everybody goes on with what was known before:
 * pools with what is done, mirrors with what they have copied.
 */
import {
  Claim,
  type ClaimParts,
  type ClusterName,
  type DrState,
  insist,
  isWritten,
  OvertakenError,
  type Phase,
} from "../state/mod.ts";
import { FailbackError } from "./errors.ts";

/** Where that leaves everybody; null: nothing rests. Pure. */
export function givenUp(
  { active, era, phase }: Pick<DrState, "active" | "era" | "phase">,
): { readonly phase: Phase; readonly era: number } | null {
  const isHome = active === "primary";
  switch (phase) {
    case "draining":
      return { phase: isHome ? "steady" : "catching-up", era };
    case "fencing":
      return { phase: isHome ? "steady" : "catching-up", era: era + 1 };
    case "releasing":
      return { phase: isHome ? "steady" : "recovering", era: era + 1 };
    case "steady":
    case "recovering":
    case "reversing":
    case "catching-up":
      return null;
  }
}

/** None of it needs the cluster that is not active. */
export interface GiveUpParts extends ClaimParts {
  /** @throws {FailbackError} where it does not answer. */
  readonly expectPrimary: (signal: AbortSignal) => Promise<void>;
  /** Takes the tail from whoever replays it: nothing is copied any more. */
  readonly endReplay: (signal: AbortSignal) => Promise<void>;
  /** What pools of the cluster know to be done, and what was replayed since. */
  readonly keepDone: (
    active: ClusterName,
    era: number,
    signal: AbortSignal,
  ) => Promise<void>;
  /** Lets those back to the cluster that were kept from it: `dr/denials.ts`. */
  readonly allow: (
    active: ClusterName,
    signal: AbortSignal,
  ) => Promise<readonly string[]>;
}

export interface GiveUpRequest {
  /** As a user reads it. */
  readonly why: string;
  /** Of the state that is given up; default: whatever it is. */
  readonly epoch?: number;
  /** As of `ClaimParts`. */
  readonly onClaimed?: ClaimParts["onClaimed"];
}

/**
 * @returns the state then; null: nothing was to be given up.
 * @throws {OvertakenError} where another has gone on with it.
 * @throws {FailbackError} where what it needs does not answer: nothing is changed.
 * @throws {StateError | KafkaError | ReadError} run it again; the signal's reason.
 */
export async function giveUp(
  parts: GiveUpParts,
  { epoch, onClaimed, why }: GiveUpRequest,
  signal: AbortSignal,
): Promise<DrState | null> {
  const newest = await parts.latest(signal);
  const wanted = newest === null ? null : givenUp(newest);
  if (newest === null || wanted === null) return null;
  // Else it would be taken from whoever carries it on, and get no further.
  if (newest.active === "primary" && wanted.era > newest.era) {
    await parts.expectPrimary(signal);
  }
  const { state } = await insist(parts.change, (known, perhaps) => {
    if (isWritten(known, perhaps)) return null; // taken over by this one
    if (known === null || givenUp(known) === null) return null;
    if (epoch !== undefined && known.epoch !== epoch) {
      throw new OvertakenError(known);
    }
    return known;
  }, signal);
  const next = state === null ? null : givenUp(state);
  if (state === null || next === null) return null;
  const claim = new Claim({ ...parts, onClaimed }, state);
  await claim.hold(async (its) => {
    if (state.phase === "releasing") await parts.endReplay(its);
    if (next.era > state.era) {
      await parts.keepDone(state.active, next.era, its);
    }
    await parts.allow(state.active, its);
  }, signal);
  return await claim.set({ ...next, reason: `given up: ${why}` }, signal);
}

/**
 * Where the work fails, what it has begun is given up.
 * @throws {OvertakenError} another's matter; {FailbackError} for all else, with
 * what became of it.
 */
export async function orGiveUp<T>(
  work: () => Promise<T>,
  giveItUp: (why: string) => Promise<DrState | null>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OvertakenError) throw error;
    const why = messageOf(error);
    let state: DrState | null;
    try {
      state = await giveItUp(why);
    } catch (second) {
      if (second instanceof OvertakenError) throw second;
      throw new FailbackError(
        "failed",
        `${why}. It could not be given up (${messageOf(second)}), so pools ` +
          "rest: run it again, or give it up with --cancel",
        { cause: error },
      );
    }
    if (state === null) throw error;
    throw new FailbackError(
      "failed",
      `${why}. So it was given up: the ${state.active} is active, ` +
        `${state.phase}, and worked on; see to that, and run it again`,
      { cause: error },
    );
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
