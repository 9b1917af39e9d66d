/**
 * **Reordered by key**: of two inputs of one key in one input partition, the
 * later one's first delivery has the smaller offset in one output partition.
 * **Reordered in partition**: the same of two inputs of different keys.
 *
 * First deliveries alone count, because at least once may deliver again later.
 * Outputs in different partitions or topics have no order between them. Inputs
 * that went through a retry topic, or are in the input topic more than once, are
 * left out by the caller. Each input that overtook an earlier one counts once;
 * in one partition it is by its key if it overtook one of its key.
 */
import { NumberTable } from "./number_table.ts";

/** What must be kept: nothing, the order of each key, or of each partition. */
export type Ordering = "partition" | "key" | "none";

export interface Overtaken {
  readonly kind: "reordered by key" | "reordered in partition";
  /** The farthest delivery of an earlier input, and that input. */
  readonly place: number;
  readonly entry: number;
}

interface Farthest {
  place: number;
  entry: number;
}

export class Order {
  readonly #ordering: Ordering;
  /** A lane is what keeps an order. Two meet with a chance of 2^-52. */
  readonly #lanes = new NumberTable();
  readonly #farthest: Farthest[] = [];

  constructor(ordering: Ordering) {
    this.#ordering = ordering;
  }

  /** Call it in the order of inputs, with the place of the first delivery. */
  next(
    entry: number,
    inputTp: number,
    key: string | null,
    outputTp: number,
    place: number,
  ): Overtaken | undefined {
    if (this.#ordering === "none") return;
    let overtaken: Overtaken | undefined;
    if (this.#ordering === "partition") {
      const before = this.#advance(
        laneOf(inputTp, outputTp, null),
        entry,
        place,
      );
      if (before) overtaken = { kind: "reordered in partition", ...before };
    }
    if (key !== null) {
      const before = this.#advance(
        laneOf(inputTp, outputTp, key),
        entry,
        place,
      );
      if (before) overtaken = { kind: "reordered by key", ...before };
    }
    return overtaken;
  }

  #advance(lane: number, entry: number, place: number): Farthest | undefined {
    const index = this.#lanes.indexOf(lane);
    const farthest = this.#farthest[index];
    if (farthest === undefined) {
      this.#farthest[index] = { place, entry };
    } else if (place < farthest.place) {
      return { ...farthest };
    } else {
      farthest.place = place;
      farthest.entry = entry;
    }
    return undefined;
  }
}

/** 53 bits of hash. */
function laneOf(inputTp: number, outputTp: number, key: string | null): number {
  let one = Math.imul(inputTp + 1, 0x9e3779b1) ^
    Math.imul(outputTp, 0xc2b2ae35);
  let two = Math.imul(outputTp + 1, 0x85ebca6b) ^
    Math.imul(inputTp, 0x27d4eb2f);
  if (key !== null) {
    one ^= 0x5bd1e995;
    for (let at = 0; at < key.length; at++) {
      const code = key.charCodeAt(at);
      one = Math.imul(one ^ code, 0x01000193);
      two = Math.imul(two ^ code, 0x85ebca77) ^ (two >>> 15);
    }
  }
  one = Math.imul(one ^ (one >>> 15), 0x85ebca6b);
  two = Math.imul(two ^ (two >>> 13), 0xc2b2ae35);
  one ^= one >>> 16;
  two ^= two >>> 16;
  return (two & 0x1fffff) * 2 ** 32 + (one >>> 0);
}
