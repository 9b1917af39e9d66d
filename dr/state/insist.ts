/** Changes of the state, by several at once. */
import { pause } from "../waits.ts";
import type { Change, Decide } from "./state_store.ts";
import { StateError } from "./errors.ts";
import type { DrState } from "./types.ts";

const ATTEMPTS = 10;
/** Apart by chance, so that two that fence each other do so once. */
const AGAIN_MS = 20;

/** As `Decide`; it is told what of an earlier decision may have been written. */
export type DecideAgain = (
  newest: DrState | null,
  perhaps: DrState | null,
) => ReturnType<Decide>;

/**
 * Whether it was. Also by the moment at which it was: another that takes a switch
 * over leaves the rest as it is.
 */
export const isWritten = (
  newest: DrState | null,
  perhaps: DrState | null,
): boolean =>
  newest !== null && perhaps !== null && newest.epoch === perhaps.epoch &&
  newest.sinceMs === perhaps.sinceMs && newest.active === perhaps.active &&
  newest.phase === perhaps.phase && newest.era === perhaps.era &&
  newest.reason === perhaps.reason;

/**
 * Whoever was fenced wrote nothing; what is not certain is decided anew.
 * @throws what `change` throws; the signal's reason.
 */
export async function insist(
  change: (decide: Decide, signal: AbortSignal) => Promise<Change>,
  decide: DecideAgain,
  signal: AbortSignal,
): Promise<Change> {
  let perhaps: DrState | null = null;
  for (let attempt = 1;; attempt++) {
    try {
      return await change((newest) => decide(newest, perhaps), signal);
    } catch (error) {
      const isWorthIt = error instanceof StateError &&
        (error.kind === "fenced" || error.kind === "unknown");
      if (!isWorthIt || attempt === ATTEMPTS) throw error;
      perhaps = error.perhaps ?? perhaps;
    }
    await pause(AGAIN_MS * attempt * Math.random(), signal);
    signal.throwIfAborted();
  }
}
