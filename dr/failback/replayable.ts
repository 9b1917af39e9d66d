/**
 * What a replay may be at, as the active cluster alone can tell. Pure.
 *
 * The old cluster may be gone. Topics that no mirror has come to are replayed as
 * well: to topics of their names, which the replay has made before.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { idOf } from "../mirror/names.ts";
import { partitionsIn } from "../partitions.ts";

/**
 * @param mirrored that lanes have spoken of
 * @param counts of the active cluster
 * @param isMirrored whether the mirror from the old cluster takes a topic
 */
export function replayablePartitions(
  mirrored: Iterable<TopicPartition>,
  counts: ReadonlyMap<string, number>,
  isMirrored: (topic: string) => boolean,
): TopicPartition[] {
  const all = [...mirrored, ...partitionsIn(counts, isMirrored)];
  return [...new Map(all.map((each) => [idOf(each), each])).values()];
}
