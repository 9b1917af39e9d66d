/** Work that is done again and again, whatever the clusters answer. */
import { KafkaError } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { pause } from "../waits.ts";

export interface Repetition {
  /** As in "<what> fails": said once, and once when it works again. */
  readonly what: string;
  /** From one beginning to the next; after a failure as well. */
  readonly everyMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Ends when the signal aborts.
 * @throws whatever `work` throws that no cluster has caused: it is a bug.
 */
export async function repeat(
  work: (signal: AbortSignal) => Promise<void>,
  { everyMs, log, signal, what }: Repetition,
): Promise<void> {
  let isFailing = false;
  while (!signal.aborted) {
    const begunMs = performance.now();
    try {
      await work(signal);
      if (isFailing) log.info(`${what} works again`);
      isFailing = false;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof KafkaError)) throw error;
      if (!isFailing) {
        log.warn(`${what} fails and is tried again`, { error: error.message });
      }
      isFailing = true;
    }
    const leftMs = everyMs - (performance.now() - begunMs);
    await pause(Math.max(0, leftMs), signal);
  }
}
