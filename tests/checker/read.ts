/** Reads the topics of a job, group and history, and lets `Check` judge them. */
import type { IndependentClient } from "../support/independent_client.ts";
import { Check } from "./check.ts";
import type { CheckOptions, Role } from "./observation.ts";
import { type Extract, extractor, type ReadOptions } from "./extract.ts";
import { readHistory } from "./history.ts";
import type { Report } from "./report.ts";

export interface CheckedTopics {
  readonly input: string;
  readonly outputs: readonly string[];
  /** These two may not exist yet: the report says so in a note. */
  readonly deadLetters?: readonly string[];
  readonly retries?: readonly string[];
  /** Default: committed offsets are not checked. */
  readonly group?: string;
}

export interface CheckTopicsOptions extends CheckOptions, ReadOptions {
  /** Reads all once more, uncommitted records too. Default true. */
  readonly secondReading?: boolean;
}

export interface CheckTopicsParts {
  readonly client: IndependentClient;
  readonly topics: CheckedTopics;
  /** File of the generator's history. Default: what the topic holds is true. */
  readonly history?: string;
  readonly options?: CheckTopicsOptions;
  /** What is being read now, for people. */
  readonly onProgress?: (text: string) => void;
}

/** The topics are not as they were said to be: nothing could be checked. */
export class CheckError extends Error {
  override readonly name = "CheckError";
}

/**
 * Waits for open transactions of the outputs to end, because a commit may be seen
 * a moment before the outputs that belong to it.
 *
 * @throws {CheckError} when the input or an output topic does not exist.
 * @throws {Error} when the cluster cannot be read, or a transaction stays open
 * for 60 s.
 */
export async function checkTopics(parts: CheckTopicsParts): Promise<Report> {
  const { client, topics, history, options = {} } = parts;
  const check = new Check(options);
  const sources = await sourcesOf(client, topics, check);
  const reader = new Reader(parts, check, extractor(options));
  if (history !== undefined) {
    parts.onProgress?.(`history ${history}`);
    check.historyOf(topics.input);
    await readHistory(history, (operation) => check.history(operation));
  }
  await reader.committed(sources);
  for (const { topic } of sources) await reader.log(topic);
  for (const source of sources) await reader.first(source);
  if (options.secondReading ?? true) {
    for (const source of sources.toReversed()) await reader.second(source);
  } else {
    for (const { topic } of sources) await reader.log(topic);
  }
  return check.report();
}

interface Source {
  readonly role: Role;
  readonly topic: string;
}

/** In the order in which `Check` wants them: the input last. */
async function sourcesOf(
  client: IndependentClient,
  { input, outputs, deadLetters = [], retries = [] }: CheckedTopics,
  check: Check,
): Promise<Source[]> {
  const there = new Set(await client.topics());
  for (const topic of [input, ...outputs]) {
    if (!there.has(topic)) throw new CheckError(`there is no topic ${topic}`);
  }
  const known = (topic: string) => {
    if (!there.has(topic)) check.note(`there is no topic ${topic}`);
    return there.has(topic);
  };
  const of = (role: Role) => (topic: string): Source => ({ role, topic });
  return [
    ...outputs.map(of("output")),
    ...deadLetters.filter(known).map(of("dead letter")),
    ...retries.filter(known).map(of("retry")),
    of("input")(input),
  ];
}

class Reader {
  readonly #parts: CheckTopicsParts;
  readonly #check: Check;
  readonly #extract: Extract;

  constructor(parts: CheckTopicsParts, check: Check, extract: Extract) {
    this.#parts = parts;
    this.#check = check;
    this.#extract = extract;
  }

  async committed(sources: readonly Source[]): Promise<void> {
    const { client, topics: { group } } = this.#parts;
    if (group === undefined) return;
    for (const { role, topic } of sources) {
      if (role !== "input" && role !== "retry") continue;
      const committed = await client.committedOffsets(group, topic);
      committed.forEach((each, partition) => {
        if (each !== undefined) {
          this.#check.committed({ topic, partition, ...each });
        }
      });
    }
  }

  async log(topic: string): Promise<void> {
    const marks = await this.#parts.client.watermarks(topic);
    marks.forEach((each, partition) =>
      this.#check.log({ topic, partition, ...each })
    );
  }

  async first({ role, topic }: Source): Promise<void> {
    this.#parts.onProgress?.(`${role} ${topic}`);
    await this.#parts.client.visitTopic(topic, (records) => {
      for (const record of records) {
        this.#check.observe(role, this.#extract(topic, role, record));
      }
    }, { isolation: "read_committed", awaitTransactions: true });
  }

  async second({ role, topic }: Source): Promise<void> {
    this.#parts.onProgress?.(`${role} ${topic} once more`);
    await this.#parts.client.visitTopic(topic, (records) => {
      for (const record of records) {
        this.#check.observeAgain(role, this.#extract(topic, role, record));
      }
    }, { isolation: "read_uncommitted" });
    await this.log(topic);
    this.#check.secondReadingEnded(topic);
  }
}
