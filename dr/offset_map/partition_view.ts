/**
 * What one lane's log says of one partition. Mostly one lane alone speaks of a
 * partition; when the number of lanes changes, a partition moves, and for a
 * while its old lane and its new one do.
 *
 * Which of them is right must not depend on the order in which their logs are
 * read, for they are independent. So each lane's view is kept apart, and of views
 * with one topic id the one of the newest era, and in it of the highest position,
 * counts. That is right because within an era a partition's position is its
 * clock: a lane takes over only after its predecessor was fenced, begins at the
 * position that the predecessor committed last, and no transaction commits
 * anything but a higher one. (A source that was cut breaks that within one lane,
 * where the log's order decides. While a partition moves it must not be restarted
 * so: first its old lane's snapshot leaves it out.)
 *
 * Nothing is lost on the way because the new lane begins with a snapshot that has
 * the partition, and the old lane's snapshots have it until that is there:
 *
 *     lane 0   ...  delta{p, 500} | fenced       snapshot{p, 500}   snapshot{}
 *     lane 1                           snapshot{p, 500}   delta{p, 520}
 */
import { PartitionRuns } from "./runs.ts";

export interface PartitionView {
  readonly lane: number;
  readonly topic: string;
  readonly partition: number;
  topicId: string;
  era: number;
  /** The next upstream offset to be read. */
  position: number;
  /** Of the last record mirrored from below `position`; null: not known. */
  leaderEpoch: number | null;
  runs: PartitionRuns;
  /** Whether the lane's log has all that was known when it began: a snapshot. */
  isWhole: boolean;
}

/** For sorting: the newest first; lanes only make the order a total one. */
export function byAge(one: PartitionView, other: PartitionView): number {
  return other.era - one.era || other.position - one.position ||
    Number(other.isWhole) - Number(one.isWhole) || one.lane - other.lane;
}

/** Whether the log of `other`'s lane makes what `view` says needless. */
export function replaces(other: PartitionView, view: PartitionView): boolean {
  if (other === view || other.topicId !== view.topicId) return false;
  return other.era > view.era ||
    other.era === view.era && other.position >= view.position && other.isWhole;
}

/**
 * What is known by views of one partition, topic id and era, the newest first. A
 * lane that has taken over without a snapshot does not know the beginning.
 */
export function knownRuns(views: readonly PartitionView[]): PartitionRuns {
  const { isWhole, runs } = views[0]!;
  const first = runs.first;
  if (views.length === 1 || isWhole || first === null) return runs;
  if (first.upstream === 0) return runs; // there is nothing before it
  return PartitionRuns.of([{ ...first, length: 0 }, ...runs]);
}
