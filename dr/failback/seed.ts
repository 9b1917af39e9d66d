/**
 * Tells the lanes of a mirror where each partition begins in a new era, before
 * it begins:
 *
 *     the mirror's source   prefix | written since      begins behind the prefix
 *     its target            prefix | tail |             ends there
 *     said                  position, and a mark (position -> end)
 *
 * The mark says that what lies below on one side lies below on the other, which
 * is all that groups that are beyond it need.
 */
import { forEachBounded } from "../cut/bounded.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { inTransactions } from "../failover/transactions.ts";
import { lanesTopic } from "../formats/mod.ts";
import { readLaneEra } from "../mirror/lane_era.ts";
import type { LaneStateParts } from "../mirror/lane_state.ts";
import { laneOf, transactionalId } from "../mirror/names.ts";
import {
  encodeDelta,
  type OffsetMap,
  type PartitionDelta,
} from "../offset_map/mod.ts";
import type { SenderOptions } from "../sender.ts";

/** What is known of both sides when the mirror back is seeded. */
export interface Sides {
  /** Of the mirror that was ended: from the old cluster to the active one. */
  readonly map: Pick<OffsetMap, "partitions" | "translate">;
  /** Whether a topic is mirrored back, and under the name that it has. */
  readonly returns: (topic: string) => boolean;
  /** By topic of the active cluster: its id. */
  readonly activeIds: ReadonlyMap<string, string>;
  /** First offsets of the active cluster, and ends of the old one. */
  readonly activeBegins: OffsetTable;
  readonly oldEnds: OffsetTable;
}

export interface Seeds {
  readonly deltas: readonly PartitionDelta[];
  /** As a user reads them. */
  readonly problems: readonly string[];
}

/** Of a mirror from the active cluster to the old one. Pure. */
export function reverseSeeds(
  { activeBegins, activeIds, map, oldEnds, returns }: Sides,
): Seeds {
  const deltas: PartitionDelta[] = [];
  const problems: string[] = [];
  for (const { partition, position, topic } of map.partitions()) {
    const tp = { topic, partition };
    const topicId = activeIds.get(topic);
    // It was deleted there.
    if (topicId === undefined || !returns(topic)) continue;
    const end = map.translate(tp, position)!;
    const isKnown = end.exact || end.why === "nothing-mirrored";
    if (!isKnown) {
      problems.push(
        `where the copies of ${topic} [${partition}] end is not known`,
      );
      continue;
    }
    const start = end.exact ? end.offset : offsetIn(activeBegins, tp) ?? 0;
    deltas.push(seedOf(tp, topicId, start, offsetIn(oldEnds, tp) ?? 0));
  }
  return { deltas, problems };
}

export const seedOf = (
  { partition, topic }: { readonly topic: string; readonly partition: number },
  topicId: string,
  upstream: number,
  downstream: number,
): PartitionDelta => ({
  topic,
  topicId,
  partition,
  position: upstream,
  leaderEpoch: null,
  runs: [{ upstream, downstream, length: 0 }],
});

export interface SeedParts extends LaneStateParts {
  /** The properties are of the target, as are the clients. */
  readonly writing: SenderOptions;
  readonly lanes: number;
}

const LANES_AT_ONCE = 16;

/**
 * Writes them into the lanes' logs, each lane under its transactional id. A lane
 * that is in the era already stays as it is: the mirror may be at work on it.
 * @throws {KafkaError | ReadError} where the target does not answer; the signal's
 * reason.
 */
export async function writeSeeds(
  parts: SeedParts,
  deltas: readonly PartitionDelta[],
  era: number,
  signal: AbortSignal,
): Promise<void> {
  const { flow, lanes, writing } = parts;
  const byLane = Map.groupBy(deltas, (each) => laneOf(each, lanes));
  await forEachBounded(
    Array.from({ length: lanes }, (_, lane) => lane),
    LANES_AT_ONCE,
    (lane) =>
      inTransactions(writing, transactionalId(flow, lane), async () => {
        const newest = await readLaneEra(parts, lane, signal);
        if (newest >= era) return [];
        const value = encodeDelta(era, byLane.get(lane) ?? []);
        return [{ topic: lanesTopic(flow.source), partition: lane, value }];
      }, signal),
  );
}
