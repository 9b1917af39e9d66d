/** Partitions, where only their number is known. Pure. */
import type { TopicPartition } from "../src/kafka/mod.ts";

/** All of a topic that has so many. */
export const partitionsOf = (topic: string, count: number): TopicPartition[] =>
  Array.from({ length: count }, (_, partition) => ({ topic, partition }));

/** All of the topics that are wanted. @param counts by topic */
export const partitionsIn = (
  counts: ReadonlyMap<string, number>,
  isWanted: (topic: string) => boolean,
): TopicPartition[] =>
  [...counts].filter(([topic]) => isWanted(topic))
    .flatMap(([topic, count]) => partitionsOf(topic, count));
