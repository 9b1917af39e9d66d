/**
 * Up to when the target has all that the source had. Its ends are asked for
 * again and again; what was written before such a question lies below the ends
 * that it found, so once the positions of all lanes have reached these, nothing
 * from before it is missing. Pure; the clock is passed in.
 *
 * Ends are high watermarks: a transaction that stays open counts, for what lies
 * behind its beginning cannot be mirrored.
 */
import { isReached } from "./cut.ts";
import type { OffsetTable, Positions } from "./types.ts";

interface Sample {
  readonly atMs: number;
  readonly ends: OffsetTable;
}

/**
 * How far the target is behind is known to a fourth of that, and samples are a
 * few for each doubling of it, however long nothing moves.
 */
const FINENESS = 4;

export class Reach {
  /** Not reached; the oldest is the first. */
  #samples: readonly Sample[] = [];
  /** The last known ones, of the partitions that the source has. */
  #ends: OffsetTable = new Map();
  #reachedAtMs: number;

  /** @param beganAtMs of the clock that stamps samples, as all times here */
  constructor(beganAtMs: number) {
    this.#reachedAtMs = beganAtMs;
  }

  /**
   * @param atMs before the ends were asked for
   * @param answers null: the partition has no leader; nobody can write to it
   * either, so that its last known end counts
   */
  sampled(atMs: number, answers: OffsetTable): void {
    const ends = new Map(
      [...answers].map(([topic, of]) => {
        const before = this.#ends.get(topic);
        return [topic, of.map((end, at) => end ?? before?.[at] ?? null)];
      }),
    );
    this.#ends = ends;
    const last = this.#samples.at(-1);
    const sinceMs = this.#samples.at(-2)?.atMs ?? this.#reachedAtMs;
    const stepMs = (atMs - this.#reachedAtMs) / FINENESS;
    const isDense = last !== undefined && last.atMs - sinceMs < stepMs;
    const kept = isDense ? this.#samples.slice(0, -1) : this.#samples;
    this.#samples = [...kept, { atMs, ends }];
  }

  /**
   * When the newest sample was taken that is reached now; null: none that was
   * not reached before.
   */
  review(positions: Pick<Positions, "position">): number | null {
    const now: OffsetTable = new Map(
      [...this.#ends].map(([topic, ends]) => [
        topic,
        ends.map((_, partition) => positions.position({ topic, partition })),
      ]),
    );
    const at = this.#samples.findLastIndex(({ ends }) => isThere(ends, now));
    if (at < 0) return null;
    this.#reachedAtMs = this.#samples[at]!.atMs;
    this.#samples = this.#samples.slice(at + 1);
    return this.#reachedAtMs;
  }
}

/** Topics that were deleted since have nothing that is missing. */
function isThere(ends: OffsetTable, positions: OffsetTable): boolean {
  for (const [topic, of] of ends) {
    const there = positions.get(topic);
    if (there === undefined) continue;
    const isHere = of.every((end, partition) =>
      end !== null && isReached(there[partition] ?? null, end)
    );
    if (!isHere) return false;
  }
  return true;
}
