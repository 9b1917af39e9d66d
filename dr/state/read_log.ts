/** What a topic of the state says up to now; each has one partition that counts. */
import { type Batch, type Library, readTopic } from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { pause } from "../waits.ts";
import { readerProperties, type StateCluster } from "./cluster.ts";

export const PARTITION = 0;
/** Tells the records of one change from those of all others. */
export const CHANGE_HEADER = "switchyard.change";

export interface TopicRecord {
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Milliseconds since the epoch; -1 where it has none. */
  readonly timestampMs: number;
  /** Null where it has none. */
  readonly changeId: string | null;
}

/** What lies between: `start` is the first offset, `end` the next to be written. */
export interface LogRange {
  readonly start: number;
  readonly end: number;
}

/**
 * - `stable`: what is committed; a transaction that stays open ends it.
 * - `written`: all; open transactions are waited for when it is read.
 */
export type LogEnd = "stable" | "written";

/**
 * The mark of a transaction comes a little later than the answer to its commit,
 * and who has that answer wants to read what was written. One that is open for
 * longer is not being committed.
 */
const MARK_MS = 1_000;
const LOOK_AGAIN_MS = 5;

const decoder = new TextDecoder();

/**
 * The next offset to be written.
 * @throws {KafkaError} where there is no such topic, or the cluster refuses; the
 * signal's reason: until it aborts, a cluster that does not answer is asked again.
 */
export async function logEnd(
  cluster: StateCluster,
  topic: string,
  upTo: LogEnd,
  signal: AbortSignal,
): Promise<number> {
  const end = await offsetAt(cluster, topic, "latest", "written", signal);
  if (upTo === "written") return end;
  const deadline = performance.now() + MARK_MS;
  for (;;) {
    const stable = await offsetAt(cluster, topic, "latest", "stable", signal);
    if (stable >= end || performance.now() >= deadline) return stable;
    await pause(LOOK_AGAIN_MS, signal);
  }
}

/** @throws as `logEnd`. */
export async function logRange(
  cluster: StateCluster,
  topic: string,
  upTo: LogEnd,
  signal: AbortSignal,
): Promise<LogRange> {
  // In this order, else what is deleted meanwhile would be waited for.
  const end = await logEnd(cluster, topic, upTo, signal);
  const start = await offsetAt(cluster, topic, "earliest", upTo, signal);
  return { start, end };
}

function offsetAt(
  { admin }: StateCluster,
  topic: string,
  at: "earliest" | "latest",
  upTo: LogEnd,
  signal: AbortSignal,
): Promise<number> {
  return askRepeatedly(
    async () => {
      const [answer] = await admin.partitions.offsets(
        [{ topic, partition: PARTITION, at }],
        { timeoutMs: ATTEMPT_MS, readCommitted: upTo === "stable", signal },
      );
      if (answer!.error !== null) throw answer!.error;
      return answer!.offset!;
    },
    Infinity,
    signal,
  );
}

/**
 * @throws {ReadError} when nothing comes, or the cluster refuses; the signal's
 * reason.
 */
export async function* readRange(
  library: Library,
  cluster: StateCluster,
  topic: string,
  range: LogRange,
  signal: AbortSignal,
): AsyncGenerator<TopicRecord> {
  if (range.start < range.end) {
    const batches = readTopic({
      library,
      properties: readerProperties(cluster),
      topic,
      ranges: [{ partition: PARTITION, ...range }],
      signal,
    });
    for await (const batch of batches) yield* recordsOf(batch);
  }
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
}

export function* recordsOf(batch: Batch): Generator<TopicRecord> {
  for (let index = 0; index < batch.count; index++) {
    const id = batch.headers(index)
      .findLast(({ key }) => key === CHANGE_HEADER)?.value;
    yield {
      offset: batch.offset(index),
      key: batch.key(index),
      value: batch.value(index),
      timestampMs: batch.timestamp(index),
      changeId: id === undefined || id === null ? null : decoder.decode(id),
    };
  }
}
