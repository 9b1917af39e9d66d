/**
 * What must hold before a job starts, each failure as one clear message: the
 * cluster answers, the input topic exists, the others do or are created.
 */
import type { ClusterName } from "../../dr/state/mod.ts";
import { delayTopicPrefix } from "../config/mod.ts";
import { Admin, isTopicExisting, KafkaError } from "../kafka/mod.ts";
import type { Library, ProducerProperties } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";

/** The job cannot start on this cluster; the message says what to do. */
export class PreflightError extends Error {
  override readonly name = "PreflightError";
  /** The cluster has not said no: it has not answered. */
  readonly isUnanswered: boolean;

  constructor(message: string, isUnanswered = false) {
    super(message);
    this.isUnanswered = isUnanswered;
  }
}

export interface PreflightOptions {
  readonly library: Library;
  readonly properties: ProducerProperties;
  /** Whose settings the messages name. */
  readonly cluster: ClusterName;
  /** As the user wrote them. */
  readonly brokers: string;
  readonly inputTopic: string;
  /** Topics that are written. */
  readonly outputTopics: readonly string[];
  /** Topics that are written and read, in which failed records wait. */
  readonly delayTopics: readonly string[];
  readonly createTopics: boolean;
  readonly log: Log;
}

const REACH_MS = 10_000;
const REQUEST_MS = 10_000;
const POLL_MS = 50;
/** Whatever the broker's defaults are: a waiting record must not go. */
const DELAY_TOPIC_CONFIG = {
  "cleanup.policy": "delete",
  "retention.ms": String(7 * 24 * 3_600_000),
  "retention.bytes": "-1",
};
/** Which of librdkafka's threads wrote a log line. */
const THREAD = /^\[thrd:[^\]]*\]: /;

/** What was found out about the cluster. */
export interface ClusterFacts {
  /**
   * The largest batch that all output topics take; null where this user may not
   * ask.
   */
  readonly largestBatchBytes: number | null;
}

/** @throws {PreflightError} */
export async function preflight(
  options: PreflightOptions,
): Promise<ClusterFacts> {
  await using admin = new Admin(options.library, options.properties);
  await prepareTopics(admin, options);
  const { outputTopics, delayTopics } = options;
  return {
    largestBatchBytes: await largestBatch(admin, [
      ...outputTopics,
      ...delayTopics,
    ]),
  };
}

async function prepareTopics(
  admin: Admin,
  options: PreflightOptions,
): Promise<void> {
  const counts = await reach(admin, options);
  const { inputTopic, outputTopics, delayTopics, createTopics, log } = options;
  const partitions = counts.get(inputTopic);
  if (partitions === undefined) {
    throw new PreflightError(
      `the input topic "${inputTopic}" does not exist on ${options.brokers}, ` +
        "or may not be described; create it, or set INPUT_TOPIC",
    );
  }
  warnOfForgotten([...counts.keys()], options);
  const missing = [...outputTopics, ...delayTopics]
    .filter((topic) => !counts.has(topic));
  if (missing.length === 0) return;
  const names = missing.map((topic) => `"${topic}"`).join(", ");
  if (!createTopics) {
    throw new PreflightError(
      `missing topic ${names} on ${options.brokers}; create it, or set ` +
        "CREATE_TOPICS=true",
    );
  }
  const answers = await admin.topics.create(
    missing.map((topic) => ({
      topic,
      partitions,
      ...(delayTopics.includes(topic) ? { config: DELAY_TOPIC_CONFIG } : {}),
    })),
    { timeoutMs: REQUEST_MS },
  );
  for (const { topic, error } of answers) {
    if (error !== null && !isTopicExisting(error.code)) {
      throw new PreflightError(
        `cannot create topic "${topic}" on ${options.brokers}: ` +
          `${error.message}; create it, or give this user the right to`,
      );
    }
    log.info("topic created", { topic, partitions });
  }
}

/** A delay that was taken out of the settings may have left records behind. */
function warnOfForgotten(
  existing: readonly string[],
  { inputTopic, delayTopics, log }: PreflightOptions,
): void {
  const prefix = delayTopicPrefix(inputTopic);
  for (const topic of existing) {
    if (!topic.startsWith(prefix) || delayTopics.includes(topic)) continue;
    log.warn("delay topic is not read, its delay is not in RETRY_DELAYS", {
      topic,
    });
  }
}

async function largestBatch(
  admin: Admin,
  topics: readonly string[],
): Promise<number | null> {
  const resources = topics.map((name) => ({ type: "topic" as const, name }));
  try {
    const answers = await admin.configs.describe(resources, {
      timeoutMs: REQUEST_MS,
    });
    const limits = answers.map(({ entries }) =>
      Number(entries.find(({ name }) => name === "max.message.bytes")?.value)
    );
    return limits.every((limit) => limit > 0) ? Math.min(...limits) : null;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return null; // it is only for comfort
  }
}

/** Waits for metadata; what librdkafka logs meanwhile says why it fails. */
async function reach(
  admin: Admin,
  options: PreflightOptions,
): Promise<Map<string, number>> {
  const { cluster } = options;
  const reasons: string[] = [];
  const done = new AbortController();
  const listening = listen(admin, done.signal, reasons, options.log);
  try {
    return await admin.partitionCounts(REACH_MS);
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    const [reason] = reasons;
    throw new PreflightError(
      `cannot reach the Kafka cluster at ${options.brokers}: ` +
        `${reason ?? error.message}; check ${cluster.toUpperCase()}_BROKERS ` +
        `and the settings under ${cluster}.kafka`,
      true,
    );
  } finally {
    done.abort();
    await listening;
  }
}

async function listen(
  admin: Admin,
  signal: AbortSignal,
  reasons: string[],
  log: Log,
): Promise<void> {
  while (!signal.aborted) {
    const event = await admin.poll(POLL_MS);
    if (event?.kind === "error") reasons.push(event.error.message);
    else if (event?.kind === "log") {
      const { facility, message } = event.log;
      // Whoever waits for it says what counts.
      log.debug(message, { facility });
      if (facility === "FAIL") reasons.push(message.replace(THREAD, ""));
    }
  }
}
