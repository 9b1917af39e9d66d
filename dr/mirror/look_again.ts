/** Looks at the clusters again and again; one that is down ends nothing. */
import type { Log } from "../../src/telemetry/log.ts";
import { pause } from "../waits.ts";

/** By what is logged when it fails. Each is tried, whatever became of the others. */
export type Looks = Readonly<Record<string, () => Promise<void>>>;

export interface LookAgainOptions {
  /** From the end of one round to the next one; also before the first. */
  readonly everyMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Until the signal aborts. */
export async function lookAgain(
  looks: Looks,
  { everyMs, log, signal }: LookAgainOptions,
): Promise<void> {
  for (;;) {
    await pause(everyMs, signal);
    for (const [failure, look] of Object.entries(looks)) {
      if (signal.aborted) return;
      try {
        await look();
      } catch (error) {
        if (signal.aborted) return;
        log.warn(failure, { error });
      }
    }
  }
}
