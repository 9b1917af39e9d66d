/** The source of a mirror, as `sampleCut` asks it. */
import {
  type Admin,
  KafkaError,
  type PartitionAnswer,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import type { SampledGroup } from "./cut.ts";
import { askRepeatedly, ATTEMPT_MS, latestOffsets } from "./requests.ts";
import type { SourceCluster } from "./sampler.ts";
import type { GroupOffset } from "./types.ts";
import { partitionsIn, partitionsOf } from "../partitions.ts";
import { pause } from "../waits.ts";

export interface SourceClusterOptions {
  /** Of the source; it is not closed here. */
  readonly admin: Admin;
  /** Whether a topic is, or is to be, mirrored. */
  readonly isTopicMirrored: (topic: string) => boolean;
  readonly isGroupMirrored: (group: string) => boolean;
  /** Of each question, repeated attempts included. */
  readonly timeoutMs: number;
}

const UNSTABLE_RETRY_MS = 20;

export function sourceCluster(options: SourceClusterOptions): SourceCluster {
  const { admin, isGroupMirrored, isTopicMirrored, timeoutMs } = options;
  /** Of all topics of the cluster; asked with the partitions. */
  let counts: ReadonlyMap<string, number> = new Map();
  return {
    async partitions(signal) {
      counts = await askRepeatedly(
        () => admin.partitionCounts(ATTEMPT_MS),
        timeoutMs,
        signal,
      );
      return partitionsIn(counts, isTopicMirrored);
    },
    stableOffsets: (partitions, signal) =>
      latestOffsets(admin, partitions, true, timeoutMs, signal),
    ends: (partitions, signal) =>
      latestOffsets(admin, partitions, false, timeoutMs, signal),
    async groups(signal) {
      const { groups, errors } = await askRepeatedly(
        () => admin.groups.list({ timeoutMs: ATTEMPT_MS, signal }),
        timeoutMs,
        signal,
      );
      // The groups of a broker that fails would just not be there.
      if (errors.length > 0) throw errors[0];
      return groups.map(({ groupId }) => groupId).filter(isGroupMirrored);
    },
    committed: (group, signal) =>
      committedOffsets(
        { admin, timeoutMs },
        group,
        (topic) => partitionsOf(topic, counts.get(topic) ?? 0),
        signal,
      ),
  };
}

/**
 * Asks again for those partitions alone whose offsets a transaction may still
 * change: a busy group has such a partition at almost any time, and positions
 * of different partitions need not be of one moment.
 *
 * "All" are those with an offset; the first one of a partition may be pending
 * still. So the others of the same topics are asked for by name.
 */
async function committedOffsets(
  { admin, timeoutMs }: Pick<SourceClusterOptions, "admin" | "timeoutMs">,
  group: string,
  partitionsOf: (topic: string) => readonly TopicPartition[],
  signal: AbortSignal,
): Promise<SampledGroup> {
  const ask = (partitions: readonly TopicPartition[] | "all") =>
    askRepeatedly(
      () =>
        admin.groups.offsets(group, partitions, {
          timeoutMs: ATTEMPT_MS,
          requireStable: true,
          signal,
        }),
      timeoutMs,
      signal,
    );
  const offsets: GroupOffset[] = [];
  /** @returns those that must be asked for again */
  const take = (answers: readonly PartitionAnswer[]): TopicPartition[] => {
    const again: TopicPartition[] = [];
    for (const { topic, partition, offset, metadata, error } of answers) {
      if (error !== null) again.push({ topic, partition });
      else if (offset !== null) {
        offsets.push({ topic, partition, offset, metadata });
      }
    }
    return again;
  };
  const answers = await ask("all");
  const named = new Set(
    answers.map(({ topic, partition }) => `${topic}-${partition}`),
  );
  let left = [
    ...take(answers),
    ...[...new Set(answers.map(({ topic }) => topic))].flatMap(partitionsOf)
      .filter(({ topic, partition }) => !named.has(`${topic}-${partition}`)),
  ];
  const deadline = performance.now() + timeoutMs;
  let isFirst = true;
  while (left.length > 0 && (isFirst || performance.now() < deadline)) {
    if (!isFirst) await pause(UNSTABLE_RETRY_MS, signal);
    isFirst = false;
    try {
      left = take(await ask(left));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      break;
    }
  }
  return { offsets, isWhole: left.length === 0 };
}
