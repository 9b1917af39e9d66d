/**
 * I2: `translate(p)` is the target offset of the last mirrored record below p,
 * plus 1; with none below, of the first mirrored. The same backwards. Computed
 * here twice: from the records themselves, and from the runs of the offset map.
 *
 *     upstream    0 1 2 . 4 5        (3 is a marker)
 *     downstream  0 1 2 4 5          (3 is a marker of the mirror)
 *
 *     translate   0->0 1->1 2->2 3->3 4->3 5->5 6->6
 *
 * **Wrong translation**: the two differ. **Wrong position**: the map's position is
 * not behind all records that are mirrored and before all that are not.
 */
import type { Pairs } from "./compare.ts";
import type { PartitionMap } from "./lane_maps.ts";
import type { OffsetRun } from "./lane_record.ts";
import type { Found } from "./report.ts";

/** Offsets that ascend, and what they are on the other side. */
interface Side {
  readonly from: ArrayLike<number>;
  readonly to: ArrayLike<number>;
  readonly size: number;
}

export type Direction = "upstream" | "downstream";

const sideOf = (pairs: Pairs, from: Direction): Side => ({
  from: pairs[from],
  to: pairs[from === "upstream" ? "downstream" : "upstream"],
  size: pairs.size,
});

/** By the records; null where none is mirrored. */
export function translatedByRecords(
  pairs: Pairs,
  offset: number,
  from: Direction = "upstream",
): number | null {
  return translated(
    sideOf(pairs, from),
    below(pairs[from], pairs.size, offset),
  );
}

/** @param count of those that are below the offset. */
function translated({ to, size }: Side, count: number): number | null {
  if (size === 0) return null;
  return count === 0 ? to[0]! : to[count - 1]! + 1;
}

/** By the map; null where it does not know: see the mark in `lane_record.ts`. */
export function translatedByRuns(
  runs: readonly OffsetRun[],
  offset: number,
  from: Direction = "upstream",
): number | null {
  const to = from === "upstream" ? "downstream" : "upstream";
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (runs[middle]![from] < offset) low = middle + 1;
    else high = middle;
  }
  const isMark = (at: number) => runs[at]?.length === 0;
  const isAtMark = isMark(low) && runs[low]![from] === offset;
  const at = isAtMark ? low : low - 1;
  const run = runs[at];
  if (run === undefined) return isMark(0) ? null : runs[0]?.[to] ?? null;
  const behind = offset - run[from];
  if (behind > run.length && isMark(at + 1)) return null;
  return run[to] + Math.min(behind, run.length);
}

/** How many of the first `size` are below. */
export function below(
  ascending: ArrayLike<number>,
  size: number,
  offset: number,
): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (ascending[middle]! < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

export interface TranslationCheck {
  readonly topic: string;
  readonly partition: number;
  readonly pairs: Pairs;
  /** Undefined: no lane knows the partition. */
  readonly map: PartitionMap | undefined;
  /** Of the target's log. */
  readonly targetEnd: number;
  /**
   * Whether the source has lost records that are mirrored: then only what stands
   * right behind the pairs can be known.
   */
  readonly isCompacted?: boolean;
  readonly found: Found;
}

export interface TranslationCounts {
  /** Offsets that were verified, in both directions together. */
  verified: number;
  /** Upstream offsets of mirrored records below the map's first run. */
  trimmed: number;
}

export function checkTranslation(check: TranslationCheck): TranslationCounts {
  const { pairs, map, topic, partition, found } = check;
  const counts = { verified: 0, trimmed: 0 };
  if (pairs.size === 0) return counts;
  const [first] = map?.runs ?? [];
  if (map === undefined || first === undefined) {
    found("wrong translation", {
      topic,
      partition,
      offset: pairs.upstream[0]!,
      sentence: "is mirrored, and the lane logs have no run of it",
    });
    return counts;
  }
  // What a trimmed map says of the trimmed is not defined.
  counts.trimmed = below(pairs.upstream, pairs.size, first.upstream);
  const isWhole = counts.trimmed === 0;
  for (const from of ["upstream", "downstream"] as const) {
    const start = isWhole ? 0 : first[from] + 1;
    const end = from === "upstream" ? map.position : check.targetEnd;
    counts.verified += check.isCompacted
      ? checkBehindPairs(check, map, from, first[from])
      : checkAll(check, map, from, start, end);
  }
  return counts;
}

/** Every offset from `start` to `end`, which is one behind the last record. */
function checkAll(
  check: TranslationCheck,
  map: PartitionMap,
  from: Direction,
  start: number,
  end: number,
): number {
  const side = sideOf(check.pairs, from);
  let count = below(side.from, side.size, start);
  for (let offset = start; offset <= end; offset++) {
    while (count < side.size && side.from[count]! < offset) count++;
    compare(check, map, from, offset, translated(side, count)!);
  }
  return Math.max(0, end - start + 1);
}

function checkBehindPairs(
  check: TranslationCheck,
  map: PartitionMap,
  from: Direction,
  start: number,
): number {
  const side = sideOf(check.pairs, from);
  const first = below(side.from, side.size, start);
  for (let at = first; at < side.size; at++) {
    compare(check, map, from, side.from[at]! + 1, side.to[at]! + 1);
  }
  return side.size - first;
}

function compare(
  { topic, partition, found }: TranslationCheck,
  { runs }: PartitionMap,
  from: Direction,
  offset: number,
  expected: number,
): void {
  const got = translatedByRuns(runs, offset, from);
  if (got === expected) return;
  const way = from === "upstream" ? "translates" : "translates back";
  found("wrong translation", {
    topic,
    partition,
    offset,
    sentence: `${way} to ${got} by the lane log, to ${expected} by the records`,
  });
}

export interface PositionCheck {
  readonly topic: string;
  readonly partition: number;
  /** Of the source: of all its committed records. */
  readonly upstream: { below(offset: number): number; readonly size: number };
  /** How many of them are mirrored. */
  readonly mirrored: number;
  /** The next to be read; undefined where nothing says one. */
  readonly position: number | undefined;
  readonly kind: "wrong position" | "wrong MirrorMaker position";
  readonly found: Found;
}

/** A prefix is mirrored: its length says what the position may be. */
export function checkPosition(check: PositionCheck): void {
  const { topic, partition, upstream, mirrored, position, kind, found } = check;
  if (position === undefined) {
    if (mirrored === 0) return;
    const sentence =
      `${mirrored} records are mirrored, and no position is said`;
    return found(kind, { topic, partition, offset: null, sentence });
  }
  const before = upstream.below(position);
  if (before === mirrored) return;
  found(kind, {
    topic,
    partition,
    offset: position,
    sentence: `has ${before} records of the source before it, and ` +
      `${mirrored} are mirrored`,
  });
}
