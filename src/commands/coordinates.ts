/** What a job must know of its cluster to give outputs coordinates. */
import { delayTopics, type Settings, wantsCoordinates } from "../config/mod.ts";
import {
  Admin,
  KafkaError,
  type Library,
  type ProducerProperties,
} from "../kafka/mod.ts";
import { type JobCoordinates, jobCoordinates } from "../pool/mod.ts";
import { PreflightError } from "./preflight.ts";

const READ_MS = 30_000;

/**
 * @returns null where outputs need none.
 * @throws {PreflightError} within 30 s where the cluster does not say it.
 */
export async function readCoordinates(
  library: Library,
  settings: Settings,
  properties: ProducerProperties,
): Promise<JobCoordinates | null> {
  if (!wantsCoordinates(settings)) return null;
  const { inputTopic, retryDelays } = settings;
  const delays = delayTopics(inputTopic, retryDelays);
  const signal = AbortSignal.timeout(READ_MS);
  await using admin = new Admin(library, properties);
  try {
    return await jobCoordinates(
      admin,
      [inputTopic, ...delays.map(({ topic }) => topic)],
      signal,
    );
  } catch (error) {
    if (!(error instanceof KafkaError || error === signal.reason)) throw error;
    const { message } = error as Error;
    throw new PreflightError(
      `cannot read the ids of the cluster and its topics: ${message}; ` +
        "COORDINATES=off does without them, and without exactly-once after a " +
        "failover",
      !(error instanceof KafkaError) || error.retriable,
    );
  }
}
