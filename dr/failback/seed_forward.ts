/**
 * Where the mirror from the primary goes on after the switch back. Pure.
 *
 *     primary      prefix | tail | copies |             goes on behind the copies
 *     secondary    prefix | written since |             ends there
 */
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import type { OffsetMap, PartitionDelta } from "../offset_map/mod.ts";
import { seedOf, type Seeds } from "./seed.ts";

export interface ForwardSides {
  /** Of the mirror back, as its sealed lanes have it. */
  readonly map: Pick<OffsetMap, "end" | "partitions">;
  /**
   * Whether a topic has the same name on both. Heartbeats have not: those of the
   * secondary say nothing of the primary's own.
   */
  readonly returns: (topic: string) => boolean;
  /** Of the primary's topics, by name; others are gone. */
  readonly primaryIds: ReadonlyMap<string, string>;
  readonly secondaryEnds: OffsetTable;
}

/** What somebody may have written to the primary behind the copies is mirrored. */
export function forwardSeeds(
  { map, primaryIds, returns, secondaryEnds }: ForwardSides,
): Omit<Seeds, "notes"> {
  const deltas: PartitionDelta[] = [];
  const problems: string[] = [];
  for (const { partition, topic } of map.partitions()) {
    const tp = { topic, partition };
    const topicId = primaryIds.get(topic);
    if (topicId === undefined || !returns(topic)) continue;
    const end = offsetIn(secondaryEnds, tp);
    if (end === null) {
      problems.push(
        `where ${topic} [${partition}] of the secondary ends is not known; ` +
          "see that its partitions have leaders, and run it again",
      );
    } else deltas.push(seedOf(tp, topicId, map.end(tp).downstream, end));
  }
  return { deltas, problems };
}
