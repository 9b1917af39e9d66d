/**
 * What can be said of records that MirrorMaker 2 has mirrored, which kept no runs:
 * where they end, on both sides, and what its offset syncs tell of single ones.
 * Pure.
 *
 *     upstream    0 ..... 99 | 100 ...... 499 | 500 ...
 *                 ours       | its own        | ours again
 *     downstream  0 .... 104 | 105 ...... 509 | 510 ...
 *     said        its runs     sync 300 -> 307  mark 500 -> 510
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import type { SyncPlaces } from "../formats/mod.ts";
import type { OffsetPair, Run } from "../offset_map/mod.ts";

/** Records of a source partition that somebody else has mirrored. */
export interface Stretch extends TopicPartition {
  /** Name of the topic on the target. */
  readonly target: string;
  /** What is known by runs ends there, on both sides. */
  readonly after: OffsetPair;
  /** Where we go on upstream. */
  readonly end: number;
}

/**
 * What the lane's log is to say of it.
 * @param targetEnd of the target's partition, before anything of ours follows
 * @param syncs of the partition; null: none are known
 * @param mostSyncs the latest count
 */
export function stretchRuns(
  { after, end }: Pick<Stretch, "after" | "end">,
  targetEnd: number,
  syncs: SyncPlaces | null,
  mostSyncs: number,
): Run[] {
  const pairs: OffsetPair[] = [];
  let before = { upstream: end, downstream: targetEnd };
  for (const pair of syncs ?? []) { // the latest first
    if (pairs.length >= mostSyncs) break;
    const isBehind = pair.upstream < before.upstream &&
      pair.downstream < before.downstream;
    const isNew = pair.upstream >= after.upstream &&
      pair.downstream >= after.downstream;
    if (!isBehind || !isNew) continue;
    pairs.push(pair);
    before = pair;
  }
  return [
    ...pairs.reverse().flatMap(({ upstream, downstream }) => [
      { upstream, downstream, length: 0 },
      { upstream, downstream, length: 1 },
    ]),
    { upstream: end, downstream: targetEnd, length: 0 },
  ];
}
