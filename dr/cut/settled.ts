/**
 * A group's position on the source as one on the target, with what it has
 * finished beyond. Pure.
 *
 *     source   p=100 [103,106) done            target   52 [54,57) done
 *              100 101 102 103 104 105                  52 53 m 54 55 56   m marker
 */
import {
  decodeRanges,
  encodeMost,
  encodeRanges,
  join,
  NO_RANGES,
  type Settled,
} from "../../src/pool/offset_ranges.ts";
import type { GroupOffset, Translated, Translation } from "./types.ts";

/** A position on the target. */
export interface TargetPosition extends Settled {
  /** What is written with it. */
  readonly metadata: string;
  /** False: `next` is a lower bound, so some records would be repeated. */
  readonly isExact: boolean;
  /** Records of finished ranges are left out, so they would be repeated. */
  readonly isCut: boolean;
}

/** Metadata of a Switchyard pool, of this version or of a later one. */
export const isOfPool = (metadata: string): boolean => /^sy\d/.test(metadata);

/**
 * Finished ranges are translated one by one. A record is in a translated range
 * if and only if it is a copy of one in the range: what else lies there is
 * markers. So a range is kept only where both its ends are exact, and only up to
 * the mirror's position; what is left out, also because brokers take 4096 bytes
 * of metadata, is repeated and never lost.
 *
 * Metadata of others is passed on as it is, as MirrorMaker 2 does.
 *
 * @param position the mirror's, at or above the group's offset
 */
export function toTarget(
  { topic, partition, offset, metadata }: GroupOffset,
  translation: Translation,
  position: number,
): TargetPosition {
  const at = (upstream: number): Translated =>
    translation.translate({ topic, partition }, upstream) ??
      { offset: 0, exact: false, why: "nothing-mirrored" };
  const { offset: next, exact, why } = at(offset);
  const isExact = exact || why === "nothing-mirrored";
  if (!isOfPool(metadata)) {
    return { next, beyond: NO_RANGES, metadata, isExact, isCut: false };
  }
  const beyond: number[] = [];
  const ranges = decodeRanges(offset, metadata);
  let isCut = false;
  for (let range = 0; range < ranges.length; range += 2) {
    const end = Math.min(ranges[range + 1]!, position);
    isCut ||= end < ranges[range + 1]!;
    if (ranges[range]! >= end) continue;
    const [first, last] = [at(ranges[range]!), at(end)];
    if (last.why === "nothing-mirrored") continue; // nothing lies in it
    if (!first.exact || !last.exact) isCut = true;
    else if (first.offset < last.offset) beyond.push(first.offset, last.offset);
  }
  const settled = join({ next, beyond: NO_RANGES }, { next: 0, beyond });
  isCut ||= encodeRanges(settled.next, settled.beyond) === null;
  const written = encodeMost(settled.next, settled.beyond);
  return { ...settled, metadata: written, isExact, isCut };
}
