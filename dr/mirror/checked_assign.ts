/**
 * Begins to fetch partitions where the leaders agree that the log is still the
 * one that was read (OffsetForLeaderEpoch).
 *
 * librdkafka compares the leader epoch of a position that is assigned only when
 * it learns of the topic, but that of one that is sought always; so partitions
 * that have an epoch are paused, sought and resumed. Where the comparison fails,
 * the partition's queue gets the error of a failed fetch instead of records.
 */
import {
  type Consumer,
  mayRetry,
  type PartitionOffset,
} from "../../src/kafka/mod.ts";
import { pause } from "../waits.ts";

/** Behind a record that was read; its `leaderEpoch`, if it is known, is of that. */
export interface CheckedStart extends PartitionOffset {
  readonly offset: number;
  readonly leaderEpoch: number | null;
}

const SEEK_MS = 10_000;
const RETRY_MS = 20;

/**
 * @throws {KafkaError} when a partition cannot be sought; the signal's reason.
 */
export async function assignChecked(
  consumer: Pick<Consumer, "assign" | "pause" | "resume" | "seek">,
  starts: readonly CheckedStart[],
  signal: AbortSignal,
): Promise<void> {
  consumer.assign(starts);
  const checked = starts.filter(({ leaderEpoch, offset }) =>
    leaderEpoch !== null && offset > 0
  );
  if (checked.length === 0) return;
  // Before a fetch can be answered.
  consumer.pause(checked);
  try {
    let left: readonly CheckedStart[] = checked;
    while (left.length > 0) {
      signal.throwIfAborted();
      const answers = await consumer.seek(left, SEEK_MS);
      const failed = answers.find((each) => each.error && !mayRetry(each));
      if (failed?.error) throw failed.error;
      // It may not have begun yet, while others are still being unassigned.
      left = left.filter((_, at) => mayRetry(answers[at]!));
      if (left.length > 0) await pause(RETRY_MS, signal);
    }
  } finally {
    // Whoever has them next would find them paused.
    consumer.resume(checked);
  }
}
