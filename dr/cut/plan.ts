/**
 * What is written on the target for one group: MirrorMaker 2's rules, and ours
 * where they would lose. Pure.
 */
import { type Cut, isReached } from "./cut.ts";
import { isOfPool, type TargetPosition, toTarget } from "./settled.ts";
import {
  type Checkpoint,
  type GroupOffset,
  offsetIn,
  type Positions,
  type Translation,
} from "./types.ts";

/** A group as it is on the target. */
export interface TargetGroup {
  /** It has members, so it is theirs; or it has none, or does not exist. */
  readonly isActive: boolean;
  /** What it has committed; need not be known of an active one. */
  readonly offsets: readonly GroupOffset[];
}

/** A position that is not released with this cut, and why. */
export interface Withheld extends GroupOffset {
  readonly reason: "not mirrored that far" | "its lower bound would go back";
}

export interface Plan {
  /** To be committed on the target; empty for an active group. */
  readonly writes: readonly GroupOffset[];
  /** Those that have changed, or are due. */
  readonly checkpoints: readonly Checkpoint[];
  readonly withheld: readonly Withheld[];
  /** Offsets that are lower bounds: some records would be repeated. */
  readonly inexact: readonly Checkpoint[];
  /** Positions of a pool without all that it has finished beyond them. */
  readonly withoutFinished: number;
  /**
   * Every position of the cut, or a later one, will stand on the target once
   * this is written: the cut's S holds for the group.
   */
  readonly isWhole: boolean;
}

export interface PlanInput {
  readonly group: string;
  readonly cut: Cut;
  readonly positions: Positions;
  readonly translation: Translation;
  /** The name on the target. */
  readonly targetTopic: (topic: string) => string;
  /** The last checkpoint of a partition of the target. */
  readonly last: (topic: string, partition: number) => Checkpoint | undefined;
  /** Writes also what has not changed. */
  readonly isDue: boolean;
}

interface Wanted {
  readonly source: GroupOffset;
  readonly position: TargetPosition;
  readonly checkpoint: Checkpoint;
  readonly last: Checkpoint | undefined;
}

/** What a group's positions are on the target. */
export interface Translations {
  readonly wanted: readonly Wanted[];
  readonly withheld: readonly Withheld[];
  /** Something differs from the last checkpoints. */
  readonly isChanged: boolean;
}

/**
 * The first half, which needs nothing of the target: where nothing has changed
 * since the last release, the target is not even asked. Positions of topics that
 * are not mirrored are left out.
 */
export function translateGroup(input: PlanInput): Translations {
  const { cut, group, last, positions, targetTopic, translation } = input;
  const wanted: Wanted[] = [];
  const withheld: Withheld[] = [];
  for (const source of cut.groups.get(group)!.offsets) {
    const { topic, partition, offset: upstream } = source;
    if (!cut.ends.has(topic)) continue;
    const end = offsetIn(cut.ends, source);
    const position = positions.position({ topic, partition });
    if (!isReached(position, upstream) || end === null || upstream > end) {
      withheld.push({ ...source, reason: "not mirrored that far" });
      continue;
    }
    const target = { topic: targetTopic(topic), partition };
    const before = last(target.topic, partition);
    const to = toTarget(source, translation, position ?? 0);
    // An exact one is lower only where the target's topic was made anew.
    const goesBack = before !== undefined && !to.isExact &&
      upstream >= before.upstream && to.next < before.downstream;
    if (goesBack) {
      withheld.push({ ...source, reason: "its lower bound would go back" });
      continue;
    }
    const { next: downstream, metadata } = to;
    const checkpoint = { group, ...target, upstream, downstream, metadata };
    wanted.push({ source, position: to, checkpoint, last: before });
  }
  const isChanged = wanted.some((each) => isNews(each));
  return { wanted, withheld, isChanged };
}

/**
 * The second half. A group with members on the target is theirs. Otherwise its
 * offsets go forward, and back only where the target's group stands where the
 * last release left it: whoever has worked on the target since is not thrown
 * back. They are lower only where the source's group went back, or where the
 * target's topic was made anew.
 */
export function planRelease(
  { wanted, withheld }: Translations,
  target: TargetGroup,
  { cut, group, isDue }: PlanInput,
): Plan {
  const there = new Map(
    target.offsets.map((each) => [`${each.topic}-${each.partition}`, each]),
  );
  const writes: GroupOffset[] = [];
  let others = 0;
  for (const each of target.isActive ? [] : wanted) {
    const { topic, partition } = each.checkpoint;
    const current = there.get(`${topic}-${partition}`);
    const write = writeOver(current, each, isDue);
    if (write === "other") others++;
    else if (write !== null) writes.push({ topic, partition, ...write });
  }
  const checkpoints = wanted.filter((each) => isDue || isNews(each))
    .map(({ checkpoint }) => checkpoint);
  const inexact = wanted.filter(({ position }) => !position.isExact)
    .map(({ checkpoint }) => checkpoint);
  const withoutFinished =
    wanted.filter(({ position }) => position.isCut).length;
  const short = others + withheld.length + inexact.length + withoutFinished;
  return {
    writes,
    checkpoints,
    withheld,
    inexact,
    withoutFinished,
    isWhole: !target.isActive && short === 0 && cut.groups.get(group)!.isWhole,
  };
}

type Commit = Pick<GroupOffset, "offset" | "metadata">;

/**
 * What to commit where `current` is committed. Null: leave it; "other": leave
 * what somebody else has committed at the same place, which is not what a pool
 * of the source has finished.
 */
function writeOver(
  current: Commit | undefined,
  { checkpoint, last }: Wanted,
  isDue: boolean,
): Commit | "other" | null {
  const { downstream: offset, metadata } = checkpoint;
  const ours = { offset, metadata };
  if (current === undefined || current.offset < offset) return ours;
  const isOurs = last !== undefined && current.offset === last.downstream;
  if (current.offset > offset) return isOurs ? ours : null;
  if (current.metadata === metadata) return isDue ? ours : null;
  if (isOurs && current.metadata === last.metadata) return ours;
  return isOfPool(metadata) ? "other" : null;
}

const isNews = ({ checkpoint, last }: Wanted): boolean =>
  last === undefined || last.upstream !== checkpoint.upstream ||
  last.downstream !== checkpoint.downstream ||
  last.metadata !== checkpoint.metadata;
