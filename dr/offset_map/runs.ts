/**
 * Which records of a source partition became which of its target's: exact both
 * ways, as runs in which neither side has a gap. A new run begins only where the
 * difference of the two offsets changes.
 *
 *     upstream    3 4 5 . . 8 9 . 11        . no record, or one not to be read
 *     downstream  0 1 2 x . 4 5 x 7         x a transaction's marker
 *     runs        (3,0,3)   (8,4,2) (11,7,1)
 *
 * An entry of length 0 is a **mark**: where it lies, and nothing of what is
 * between the entry before it (or the beginning) and itself. So are told apart
 * what was trimmed away, and what a real MirrorMaker 2 copied without runs:
 *
 *     runs        (100,40,0) (100,40,20) (900,700,0) (900,700,5)
 *     upstream    0 ..... 99 | 100 .. 119 | 120 .. 899 | 900 .. 904
 *                 not known  | known      | not known  | known
 *
 * At a mark, all that was mirrored of what lies below it upstream lies below it
 * downstream, and the rest does not. So a first mark at the source's beginning
 * says where its copies begin in a target that has other records already.
 */

/** Records without a gap on either side; of length 0: a mark. */
export interface Run {
  /** Offset of the first in the source. */
  readonly upstream: number;
  /** Offset of the first in the target. */
  readonly downstream: number;
  readonly length: number;
}

/** Offsets that go together. */
export interface OffsetPair {
  readonly upstream: number;
  readonly downstream: number;
}

/**
 * Why an offset is a lower bound alone:
 * - `nothing-mirrored`: there is no record to be next to; the offset is 0.
 * - `below-known`: what was there was trimmed or never known; the offset is 0.
 * - `not-known`: it lies between an entry and a mark; the offset is next to the
 *   last record that is known below.
 * - `not-yet-mirrored`: above the mirror's position, so records may come to lie
 *   between (`OffsetMap.translate` alone says so).
 */
export type Inexactness =
  | "nothing-mirrored"
  | "below-known"
  | "not-known"
  | "not-yet-mirrored";

/**
 * An offset of the other side. Where it is not exact it lies too low: whoever
 * goes on there reads some records again and skips none.
 */
export type Translation =
  | { readonly offset: number; readonly exact: true }
  | {
    readonly offset: number;
    readonly exact: false;
    readonly why: Inexactness;
  };

// A run is three neighbouring cells.
const UPSTREAM = 0;
const DOWNSTREAM = 1;
const LENGTH = 2;
const CELLS = 3;
type Side = typeof UPSTREAM | typeof DOWNSTREAM;

/** Arrays up to 64 bytes need no memory outside of V8's heap. */
const FIRST_RUNS = 2;

/**
 * The runs of one partition under one topic id. A run takes 24
 * bytes, at most 48 with what is reserved for more; a partition of two runs
 * takes about 200 in all. Finding an offset is a binary search.
 */
export class PartitionRuns implements Iterable<Run> {
  #cells = new Float64Array(FIRST_RUNS * CELLS);
  #count = 0;

  /** @throws {RangeError} as `append`. */
  static of(runs: Iterable<Run>): PartitionRuns {
    const result = new PartitionRuns();
    for (const run of runs) result.append(run);
    return result;
  }

  copy(): PartitionRuns {
    const copy = new PartitionRuns();
    copy.#cells = this.#cells.slice(
      0,
      Math.max(FIRST_RUNS, this.#count) * CELLS,
    );
    copy.#count = this.#count;
    return copy;
  }

  /** Entries: runs and marks. */
  get count(): number {
    return this.#count;
  }

  /** Memory reserved for entries. */
  get byteLength(): number {
    return this.#cells.byteLength;
  }

  /** Null: nothing is known. */
  get first(): Run | null {
    return this.#count === 0 ? null : this.#run(0);
  }

  /** Where a run would continue the last one; 0 and 0 where there is none. */
  get end(): OffsetPair {
    return { upstream: this.#end(UPSTREAM), downstream: this.#end(DOWNSTREAM) };
  }

  *[Symbol.iterator](): IterableIterator<Run> {
    for (let at = 0; at < this.#count; at++) yield this.#run(at);
  }

  /**
   * Adds what was mirrored behind everything that is known; merges where both
   * sides continue. A mark with nothing unknown below it is left out, but for a
   * first one that the target's copies begin at.
   * @throws {RangeError} where it does not lie behind, or is no run.
   */
  append(run: Run): void {
    const { upstream, downstream, length } = checked(run);
    const skipped = upstream - this.#end(UPSTREAM);
    const markers = downstream - this.#end(DOWNSTREAM);
    if (skipped < 0 || markers < 0) {
      throw new RangeError(
        `run ${upstream} -> ${downstream} lies ${skipped} -> ${markers} ` +
          "before the end of what is known",
      );
    }
    if (length === 0) {
      // No record lies between, on one side at least and so on neither.
      const begins = this.#count === 0 && markers > 0;
      if (skipped === 0 && !begins || markers === 0) return;
    } else if (
      skipped === 0 && markers === 0 && this.#count > 0 &&
      !this.#isMark(this.#count - 1)
    ) {
      this.#cells[(this.#count - 1) * CELLS + LENGTH]! += length;
      return;
    }
    if ((this.#count + 1) * CELLS > this.#cells.length) {
      this.#resize(this.#count * 2);
    }
    this.#set(this.#count++, upstream, downstream, length);
  }

  /**
   * As `append`, but forgets first what `run` contradicts: a source that was cut
   * gives its offsets to other records.
   * @throws {RangeError} where it is no run.
   */
  continueWith(run: Run): void {
    const { upstream, downstream } = checked(run);
    if (upstream < this.#end(UPSTREAM) || downstream < this.#end(DOWNSTREAM)) {
      this.forgetFrom(upstream, downstream);
    }
    this.append(run);
  }

  /** Forgets what lies at or above either offset. */
  forgetFrom(upstream: number, downstream: number): void {
    let lowestIsMark = false;
    while (this.#count > 0) {
      const at = this.#count - 1;
      const { upstream: first, downstream: itsFirst, length } = this.#run(at);
      // A mark speaks only of what is below it.
      const least = length === 0 ? 0 : 1;
      if (first + least <= upstream && itsFirst + least <= downstream) {
        this.#cells[at * CELLS + LENGTH] = Math.min(
          length,
          upstream - first,
          downstream - itsFirst,
        );
        break;
      }
      lowestIsMark = length === 0;
      this.#count--;
    }
    // What was not known below that mark is not known now either.
    if (lowestIsMark) this.append({ upstream, downstream, length: 0 });
  }

  /**
   * Forgets what no answer at or above `upstream` needs. Below it answers become
   * `below-known`, or stay as they are where nothing would be won.
   */
  trimBelow(upstream: number): void {
    const at = this.#floor(UPSTREAM, upstream);
    if (at < 1) return;
    const run = this.#run(at);
    const passed = Math.min(upstream - run.upstream, run.length);
    const rest = run.length - passed;
    // The mark takes the place before the first entry that stays.
    const mark = rest > 0 ? at - 1 : at;
    if (mark === 0) return;
    if (rest > 0) {
      this.#set(at, run.upstream + passed, run.downstream + passed, rest);
    }
    this.#set(mark, run.upstream + passed, run.downstream + passed, 0);
    this.#cells.copyWithin(0, mark * CELLS, this.#count * CELLS);
    this.#count -= mark;
    if (this.#count * CELLS * 4 <= this.#cells.length) {
      this.#resize(Math.max(FIRST_RUNS, this.#count));
    }
  }

  /**
   * The target's offset for a position in the source: behind the last record
   * that was mirrored from below `upstream`; where there is none, of the first
   * one. So:
   * - inside a gap, that the gap's lower end has;
   * - beyond the end, that the end has, exact as far as was mirrored by now;
   * - where nothing was mirrored, below a trimmed beginning, and between an
   *   entry and a mark: not exact, see `Inexactness`.
   */
  translate(upstream: number): Translation {
    return this.#translate(UPSTREAM, DOWNSTREAM, upstream);
  }

  /**
   * The source's offset for a position in the target, likewise.
   * `translate(back(translate(u)))` is `translate(u)` where all are exact.
   */
  back(downstream: number): Translation {
    return this.#translate(DOWNSTREAM, UPSTREAM, downstream);
  }

  #translate(from: Side, to: Side, offset: number): Translation {
    if (this.#count === 0) {
      return { offset: 0, exact: false, why: "nothing-mirrored" };
    }
    const at = this.#floor(from, offset);
    if (at < 0) {
      return this.#isMark(0)
        ? { offset: 0, exact: false, why: "below-known" }
        : { offset: this.#cells[to]!, exact: true };
    }
    const start = this.#cells[at * CELLS + from]!;
    const length = this.#cells[at * CELLS + LENGTH]!;
    const answer = this.#cells[at * CELLS + to]! +
      Math.min(offset - start, length);
    const isBeyond = offset > start + length;
    return isBeyond && at + 1 < this.#count && this.#isMark(at + 1)
      ? { offset: answer, exact: false, why: "not-known" }
      : { offset: answer, exact: true };
  }

  /** The last entry with a record below `offset`, or a mark at or below; or -1. */
  #floor(side: Side, offset: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#cells[middle * CELLS + side]! < offset) low = middle + 1;
      else high = middle;
    }
    // A mark stands before a run that begins at the same offset.
    const isAtMark = low < this.#count && this.#isMark(low) &&
      this.#cells[low * CELLS + side] === offset;
    return isAtMark ? low : low - 1;
  }

  #run(at: number): Run {
    const cell = at * CELLS;
    return {
      upstream: this.#cells[cell + UPSTREAM]!,
      downstream: this.#cells[cell + DOWNSTREAM]!,
      length: this.#cells[cell + LENGTH]!,
    };
  }

  #set(at: number, upstream: number, downstream: number, length: number): void {
    const cell = at * CELLS;
    this.#cells[cell + UPSTREAM] = upstream;
    this.#cells[cell + DOWNSTREAM] = downstream;
    this.#cells[cell + LENGTH] = length;
  }

  #isMark(at: number): boolean {
    return this.#cells[at * CELLS + LENGTH] === 0;
  }

  #end(side: Side): number {
    if (this.#count === 0) return 0;
    const cell = (this.#count - 1) * CELLS;
    return this.#cells[cell + side]! + this.#cells[cell + LENGTH]!;
  }

  #resize(runs: number): void {
    const cells = new Float64Array(runs * CELLS);
    cells.set(this.#cells.subarray(0, this.#count * CELLS));
    this.#cells = cells;
  }
}

function checked(run: Run): Run {
  const { upstream, downstream, length } = run;
  const isValid = Number.isSafeInteger(upstream + length) &&
    Number.isSafeInteger(downstream + length) &&
    Number.isSafeInteger(length) &&
    Number.isSafeInteger(upstream) && Number.isSafeInteger(downstream) &&
    upstream >= 0 && downstream >= 0 && length >= 0;
  if (!isValid) {
    throw new RangeError(
      `no run: ${length} from ${upstream} -> ${downstream}`,
    );
  }
  return run;
}
