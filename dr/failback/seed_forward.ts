/**
 * Where the mirror from the primary goes on after the switch back. Pure.
 *
 *     primary      prefix | tail | copies |             goes on behind the copies
 *     secondary    prefix | written since |             ends there
 *                                  ^ a group
 *
 * A group may come home with records to read. What is made of these is mirrored,
 * and a failover must know of which inputs it is: so from the lowest position of a
 * group on all is said that the mirror back knew.
 */
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap, PartitionDelta, Run } from "../offset_map/mod.ts";
import { seedOf, type Seeds } from "./seed.ts";

export interface ForwardSides {
  /** Of the mirror back, as its sealed lanes have it. */
  readonly map: Pick<OffsetMap, "end" | "partitions" | "snapshotOf">;
  /**
   * Whether a topic has the same name on both. Heartbeats have not: those of the
   * secondary say nothing of the primary's own.
   */
  readonly returns: (topic: string) => boolean;
  /** Of the primary's topics, by name; others are gone. */
  readonly primaryIds: ReadonlyMap<string, string>;
  readonly secondaryEnds: OffsetTable;
  /**
   * By `topic-partition`: the lowest position of a group on the secondary; absent:
   * none has one.
   */
  readonly lowest: ReadonlyMap<string, number>;
}

/** In a lane's record one takes some bytes, and all may be of one lane. */
const MOST_RUNS = 50_000;

/** What somebody may have written to the primary behind the copies is mirrored. */
export function forwardSeeds(sides: ForwardSides): Omit<Seeds, "notes"> {
  const { map, primaryIds, returns, secondaryEnds } = sides;
  const lagging = laggingRuns(sides);
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
      continue;
    }
    const { downstream } = map.end(tp);
    deltas.push(seedOf(tp, topicId, downstream, end, lagging.get(idOf(tp))));
  }
  return { deltas, problems };
}

/**
 * By `topic-partition`: runs from the lowest position of a group on, the other
 * way round; none where all groups have read everything. The newest, where there
 * are too many.
 */
function laggingRuns(
  { lowest, map }: ForwardSides,
): ReadonlyMap<string, readonly Run[]> {
  const { partitions } = map.snapshotOf(0, {
    owns: (each) => lowest.has(idOf(each)),
    keepFrom: (each) => lowest.get(idOf(each))!,
  });
  const lagging = partitions
    .filter(({ runs }) => runs.some(({ length }) => length > 0));
  const most = Math.ceil(MOST_RUNS / lagging.length);
  return new Map(lagging.map((each) => {
    const inverted = each.runs.map(({ downstream, length, upstream }): Run => ({
      upstream: downstream,
      downstream: upstream,
      length,
    }));
    const newest = inverted.slice(-most);
    // What lies below is left out, and not nothing.
    if (newest.length < inverted.length) {
      newest.unshift({ ...newest[0]!, length: 0 });
    }
    return [idOf(each), newest];
  }));
}
