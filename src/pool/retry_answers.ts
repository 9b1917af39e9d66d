/** Asks the cluster again while that may help. */
import { isTopicUnknown, KafkaError } from "../kafka/mod.ts";

const RETRY_MS = 200;
/** The group may give a partition this long before a client has heard of it. */
const UNKNOWN_MS = 30_000;

/**
 * Asks until no answer is an error.
 * @throws {KafkaError} that asking again does not mend; the signal's reason.
 */
export async function retryAnswers<
  Answer extends { readonly error: KafkaError | null },
>(ask: () => Promise<Answer[]>, signal: AbortSignal): Promise<Answer[]> {
  const patientUntilMs = performance.now() + UNKNOWN_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      const answers = await ask();
      const failed = answers.find((each) => each.error !== null)?.error;
      if (!failed) return answers;
      throw failed;
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      const isNew = isTopicUnknown(error.code) &&
        performance.now() < patientUntilMs;
      if (!error.retriable && !isNew) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
