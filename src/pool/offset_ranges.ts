/**
 * Offsets that are settled above the first one that is not, and how they ride
 * in the metadata of a commit, so that whoever owns the partition next does not
 * repeat them. Pure.
 *
 *     offset   100  101  102  103  104  105
 *     settled   -    x    x    -    x    -      next 100, beyond [101,103, 104,105]
 */

/**
 * Pairs of a first offset and the one after the last, ascending, apart from one
 * another and above the position that they belong to.
 */
export type OffsetRanges = readonly number[];

export const NO_RANGES: OffsetRanges = [];

/** Brokers refuse longer metadata (`offset.metadata.max.bytes`, its default). */
export const METADATA_BYTES = 4096;

/** Two ways to write the same; the shorter one is chosen. */
const RUNS = "sy1r:";
const BITS = "sy1b:";

/** Base64 makes four characters of three bytes. */
const bytesIn = (characters: number) =>
  Math.floor((characters - RUNS.length) / 4) * 3;
const MOST_BYTES = bytesIn(METADATA_BYTES);

/**
 * The metadata of a commit at `next`; "" when there are no ranges.
 * @returns null when it would be longer than `metadataBytes`.
 */
export function encodeRanges(
  next: number,
  ranges: OffsetRanges,
  metadataBytes = METADATA_BYTES,
): string | null {
  if (ranges.length === 0) return "";
  const mostBytes = bytesIn(metadataBytes);
  const runs = runsOf(next, ranges);
  const bitBytes = Math.ceil((ranges.at(-1)! - next) / 8);
  const [name, bytes] = runs.length <= bitBytes
    ? [RUNS, runs]
    : [BITS, bitBytes <= mostBytes ? bitsOf(next, ranges) : null];
  if (bytes === null || bytes.length > mostBytes) return null;
  return name + new Uint8Array(bytes).toBase64();
}

/**
 * As `encodeRanges`, but without the highest ranges where all would be too
 * long: their records would be repeated, nothing else.
 */
export function encodeMost(next: number, ranges: OffsetRanges): string {
  const all = encodeRanges(next, ranges);
  if (all !== null) return all;
  let most = "";
  let fitting = 0;
  let tooMany = ranges.length / 2;
  while (tooMany - fitting > 1) {
    const count = (fitting + tooMany) >>> 1;
    const some = encodeRanges(next, ranges.slice(0, count * 2));
    if (some === null) tooMany = count;
    else [fitting, most] = [count, some];
  }
  return most;
}

/**
 * How many more records of a partition may be under way so that `encodeRanges`
 * is sure to fit, whichever of them are done first; 0 or less: none. With
 * nothing under way it is never 0: the first open record may always be taken.
 *
 * Few offsets fit as bits, whatever is settled of them. Among more each record
 * that is done adds two lengths at the most.
 * @param end the offset after the last that was taken or is settled
 * @param open records that are under way
 */
export function metadataRoom(
  { next, beyond }: Settled,
  end: number,
  open: number,
): number {
  const byBits = bitsRoom(next, end);
  const lengthBytes = Math.ceil(Math.log2(end - next + MOST_BYTES) / 7);
  const restBytes = MOST_BYTES - runsOf(next, beyond).length;
  const byRuns = Math.floor(restBytes / (2 * lengthBytes)) - open;
  return Math.max(byBits, byRuns, open === 0 ? 1 : 0);
}

/** A lower bound of `metadataRoom` that asks less; `next` may be too low. */
export const bitsRoom = (next: number, end: number): number =>
  MOST_BYTES * 8 - (end - next);

/** None where the metadata is not ours: then some records are repeated. */
export function decodeRanges(next: number, metadata: string): OffsetRanges {
  const name = metadata.slice(0, RUNS.length);
  if (name !== RUNS && name !== BITS) return NO_RANGES;
  let bytes: Uint8Array;
  try {
    bytes = Uint8Array.fromBase64(metadata.slice(name.length));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return NO_RANGES;
  }
  return name === RUNS ? rangesOfRuns(next, bytes) : rangesOfBits(next, bytes);
}

/** What lies above a position, and the position that remains, see `join`. */
export interface Settled {
  readonly next: number;
  readonly beyond: OffsetRanges;
}

/**
 * Both together: the later of the two positions, moved on over what is settled
 * there, and the ranges of both above it.
 */
export function join(one: Settled, other: Settled): Settled {
  let next = Math.max(one.next, other.next);
  const merged: number[] = [];
  for (const [first, end] of sorted([...one.beyond], [...other.beyond])) {
    if (first <= next) next = Math.max(next, end);
    else if (merged.length > 0 && first <= merged.at(-1)!) {
      merged[merged.length - 1] = Math.max(merged.at(-1)!, end);
    } else merged.push(first, end);
  }
  return { next, beyond: merged };
}

function sorted(...lists: readonly number[][]): [number, number][] {
  const pairs = lists.flatMap((ranges) =>
    Array.from(
      { length: ranges.length / 2 },
      (_, at): [number, number] => [ranges[at * 2]!, ranges[at * 2 + 1]!],
    )
  );
  return pairs.sort(([one], [other]) => one - other);
}

/** Whether an offset lies in one of the ranges. */
export function isWithin(ranges: OffsetRanges, offset: number): boolean {
  let low = 0;
  let high = ranges.length / 2;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (offset >= ranges[middle * 2 + 1]!) low = middle + 1;
    else high = middle;
  }
  return low * 2 < ranges.length && offset >= ranges[low * 2]!;
}

/** The lengths of what is open and settled, in turns, as variable integers. */
function runsOf(next: number, ranges: OffsetRanges): number[] {
  const bytes: number[] = [];
  let last = next;
  for (const edge of ranges) {
    let length = edge - last;
    last = edge;
    while (length >= 0x80) {
      bytes.push(length % 0x80 | 0x80);
      length = Math.floor(length / 0x80);
    }
    bytes.push(length);
  }
  return bytes;
}

function rangesOfRuns(next: number, bytes: Uint8Array): OffsetRanges {
  const ranges: number[] = [];
  let edge = next;
  let length = 0;
  let place = 1;
  for (const byte of bytes) {
    length += (byte & 0x7f) * place;
    place *= 0x80;
    if (byte & 0x80) continue;
    edge += length;
    ranges.push(edge);
    [length, place] = [0, 1];
  }
  // An odd number of edges has been cut; what is complete still holds.
  return ranges.length % 2 === 0 ? ranges : ranges.slice(0, -1);
}

/** A bit for each offset from `next` on. */
function bitsOf(next: number, ranges: OffsetRanges): number[] {
  const bytes = new Array<number>(Math.ceil((ranges.at(-1)! - next) / 8))
    .fill(0);
  for (let range = 0; range < ranges.length; range += 2) {
    for (let at = ranges[range]! - next; at < ranges[range + 1]! - next; at++) {
      bytes[at >>> 3]! |= 1 << (at & 7);
    }
  }
  return bytes;
}

function rangesOfBits(next: number, bytes: Uint8Array): OffsetRanges {
  const ranges: number[] = [];
  for (let at = 0; at <= bytes.length * 8; at++) {
    const isSet = ((bytes[at >>> 3] ?? 0) >>> (at & 7) & 1) === 1;
    const isInside = ranges.length % 2 === 1;
    if (isSet !== isInside) ranges.push(next + at);
  }
  return ranges;
}
