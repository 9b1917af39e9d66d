/** Questions that are asked until they are answered. */
import { KafkaError } from "../../src/kafka/mod.ts";
import { pause, unlessAborted } from "../waits.ts";

const RETRY_MS = 100;

/**
 * Asks again while that may help.
 * @throws the signal's reason, and what `ask` throws for good.
 */
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await unlessAborted(ask(), signal);
    } catch (error) {
      if (!(error instanceof KafkaError && error.retriable)) throw error;
    }
    await pause(RETRY_MS, signal);
  }
}
