/** Asks both clusters what a seed of the mirror back must know. */
import type {
  Admin,
  ConsumerProperties,
  Library,
} from "../../src/kafka/mod.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import type { Flow } from "../formats/mod.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import { readReplayLog, writtenNow } from "./replay_log_topic.ts";
import type { Sides } from "./seed.ts";
import { partitionsOf } from "../partitions.ts";
import { topicsNow } from "../topics_now.ts";

export interface ReadSidesParts {
  readonly library: Library;
  /** From the old cluster to the active one. */
  readonly flow: Flow;
  readonly oldAdmin: Admin;
  /** Both of the active cluster. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
  readonly isMirroredBack: (topic: string) => boolean;
}

/**
 * @param map of the mirror that was ended
 * @throws {KafkaError | ReadError} where a cluster does not answer; the signal's
 * reason.
 */
export async function readSides(
  parts: ReadSidesParts,
  map: Pick<OffsetMap, "position" | "translate">,
  signal: AbortSignal,
): Promise<Sides> {
  const { admin, isMirroredBack, oldAdmin } = parts;
  const counts = await partitionCounts(admin, signal);
  const names = [...counts.keys()].filter(isMirroredBack);
  const [active, old, written] = await Promise.all([
    topicsNow(admin, names, signal),
    topicsNow(oldAdmin, names, signal),
    readReplayLog(parts, signal).then((log) =>
      writtenNow(log, { old: oldAdmin, active: admin }, signal)
    ),
  ]);
  const topics = [...active.values()];
  const oldCounts = new Map(
    Array.from(old, ([topic, { partitions }]) => [topic, partitions]),
  );
  const onBoth = topics.flatMap(({ partitions, topic }) =>
    partitionsOf(topic, Math.min(partitions, oldCounts.get(topic) ?? 0))
  );
  const all = topics.flatMap(({ partitions, topic }) =>
    partitionsOf(topic, partitions)
  );
  const [activeBegins, oldEnds] = await Promise.all([
    earliestOffsets(admin, all, REQUEST_MS, signal),
    latestOffsets(oldAdmin, onBoth, false, REQUEST_MS, signal),
  ]);
  const replayed = written.returned;
  return { map, topics, oldCounts, activeBegins, oldEnds, replayed };
}
