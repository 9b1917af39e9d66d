/** Reads the topics of one cluster, so many at a time that no answer is huge. */
import {
  type Admin,
  type ConfigEntry,
  isTopicUnknown,
  isUnsupported,
  KafkaError,
  type TopicSummary,
} from "../../src/kafka/mod.ts";
import { unlessAborted } from "../waits.ts";

/** By topic: what was asked for, or why it is not known. */
export interface Reading<T> {
  readonly found: ReadonlyMap<string, T>;
  /** Topics that do not exist are in neither. */
  readonly failed: ReadonlyMap<string, KafkaError>;
}

const SUMMARIES_AT_ONCE = 500;
/** An answer has some 40 settings a topic, each read by several native calls. */
const CONFIGS_AT_ONCE = 50;

export class TopicReader {
  readonly #admin: Admin;
  readonly #timeoutMs: number;

  /** @param timeoutMs for each request. */
  constructor(admin: Admin, timeoutMs: number) {
    this.#admin = admin;
    this.#timeoutMs = timeoutMs;
  }

  async names(signal: AbortSignal): Promise<string[]> {
    const counts = this.#admin.partitionCounts(this.#timeoutMs);
    return [...(await unlessAborted(counts, signal)).keys()];
  }

  async brokers(signal: AbortSignal): Promise<number> {
    const timeoutMs = this.#timeoutMs;
    const cluster = await this.#admin.describeCluster({ timeoutMs, signal });
    return cluster.brokers.length;
  }

  async summaries(
    topics: readonly string[],
    signal: AbortSignal,
  ): Promise<Reading<TopicSummary>> {
    const options = { timeoutMs: this.#timeoutMs, signal };
    return readingOf(
      await inParts(
        topics,
        SUMMARIES_AT_ONCE,
        (part) => this.#admin.topics.summarize(part, options),
      ),
      ({ topic }) => topic,
      (answer) => answer,
    );
  }

  /** Nothing of a cluster that describes none: the embedded one. */
  async configs(
    topics: readonly string[],
    signal: AbortSignal,
  ): Promise<Reading<readonly ConfigEntry[]>> {
    const options = { timeoutMs: this.#timeoutMs, signal };
    try {
      return readingOf(
        await inParts(
          topics,
          CONFIGS_AT_ONCE,
          (part) =>
            this.#admin.configs.describe(
              part.map((name) => ({ type: "topic", name })),
              options,
            ),
        ),
        ({ name }) => name,
        ({ entries }) => entries,
      );
    } catch (error) {
      if (!(error instanceof KafkaError && isUnsupported(error.code))) {
        throw error;
      }
      return { found: new Map(), failed: new Map() };
    }
  }
}

async function inParts<T>(
  topics: readonly string[],
  atOnce: number,
  ask: (part: readonly string[]) => Promise<readonly T[]>,
): Promise<T[]> {
  const answers: T[] = [];
  for (let at = 0; at < topics.length; at += atOnce) {
    answers.push(...await ask(topics.slice(at, at + atOnce)));
  }
  return answers;
}

function readingOf<A extends { readonly error: KafkaError | null }, T>(
  answers: readonly A[],
  topicOf: (answer: A) => string,
  valueOf: (answer: A) => T,
): Reading<T> {
  const found = new Map<string, T>();
  const failed = new Map<string, KafkaError>();
  for (const answer of answers) {
    const { error } = answer;
    if (error === null) found.set(topicOf(answer), valueOf(answer));
    else if (!isTopicUnknown(error.code)) failed.set(topicOf(answer), error);
  }
  return { found, failed };
}
