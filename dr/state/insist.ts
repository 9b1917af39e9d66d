/** Changes of the state, by several at once. */
import { pause } from "../waits.ts";
import type { Change, Decide } from "./state_store.ts";
import { StateError } from "./errors.ts";

const ATTEMPTS = 10;
/** Apart by chance, so that two that fence each other do so once. */
const AGAIN_MS = 20;

/** As `Decide`; it is told whether an earlier decision may have been written. */
export type DecideAgain = (
  newest: Parameters<Decide>[0],
  isUnsure: boolean,
) => ReturnType<Decide>;

/**
 * Whoever was fenced wrote nothing; what is not certain is decided anew.
 * @throws what `change` throws; the signal's reason.
 */
export async function insist(
  change: (decide: Decide, signal: AbortSignal) => Promise<Change>,
  decide: DecideAgain,
  signal: AbortSignal,
): Promise<Change> {
  let isUnsure = false;
  for (let attempt = 1;; attempt++) {
    try {
      return await change((newest) => decide(newest, isUnsure), signal);
    } catch (error) {
      const isWorthIt = error instanceof StateError &&
        (error.kind === "fenced" || error.kind === "unknown");
      if (!isWorthIt || attempt === ATTEMPTS) throw error;
      isUnsure ||= error.kind === "unknown";
    }
    await pause(AGAIN_MS * attempt * Math.random(), signal);
    signal.throwIfAborted();
  }
}
