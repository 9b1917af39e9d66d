/** Looks again and again, for a while. */
import { pause } from "../waits.ts";
import { FailbackError } from "./errors.ts";

const LOOK_MS = 200;

/**
 * @param missing as a user reads it, with what to do; null: nothing.
 * @throws {FailbackError} `failed`, with what is missing when the time is over;
 * what `missing` throws; the signal's reason.
 */
export async function untilNothingMissing(
  patienceMs: number,
  missing: () => Promise<string | null>,
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + patienceMs;
  for (;;) {
    const what = await missing();
    if (what === null) return;
    if (performance.now() > deadlineMs) {
      throw new FailbackError("failed", `${what}, and run it again`);
    }
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}
