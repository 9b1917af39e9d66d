/** Samples cuts. The order is the whole point: see `cut.ts`. */
import { KafkaError, type TopicPartition } from "../../src/kafka/mod.ts";
import { forEachBounded } from "./bounded.ts";
import type { Cut, SampledGroup } from "./cut.ts";
import type { OffsetTable } from "./types.ts";

/** What is asked of the source. Each answer holds at some time of the call. */
export interface SourceCluster {
  /** Of all topics that are to be mirrored, discovered by the mirror or not. */
  partitions(signal: AbortSignal): Promise<readonly TopicPartition[]>;
  /** Last stable offsets; null where a partition does not say. */
  stableOffsets(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<OffsetTable>;
  /** The groups to be mirrored. */
  groups(signal: AbortSignal): Promise<readonly string[]>;
  /** What the group has committed and no open transaction may change. */
  committed(group: string, signal: AbortSignal): Promise<SampledGroup>;
  /** High watermarks, of records that are not committed too. */
  ends(
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ): Promise<OffsetTable>;
}

/** Groups that are asked at the same time. */
const GROUPS_AT_ONCE = 16;

/**
 * @param now milliseconds since the epoch
 * @throws {KafkaError} when the cluster does not answer. One group that cannot
 * be asked is named in `failed`.
 */
export async function sampleCut(
  source: SourceCluster,
  now: () => number,
  signal: AbortSignal,
): Promise<Cut> {
  const sampledAtMs = now();
  const stable = await source.stableOffsets(
    await source.partitions(signal),
    signal,
  );
  const groups = new Map<string, SampledGroup>();
  const failed = new Map<string, string>();
  const names = await source.groups(signal);
  await forEachBounded(names, GROUPS_AT_ONCE, async (group) => {
    try {
      groups.set(group, await source.committed(group, signal));
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      failed.set(group, error.message);
    }
  });
  const ends = await source.ends(await source.partitions(signal), signal);
  return { sampledAtMs, stable, groups, ends, failed };
}
