/**
 * Puts dead letters back into the topics that they came from, each once:
 *
 *     dead letters ──read──> chosen ──┐ transaction
 *     ledger ──read──> done before    ├──> their topics
 *                                     └──> ledger
 *
 * What puts a letter back and what notes that it was put back are one
 * transaction, so a kill at any moment leaves both or neither. The ledger is
 * read after the writer has fenced whoever wrote to it before.
 */
import {
  Admin,
  type Batch,
  type ConsumerProperties,
  isTopicExisting,
  type Library,
  type ProducerProperties,
  type ReadRange,
  readTopic,
  wholeTopic,
} from "../kafka/mod.ts";
import type { Filter } from "./filter.ts";
import { Ledger, ledgerTopic } from "./ledger.ts";
import { letterOf, originalRecord } from "./letter.ts";
import { Writer } from "./writer.ts";

export interface RedriveOptions {
  readonly library: Library;
  readonly consumer: ConsumerProperties;
  readonly producer: ProducerProperties;
  readonly deadLetterTopic: string;
  /** Null: where each letter came from. */
  readonly to: string | null;
  readonly filter: Filter;
  /** At most this many; null: all. */
  readonly max: number | null;
  /** Counts what would be done. */
  readonly isDryRun: boolean;
  readonly createTopics: boolean;
  readonly signal: AbortSignal;
}

export interface RedriveCounts {
  /** Put back and committed. */
  redriven: number;
  /** Met and not chosen, or of unknown origin. */
  skipped: number;
  /** Chosen, but the original value is not in the letter. */
  omitted: number;
}

/** It cannot be done like this; the message says what to do. */
export class RedriveError extends Error {
  override readonly name = "RedriveError";
}

const REQUEST_MS = 10_000;
const decoder = new TextDecoder();

/** @param counts is kept up to date, so that it says what was done by then. */
export async function redrive(
  options: RedriveOptions,
  counts: RedriveCounts,
): Promise<void> {
  const { library, producer, deadLetterTopic, isDryRun, signal } = options;
  await using admin = new Admin(library, producer);
  const topics = await admin.partitionCounts(REQUEST_MS);
  const partitions = topics.get(deadLetterTopic);
  if (partitions === undefined) {
    throw new RedriveError(`there is no topic "${deadLetterTopic}"`);
  }
  await using stack = new AsyncDisposableStack();
  let writer: Writer | null = null;
  if (!isDryRun) {
    await prepareLedger(admin, topics, options);
    const id = `${deadLetterTopic}.redrive`;
    writer = stack.use(await Writer.open(library, producer, id));
  }
  const ledger = await readLedger(admin, topics, options);
  const ranges: ReadRange[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const { low, high } = await admin.watermarks(
      deadLetterTopic,
      partition,
      REQUEST_MS,
    );
    const start = Math.max(low, ledger.next(partition));
    if (start < high) ranges.push({ partition, start, end: high });
  }
  const run = new Run(options, counts, ledger, writer, topics);
  const batches = readTopic({
    library,
    properties: options.consumer,
    topic: deadLetterTopic,
    ranges,
    signal,
  });
  for await (const batch of batches) {
    await run.putBack(batch);
    if (run.isEnough) break;
  }
}

class Run {
  readonly #options: RedriveOptions;
  readonly #counts: RedriveCounts;
  readonly #ledger: Ledger;
  readonly #writer: Writer | null;
  readonly #topics: ReadonlyMap<string, number>;

  constructor(
    options: RedriveOptions,
    counts: RedriveCounts,
    ledger: Ledger,
    writer: Writer | null,
    topics: ReadonlyMap<string, number>,
  ) {
    this.#options = options;
    this.#counts = counts;
    this.#ledger = ledger;
    this.#writer = writer;
    this.#topics = topics;
  }

  get isEnough(): boolean {
    const { max } = this.#options;
    return max !== null && this.#counts.redriven >= max;
  }

  /** One transaction, where there is something to put back. */
  async putBack(batch: Batch): Promise<void> {
    const { max } = this.#options;
    const left = max === null ? Infinity : max - this.#counts.redriven;
    let chosen = 0;
    for (let index = 0; index < batch.count && chosen < left; index++) {
      const { partition } = batch.tp(index);
      const offset = batch.offset(index);
      if (this.#ledger.has(partition, offset)) continue;
      const isChosen = this.#choose(batch, index, chosen === 0);
      this.#ledger.note(partition, offset, isChosen);
      if (isChosen) chosen++;
    }
    if (chosen > 0) await this.#commit();
    this.#counts.redriven += chosen;
  }

  #choose(batch: Batch, index: number, isFirst: boolean): boolean {
    const { deadLetterTopic, filter, to } = this.#options;
    const letter = letterOf(batch, index);
    const topic = to ?? letter.topic;
    if (topic === null || !filter(letter)) {
      this.#counts.skipped++;
      return false;
    }
    if (letter.isOmitted) {
      this.#counts.omitted++;
      return false;
    }
    const name = `the letter of ${deadLetterTopic} [${letter.partition}] at ` +
      `offset ${letter.offset}`;
    if (!this.#topics.has(topic)) {
      throw new RedriveError(
        `${name} came from "${topic}", which is no topic any more; use --to, ` +
          `or leave it out by --filter topic!=${topic}`,
      );
    }
    if (isFirst) this.#writer?.begin();
    this.#writer?.add(originalRecord(batch, index, letter, topic), name);
    return true;
  }

  async #commit(): Promise<void> {
    if (this.#writer === null) return;
    const topic = ledgerTopic(this.#options.deadLetterTopic);
    for (const { key, value } of this.#ledger.takeChanged()) {
      this.#writer.add({ topic, key, value, partition: 0 }, "the ledger");
    }
    await this.#writer.commit();
  }
}

async function prepareLedger(
  admin: Admin,
  topics: ReadonlyMap<string, number>,
  { createTopics, deadLetterTopic }: RedriveOptions,
): Promise<void> {
  const topic = ledgerTopic(deadLetterTopic);
  if (topics.has(topic)) return;
  const how = "with one partition and cleanup.policy=compact";
  if (!createTopics) {
    throw new RedriveError(
      `missing topic "${topic}"; create it ${how}, or set CREATE_TOPICS=true`,
    );
  }
  const [answer] = await admin.topics.create([{
    topic,
    partitions: 1,
    config: { "cleanup.policy": "compact" },
  }], { timeoutMs: REQUEST_MS });
  const error = answer?.error ?? null;
  if (error !== null && !isTopicExisting(error.code)) {
    throw new RedriveError(
      `cannot create topic "${topic}": ${error.message}; create it ${how}`,
    );
  }
}

async function readLedger(
  admin: Admin,
  topics: ReadonlyMap<string, number>,
  { consumer, deadLetterTopic, isDryRun, library, signal }: RedriveOptions,
): Promise<Ledger> {
  const [description] = await admin.topics.describe([deadLetterTopic], {
    timeoutMs: REQUEST_MS,
  });
  if (description === undefined || description.error !== null) {
    throw new RedriveError(
      `cannot describe "${deadLetterTopic}": ${description?.error?.message}`,
    );
  }
  const ledger = new Ledger(description.topicId);
  const topic = ledgerTopic(deadLetterTopic);
  if (isDryRun && !topics.has(topic)) return ledger;
  const batches = readTopic({
    library,
    properties: consumer,
    topic,
    ranges: await wholeTopic(admin, topic, { timeoutMs: REQUEST_MS }),
    signal,
  });
  for await (const batch of batches) {
    for (let index = 0; index < batch.count; index++) {
      const key = batch.key(index);
      ledger.read(key && decoder.decode(key), batch.text(index));
    }
  }
  return ledger;
}
