/**
 * Reads a topic from given offsets up to its end, without a group.
 *
 * Consumers hear of an end where a transaction is open, too. What is decided by
 * all that a topic says must not be decided by what was said before that one:
 * so the end is asked for first, and an earlier one is not believed.
 */
import type { Admin } from "./admin.ts";
import type { Batch } from "./batch.ts";
import { Consumer } from "./consumer.ts";
import { ErrorCode, isClientRefused, type KafkaError } from "./errors.ts";
import type { ClientEvent } from "./events.ts";
import type { Library } from "./library.ts";
import { openInbox } from "./open_inbox.ts";
import type { TopicPartition } from "./partition_list.ts";
import type { PartitionRouter } from "./partition_router.ts";
import type { ConsumerProperties } from "./properties.ts";

/** The cluster does not go on answering. */
export class ReadError extends Error {
  override readonly name = "ReadError";
}

/** A part of a topic; what is there below `end` is read. */
export interface ReadRange {
  readonly partition: number;
  readonly start: number;
  readonly end: number;
}

export interface ReadOptions {
  readonly library: Library;
  readonly properties: ConsumerProperties;
  readonly topic: string;
  readonly ranges: readonly ReadRange[];
  readonly signal: AbortSignal;
}

const BATCH_RECORDS = 1000;
const WAIT_MS = 100;
const SILENCE_MS = 60_000;

/**
 * All that a topic has now, open transactions included.
 * @param only one partition of it; absent: all.
 * @throws {KafkaError} when the cluster does not answer within `timeoutMs`.
 */
export async function wholeTopic(
  admin: Admin,
  topic: string,
  { only, timeoutMs }: { readonly only?: number; readonly timeoutMs: number },
): Promise<ReadRange[]> {
  const count = (await admin.partitionCounts(timeoutMs)).get(topic) ?? 0;
  const partitions = Array.from({ length: count }, (_, partition) => partition)
    .filter((partition) => only === undefined || partition === only);
  const asked = async (at: "earliest" | "latest") => {
    const queries = partitions.map((partition) => ({ topic, partition, at }));
    const answers = await admin.partitions.offsets(queries, { timeoutMs });
    return new Map(answers.map(({ error, offset, partition }) => {
      if (error !== null) throw error;
      return [partition, offset ?? 0];
    }));
  };
  // In this order, else what is deleted meanwhile would be waited for.
  const ends = await asked("latest");
  const starts = await asked("earliest");
  return partitions.map((partition) => ({
    partition,
    start: starts.get(partition)!,
    end: ends.get(partition)!,
  })).filter(({ start, end }) => start < end);
}

/**
 * Each batch's records in the order of their offsets; a batch is freed when the
 * next one is asked for. Transactions that are open below an end are waited for.
 * @throws {ReadError} when nothing comes for a minute, or the cluster refuses.
 */
export async function* readTopic(options: ReadOptions): AsyncGenerator<Batch> {
  const { library, properties, topic, ranges, signal } = options;
  if (ranges.length === 0) return;
  await using stack = new AsyncDisposableStack();
  const consumer = stack.use(
    new Consumer(library, {
      ...properties,
      "enable.partition.eof": true,
      "auto.offset.reset": "error",
      "isolation.level": "read_committed",
    }),
  );
  const route = new Route(topic, ranges);
  const { inbox, queue } = openInbox(consumer, BATCH_RECORDS, route, stack);
  for (const { partition } of ranges) {
    consumer.forward({ topic, partition }, queue);
  }
  consumer.assign(ranges.map(({ partition, start }) => ({
    topic,
    partition,
    offset: start,
  })));
  const events = new Events(consumer);
  stack.use(events);

  let lastMs = performance.now();
  while (!route.isDone && !signal.aborted) {
    const batch = await inbox.wait(BATCH_RECORDS, WAIT_MS);
    const failure = route.failure ?? events.refusal;
    if (failure !== null) {
      batch?.free();
      throw new ReadError(failure.message);
    }
    if (batch === null) {
      if (performance.now() - lastMs > SILENCE_MS) {
        throw new ReadError(
          `${topic}: nothing was heard for ${SILENCE_MS / 1000} s` +
            (events.last === null ? "" : ` (${events.last.message})`),
        );
      }
      continue;
    }
    lastMs = performance.now();
    try {
      if (batch.count > 0) yield batch;
    } finally {
      batch.free();
    }
  }
}

/** A lane is a partition's number; it ends at its end. */
class Route implements PartitionRouter {
  readonly partitions: TopicPartition[] = [];
  readonly next: Float64Array;
  failure: KafkaError | null = null;
  readonly #topic: string;
  readonly #open = new Set<number>();
  readonly #ends: number[] = [];

  constructor(topic: string, ranges: readonly ReadRange[]) {
    this.#topic = topic;
    const lanes = Math.max(...ranges.map(({ partition }) => partition)) + 1;
    this.next = new Float64Array(lanes);
    for (const { partition, start, end } of ranges) {
      this.partitions[partition] = { topic, partition };
      this.next[partition] = start;
      this.#ends[partition] = end;
      if (start < end) this.#open.add(partition);
    }
  }

  /** Whether every partition has been read to its end. */
  get isDone(): boolean {
    for (const partition of this.#open) {
      if (this.next[partition]! >= this.#ends[partition]!) {
        this.#open.delete(partition);
      }
    }
    return this.#open.size === 0;
  }

  laneOf(topic: string, partition: number): number {
    return topic === this.#topic && this.#open.has(partition) ? partition : -1;
  }

  /** What came after reading has begun is not read. */
  readonly skips = (lane: number, offset: number): boolean => {
    if (offset < this.#ends[lane]!) return false;
    this.next[lane] = offset;
    return true;
  };

  failed({ partition }: TopicPartition, error: KafkaError, at: number): void {
    if (error.code === ErrorCode.partitionEof) {
      if (at >= this.#ends[partition]!) this.#open.delete(partition);
    } else if (!error.retriable) this.failure ??= error;
  }
}

/** Serves a client's events until it is disposed. */
class Events implements AsyncDisposable {
  readonly #client: Consumer;
  readonly #serving: Promise<void>;
  #ended = false;
  last: KafkaError | null = null;
  /** What makes waiting vain. */
  refusal: KafkaError | null = null;

  constructor(client: Consumer) {
    this.#client = client;
    this.#serving = this.#serve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#client.wake();
    await this.#serving;
  }

  async #serve(): Promise<void> {
    while (!this.#ended) {
      const event: ClientEvent | null = await this.#client.poll(WAIT_MS);
      if (event?.kind !== "error") continue;
      this.last = event.error;
      if (event.error.fatal || isClientRefused(event.error.code)) {
        this.refusal = event.error;
      }
    }
  }
}
