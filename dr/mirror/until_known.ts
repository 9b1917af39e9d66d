/**
 * librdkafka refuses records of a partition at once that is beyond what it knows
 * of the topic, which may be minutes old.
 */
import type { Producer, TopicPartition } from "../../src/kafka/mod.ts";
import { pause, unlessAborted } from "../waits.ts";

const KNOWN_MS = 10_000;
const REQUEST_MS = 10_000;
const LOOK_MS = 50;

/**
 * Waits until the producer knows the partitions; not for long: what is deleted
 * meanwhile it never will, and says so when it is written to.
 * @throws {KafkaError} when no broker answers; the signal's reason.
 */
export async function untilKnown(
  producer: Pick<Producer, "partitionCounts">,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<void> {
  const deadlineMs = performance.now() + KNOWN_MS;
  for (;;) {
    const counts = await unlessAborted(
      producer.partitionCounts(REQUEST_MS),
      signal,
    );
    const isKnown = partitions.every(({ topic, partition }) =>
      partition < (counts.get(topic) ?? 0)
    );
    if (isKnown || performance.now() > deadlineMs) return;
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}
