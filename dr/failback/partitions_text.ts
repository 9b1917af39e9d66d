/** Names partitions in a message. Pure. */
import type { TopicPartition } from "../../src/kafka/mod.ts";

const NAMED = 5;

/** A few of them, and how many more there are. */
export function partitionsText(partitions: readonly TopicPartition[]): string {
  const some = partitions.slice(0, NAMED)
    .map(({ partition, topic }) => `${topic} [${partition}]`).join(", ");
  return partitions.length > NAMED
    ? `${some} and ${partitions.length - NAMED} more`
    : some;
}
