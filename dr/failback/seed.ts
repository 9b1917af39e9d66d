/**
 * Tells the lanes of a mirror where each partition begins in a new era, before
 * it begins:
 *
 *     the mirror's source   prefix | written since      begins behind the prefix
 *     its target            prefix | tail |             ends there
 *     said                  position, and a mark (position -> end)
 *
 * The mark says that what lies below on one side lies below on the other, which
 * is all that groups that are beyond it need. A partition of which nothing was
 * mirrored has a mark as well: its target may have a tail all the same. One that
 * the target has not is mirrored whole.
 */
import { forEachBounded } from "../cut/bounded.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { inTransactions } from "../failover/transactions.ts";
import {
  connectOffsetsTopic,
  encodeNoSourcePosition,
  encodeSourcePosition,
  type Flow,
  lanesTopic,
} from "../formats/mod.ts";
import { readLaneEra } from "../mirror/lane_era.ts";
import { type LaneStateParts, readRecords } from "../mirror/lane_state.ts";
import { idOf, laneOf, transactionalId } from "../mirror/names.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  type OffsetMap,
  type PartitionDelta,
  type Run,
} from "../offset_map/mod.ts";
import type { SenderOptions } from "../sender.ts";
import type { TopicNow } from "../topics_now.ts";
import { NO_RANGES, type OffsetRanges } from "../../src/pool/offset_ranges.ts";

/** What is known of both sides when the mirror back is seeded. */
export interface Sides {
  /** Of the mirror that was ended: from the old cluster to the active one. */
  readonly map: Pick<OffsetMap, "position" | "translate">;
  /** What is mirrored back, and under the name that it has. */
  readonly topics: readonly TopicNow[];
  /** Of the old cluster, by topic. */
  readonly oldCounts: ReadonlyMap<string, number>;
  /** First offsets of the active cluster, and ends of the old one. */
  readonly activeBegins: OffsetTable;
  readonly oldEnds: OffsetTable;
  /** See `ReplayLog.written`. */
  readonly replayed: ReadonlyMap<string, OffsetRanges>;
}

export interface Seeds {
  readonly deltas: readonly PartitionDelta[];
  /** Both as a user reads them. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** Of a mirror from the active cluster to the old one. Pure. */
export function reverseSeeds(sides: Sides): Seeds {
  const { activeBegins, map, oldCounts, oldEnds, replayed, topics } = sides;
  const deltas: PartitionDelta[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  const unknown = (what: string) =>
    problems.push(
      `${what} is not known; see that its partitions have leaders, and run ` +
        "it again",
    );
  for (const { partitions, topic, topicId } of topics) {
    let gone = 0;
    for (let partition = 0; partition < partitions; partition++) {
      const tp = { topic, partition };
      const begin = offsetIn(activeBegins, tp);
      if (begin === null) {
        unknown(`where ${topic} [${partition}] of the secondary begins`);
        continue;
      }
      if (partition >= (oldCounts.get(topic) ?? 0)) {
        deltas.push(seedOf(tp, topicId, begin, 0));
        continue;
      }
      const oldEnd = offsetIn(oldEnds, tp);
      if (oldEnd === null) {
        unknown(`where ${topic} [${partition}] of the primary ends`);
        continue;
      }
      const known = map.position(tp);
      const end = known === null ? null : map.translate(tp, known.position)!;
      const isKnown = end === null || end.exact ||
        end.why === "nothing-mirrored";
      if (!isKnown) {
        problems.push(
          `where the copies of ${topic} [${partition}] end is not known; ` +
            `delete "${topic}" on the primary, and run it again: then it is ` +
            "mirrored back whole",
        );
        continue;
      }
      const copied = end !== null && end.exact ? end.offset : 0;
      gone += withoutRanges(copied, begin, replayed.get(idOf(tp)));
      deltas.push(seedOf(tp, topicId, Math.max(copied, begin), oldEnd));
    }
    if (gone > 0) {
      notes.push(
        `up to ${gone} records of ${topic} that the secondary took since its ` +
          "promotion are deleted there (retention), and the primary will not " +
          "have them",
      );
    }
  }
  return { deltas, problems, notes };
}

/** How many offsets from `start` to `end` are in none of the ranges. */
function withoutRanges(
  start: number,
  end: number,
  ranges: OffsetRanges = NO_RANGES,
): number {
  let count = Math.max(0, end - start);
  for (let at = 0; at < ranges.length; at += 2) {
    const [first, last] = [ranges[at]!, ranges[at + 1]!];
    count -= Math.max(0, Math.min(end, last) - Math.max(start, first));
  }
  return count;
}

/** @param known of what lies below the mark */
export const seedOf = (
  { partition, topic }: { readonly topic: string; readonly partition: number },
  topicId: string,
  upstream: number,
  downstream: number,
  known: readonly Run[] = [],
): PartitionDelta => ({
  topic,
  topicId,
  partition,
  position: upstream,
  leaderEpoch: null,
  // The first makes what an attempt before has said in the era forgotten.
  runs: [ANEW, ...known, { upstream, downstream, length: 0 }],
});

const ANEW: Run = { upstream: 0, downstream: 0, length: 0 };

export interface SeedParts extends LaneStateParts {
  /** The properties are of the target, as are the clients. */
  readonly writing: SenderOptions;
  readonly lanes: number;
}

const LANES_AT_ONCE = 16;

/**
 * Writes them into the lanes' logs, each lane under its transactional id. A lane
 * that the mirror has been at work on in the era stays as it is; seeds of an
 * attempt before are replaced, since what they say may have changed.
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
        if (await isBegun(parts, lane, era, signal)) return [];
        const own = byLane.get(lane) ?? [];
        const seeds = {
          topic: lanesTopic(flow.source),
          partition: lane,
          value: encodeDelta(era, own),
        };
        return [seeds, ...own.map((each) => connectPosition(flow, each))];
      }, signal),
  );
}

/** Whether it is sealed, or a mirror has written to it in the era. */
async function isBegun(
  parts: LaneStateParts,
  lane: number,
  era: number,
  signal: AbortSignal,
): Promise<boolean> {
  const newest = await readLaneEra(parts, lane, signal);
  if (newest !== era) return newest > era;
  const topic = lanesTopic(parts.flow.source);
  for await (const { value } of readRecords(parts, topic, lane, signal)) {
    if (value === null) continue;
    const record = decodeLaneRecord(value);
    if (record.era === era && !record.partitions.every(isSeed)) return true;
  }
  signal.throwIfAborted();
  return false;
}

/** No mirror writes such a run. */
const isSeed = ({ runs }: PartitionDelta): boolean =>
  runs[0] !== undefined && runs[0].upstream === 0 &&
  runs[0].downstream === 0 && runs[0].length === 0;

/** What MirrorMaker 2 would go on from; an older one may be higher than ours. */
function connectPosition(
  { source }: Flow,
  { partition, position, topic }: PartitionDelta,
) {
  const its = { topic, partition, cluster: source };
  return {
    topic: connectOffsetsTopic(source),
    ...position === 0
      ? encodeNoSourcePosition(its)
      : encodeSourcePosition({ ...its, next: position }),
  };
}
