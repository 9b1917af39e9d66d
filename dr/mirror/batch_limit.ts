/**
 * How large a batch of a lane's producer may be: Kafka's `max.message.bytes` is
 * about batches, so many small records are refused together where each of them
 * would be taken. Pure.
 */
import type { MirroredTopic } from "../topics/mod.ts";
import { laneOf } from "./names.ts";

/** librdkafka's default for `batch.size`. */
const DEFAULT_BYTES = 1_000_000;

export interface BatchLimitParts {
  readonly lane: number;
  readonly lanes: number;
  readonly topics: readonly MirroredTopic[];
  /** `batch.size` of the settings. */
  readonly wanted: unknown;
  /** `max.message.bytes` of a target topic; null: not known yet. */
  readonly limitOf: (target: string) => number | null;
}

/**
 * The largest batch in bytes that all targets of the lane take. A larger record is
 * sent alone all the same, and is for the target to take or to refuse.
 */
export function batchLimit(parts: BatchLimitParts): number {
  const { lane, lanes, limitOf, topics, wanted } = parts;
  let limit = Number(wanted ?? DEFAULT_BYTES);
  for (const { topic, target, partitions } of topics) {
    const most = limitOf(target);
    if (most === null || most >= limit) continue;
    if (isInLane(topic, partitions)) limit = Math.max(1, most);
  }
  return limit;

  function isInLane(topic: string, partitions: number): boolean {
    // Neighbours are in neighbouring lanes: so many tell of all.
    const tried = Math.min(partitions, lanes);
    for (let partition = 0; partition < tried; partition++) {
      if (laneOf({ topic, partition }, lanes) === lane) return true;
    }
    return false;
  }
}
