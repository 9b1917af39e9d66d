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
import { isClientRefused, type KafkaError } from "./errors.ts";
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

export interface TopicRange extends ReadRange {
  readonly topic: string;
}

export interface ReadTopicsOptions {
  readonly library: Library;
  readonly properties: ConsumerProperties;
  /** At most one of a partition. */
  readonly ranges: readonly TopicRange[];
  readonly signal: AbortSignal;
}

export interface ReadOptions extends Omit<ReadTopicsOptions, "ranges"> {
  readonly topic: string;
  readonly ranges: readonly ReadRange[];
}

const BATCH_RECORDS = 1000;
/**
 * Behind the last record a marker may follow, of which only a fetch tells that
 * found nothing, and librdkafka waits for up to half a second at the end.
 */
const PROMPT_FETCH = {
  "fetch.wait.max.ms": 20,
  "fetch.queue.backoff.ms": 2,
} as const;
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
  { only, timeoutMs }: {
    readonly only?: number | undefined;
    readonly timeoutMs: number;
  },
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

/** As `readTopics`, of one topic. */
export function readTopic(
  { topic, ranges, ...options }: ReadOptions,
): AsyncGenerator<Batch> {
  return readTopics({
    ...options,
    ranges: ranges.map((each) => ({ ...each, topic })),
  });
}

/**
 * Each batch's records, those of a partition in the order of their offsets; a
 * batch is freed when the next one is asked for. Transactions that are open below
 * an end are waited for.
 * @throws {ReadError} when nothing comes for a minute, or the cluster refuses.
 */
export async function* readTopics(
  { library, properties, ranges, signal }: ReadTopicsOptions,
): AsyncGenerator<Batch> {
  if (ranges.length === 0) return;
  await using stack = new AsyncDisposableStack();
  const consumer = stack.use(
    new Consumer(library, {
      ...properties,
      ...PROMPT_FETCH,
      "enable.partition.eof": true,
      "auto.offset.reset": "error",
      "isolation.level": "read_committed",
    }),
  );
  const route = new Route(ranges);
  const { inbox, queue } = openInbox(consumer, BATCH_RECORDS, route, stack);
  for (const tp of route.partitions) consumer.forward(tp, queue);
  consumer.assign(ranges.map(({ topic, partition, start }) => ({
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
          `${route.waitsFor}: nothing was heard for ${SILENCE_MS / 1000} s` +
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

/** A lane is a range's index; it ends at the range's end. */
class Route implements PartitionRouter {
  readonly partitions: readonly TopicPartition[];
  readonly next: Float64Array;
  failure: KafkaError | null = null;
  /** By topic, then by partition. */
  readonly #lanes = new Map<string, number[]>();
  readonly #open = new Set<number>();
  readonly #ends: readonly number[];

  constructor(ranges: readonly TopicRange[]) {
    this.partitions = ranges.map(({ topic, partition }) => ({
      topic,
      partition,
    }));
    this.next = Float64Array.from(ranges, ({ start }) => start);
    this.#ends = ranges.map(({ end }) => end);
    for (const [lane, { topic, partition, start, end }] of ranges.entries()) {
      const lanes = this.#lanes.get(topic) ?? [];
      if (lanes.length === 0) this.#lanes.set(topic, lanes);
      lanes[partition] = lane;
      if (start < end) this.#open.add(lane);
    }
  }

  /** Whether every partition has been read to its end. */
  get isDone(): boolean {
    for (const lane of this.#open) {
      if (this.next[lane]! >= this.#ends[lane]!) this.#open.delete(lane);
    }
    return this.#open.size === 0;
  }

  /** For messages: the topic of one that has not. */
  get waitsFor(): string {
    const [lane] = this.#open;
    return this.partitions[lane ?? 0]?.topic ?? "";
  }

  laneOf(topic: string, partition: number): number {
    const lane = this.#lanes.get(topic)?.[partition] ?? -1;
    return this.#open.has(lane) ? lane : -1;
  }

  /** What came after reading has begun is not read. */
  readonly skips = (lane: number, offset: number): boolean => {
    if (offset < this.#ends[lane]!) return false;
    this.next[lane] = offset;
    return true;
  };

  failed(_tp: TopicPartition, error: KafkaError): void {
    if (!error.retriable) this.failure ??= error;
  }

  ended(lane: number, offset: number): void {
    if (offset >= this.#ends[lane]!) this.#open.delete(lane);
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
