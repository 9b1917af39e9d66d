/** How far the mirror back is, by its lanes' logs. */
import {
  type Admin,
  type ConsumerProperties,
  type Library,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { latestOffsets } from "../cut/requests.ts";
import { partitionCounts } from "../failover/target.ts";
import { type Flow, lanesTopic } from "../formats/mod.ts";
import { LaneFollower, type OffsetMap } from "../offset_map/mod.ts";
import { pause } from "../waits.ts";

export interface CaughtUpParts {
  readonly library: Library;
  /** From the active cluster to the one that has returned. */
  readonly flow: Flow;
  /** Of the active one. */
  readonly admin: Admin;
  /** Of the other, which has the lanes' logs. */
  readonly consumer: ConsumerProperties;
  readonly isMirrored: (topic: string) => boolean;
  /** What is still missing, when that changes; 0 in the end. */
  readonly onLag: (offsets: number) => void;
}

const REQUEST_MS = 10_000;
const LOOK_MS = 200;

/**
 * Resolves when all that was committed when it was called has been mirrored;
 * where no mirror is at work, never.
 * @throws {KafkaError | FollowError} where a cluster refuses; the signal's reason.
 */
export async function untilMirrored(
  parts: CaughtUpParts,
  signal: AbortSignal,
): Promise<void> {
  const { admin, consumer, flow, isMirrored, library, onLag } = parts;
  const counts = await partitionCounts(admin, signal);
  const partitions = [...counts].filter(([topic]) => isMirrored(topic))
    .flatMap(([topic, count]) =>
      Array.from({ length: count }, (_, partition) => ({ topic, partition }))
    );
  const ends = await latestOffsets(
    admin,
    partitions,
    true,
    REQUEST_MS,
    signal,
  );
  await using follower = await LaneFollower.open({
    library,
    properties: consumer,
    topic: lanesTopic(flow.source),
    signal,
  });
  for (let before = -1;;) {
    await follower.load(signal);
    const lag = lagOf(partitions, ends, follower.map);
    if (lag !== before) onLag(lag);
    if (lag === 0) return;
    before = lag;
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** In offsets; an end that is not known is as one that was not come to. Pure. */
export const lagOf = (
  partitions: readonly TopicPartition[],
  ends: OffsetTable,
  map: Pick<OffsetMap, "position">,
): number =>
  partitions.reduce((sum, tp) => {
    const end = offsetIn(ends, tp);
    const position = map.position(tp)?.position ?? 0;
    return sum + (end === null ? 1 : Math.max(0, end - position));
  }, 0);
