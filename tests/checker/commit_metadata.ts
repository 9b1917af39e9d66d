/**
 * What a commit claims as settled above its offset, in the words that Switchyard
 * writes into its metadata. Decoded here anew, from the description of the format:
 *
 *     sy1r:<base64>  lengths of what is open and settled above the offset, in
 *                    turns, as variable integers of 7 bits, the lowest first
 *     sy1b:<base64>  a bit for each offset from the committed one on, the lowest
 *                    bit of a byte first; set: settled
 */
import { Buffer } from "node:buffer";

/** Whether the commit says that this offset needs not be processed again. */
export type Claim = (offset: number) => boolean;

export function claimOf(committed: number, metadata: string): Claim {
  const above = aboveOf(metadata);
  return (offset) => offset < committed || above(offset - committed);
}

function aboveOf(metadata: string): (distance: number) => boolean {
  const [, form, text] = /^sy1([rb]):([A-Za-z0-9+/]*=*)$/.exec(metadata) ?? [];
  if (form === undefined || text === undefined) return () => false;
  const bytes = Buffer.from(text, "base64");
  if (form === "b") {
    return (distance) =>
      ((bytes[Math.floor(distance / 8)] ?? 0) & (1 << distance % 8)) !== 0;
  }
  const ends = endsOf(bytes);
  return (distance) => {
    const run = firstAbove(ends, distance);
    return run < ends.length && run % 2 === 1;
  };
}

/** Where each run ends; runs of settled offsets have odd numbers. */
function endsOf(bytes: Uint8Array): number[] {
  const ends: number[] = [];
  let end = 0;
  let factor = 1;
  for (const byte of bytes) {
    end += byte % 128 * factor;
    factor *= 128;
    if (byte >= 128) continue;
    ends.push(end);
    factor = 1;
  }
  return ends;
}

/** Index of the first that is larger than `value`. */
function firstAbove(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (ascending[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
