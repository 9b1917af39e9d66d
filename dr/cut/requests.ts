/** Requests to a cluster, repeated while that may help. */
import {
  type Admin,
  isLeaderless,
  isTopicUnknown,
  KafkaError,
  type OffsetQuery,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { forEachBounded } from "./bounded.ts";
import { type OffsetTable, offsetTable } from "./types.ts";
import { pause, unlessAborted } from "../waits.ts";

/** Of one attempt; a cluster that is down answers no sooner. */
export const ATTEMPT_MS = 3_000;
/** Partitions of one request. librdkafka's lists are searched from the start. */
const PARTITIONS_A_REQUEST = 1_000;
const REQUESTS_AT_ONCE = 4;
const RETRY_MS = 100;

/** Topics are made, and their partitions led, a moment before all brokers know. */
export const maySettle = (error: KafkaError): boolean =>
  error.retriable || isLeaderless(error.code) || isTopicUnknown(error.code);

/** An `Admin`, as far as offsets are asked for. */
export interface OffsetsAdmin {
  readonly partitions: Pick<Admin["partitions"], "offsets">;
}

/**
 * @param isPassing whether another answer may follow upon this error.
 * @throws {KafkaError} what `ask` last threw, once `timeoutMs` have passed or
 * where repeating is vain; and the signal's reason.
 */
export async function askRepeatedly<T>(
  ask: () => Promise<T>,
  timeoutMs: number,
  signal: AbortSignal,
  isPassing = (error: KafkaError): boolean => error.retriable,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await unlessAborted(ask(), signal);
    } catch (error) {
      const again = error instanceof KafkaError && isPassing(error) &&
        performance.now() < deadline;
      if (!again) throw error;
    }
    await pause(RETRY_MS, signal);
    signal.throwIfAborted();
  }
}

/**
 * Latest offsets of many partitions: last stable ones if `readCommitted`, else
 * high watermarks. Null where a partition does not say within `timeoutMs`.
 * @throws {KafkaError} when the cluster as a whole does not answer.
 */
export const latestOffsets = (
  admin: OffsetsAdmin,
  partitions: readonly TopicPartition[],
  readCommitted: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<OffsetTable> =>
  offsetsAt("latest", admin, partitions, readCommitted, timeoutMs, signal);

/** Of the oldest records; as `latestOffsets`. */
export const earliestOffsets = (
  admin: OffsetsAdmin,
  partitions: readonly TopicPartition[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<OffsetTable> =>
  offsetsAt("earliest", admin, partitions, false, timeoutMs, signal);

async function offsetsAt(
  at: "earliest" | "latest",
  admin: OffsetsAdmin,
  partitions: readonly TopicPartition[],
  readCommitted: boolean,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<OffsetTable> {
  const chunks: OffsetQuery[][] = [];
  for (let from = 0; from < partitions.length; from += PARTITIONS_A_REQUEST) {
    chunks.push(
      partitions.slice(from, from + PARTITIONS_A_REQUEST)
        .map((tp) => ({ ...tp, at })),
    );
  }
  const found: (TopicPartition & { offset: number | null })[] = [];
  const deadline = performance.now() + timeoutMs;
  await forEachBounded(chunks, REQUESTS_AT_ONCE, async (chunk) => {
    for (let left = chunk; left.length > 0;) {
      const asked = left;
      const answers = await askRepeatedly(
        () =>
          admin.partitions.offsets(asked, {
            timeoutMs: ATTEMPT_MS,
            readCommitted,
            signal,
          }),
        timeoutMs,
        signal,
      );
      const isLate = performance.now() >= deadline;
      left = [];
      for (const { topic, partition, offset, error } of answers) {
        if (error?.retriable && !isLate) {
          left.push({ topic, partition, at });
        } else found.push({ topic, partition, offset });
      }
      if (left.length === 0) return;
      await pause(RETRY_MS, signal);
      signal.throwIfAborted();
    }
  });
  return offsetTable(found);
}
