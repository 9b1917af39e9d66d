/**
 * MirrorMaker 2's translation by offset syncs (`OffsetSyncStore`), to read what
 * a real one wrote. Pure.
 *
 * It keeps 64 places a partition, filled so that syncs stand the denser the
 * later they are:
 *
 *     upstream   0 ........................ 64 ....... 96 ... 112 . 120 124 126 127
 *     place      63 ..................... 7     6      5     4   3   2   1   0
 *
 * With s[i] for the upstream offset in place i, for neighbours that differ:
 *
 *     B  s[i] <= s[i+1] + 2^(i+1) - 2^i    recent enough for its place
 *     C  s[i] >= s[i+1] + 2^(i-2)          apart, so that the places suffice
 */
import type { OffsetPair } from "./offset_sync.ts";

/** Of one partition, the latest sync first; neighbours may be the same one. */
export type SyncPlaces = readonly OffsetPair[];

/**
 * `exact`: a sync tells it. `inexact`: behind the nearest sync before the
 * offset, so records from there on may be read again, but none is left out.
 * `none`: no sync is known, or all are above the offset (`ahead`).
 */
export type SyncTranslation =
  | { readonly kind: "exact" | "inexact"; readonly downstream: number }
  | { readonly kind: "none"; readonly reason: "unknown" | "ahead" };

const PLACES = 64;

/**
 * What is known when a sync has been read.
 *
 * Java forgets on its first reading of the topic what came before, where it
 * cannot know what it has translated before: start with null for that.
 * @param places null: nothing is known of the partition
 */
export function addSync(
  places: SyncPlaces | null,
  sync: OffsetPair,
): SyncPlaces {
  // A sync that goes back makes all that was known before untrue.
  if (places === null || sync.upstream < places[0]!.upstream) {
    return new Array<OffsetPair>(PLACES).fill(sync);
  }
  const next = [...places];
  next[0] = sync;
  let replacement = sync;
  let candidate = 0;
  for (let place = 1; place < PLACES; place++) {
    const before = next[place - 1]!;
    const behind = next[place + 1];
    // An old sync may move to a place of less recent ones. One that is too near
    // to what stands before is of no use to any later place, nor is a repeated
    // one; the last that fits stays the replacement of those that follow.
    for (let mayMove = true; mayMove && candidate < place;) {
      const old = places[candidate]!;
      const isApart = isApartFrom(before, old, place - 1);
      const fits = isApart && isRecent(before, old, place - 1) &&
        (behind === undefined || isApartFrom(old, behind, place));
      if (fits) replacement = old;
      mayMove = !isApart || old === places[candidate + 1];
      if (fits || mayMove) candidate++;
    }
    // From here on everything is recent enough as it stands.
    if (isRecent(before, next[place]!, place - 1)) break;
    next[place] = replacement;
  }
  return next;
}

/** @param places null: nothing is known of the partition */
export function translateBySyncs(
  places: SyncPlaces | null,
  upstream: number,
): SyncTranslation {
  if (places === null) return { kind: "none", reason: "unknown" };
  const sync = places.find((each) => each.upstream <= upstream);
  if (sync === undefined) return { kind: "none", reason: "ahead" };
  // Of the records behind a sync it is not known how many were mirrored.
  return sync.upstream === upstream
    ? { kind: "exact", downstream: sync.downstream }
    : { kind: "inexact", downstream: sync.downstream + 1 };
}

/** B, for the one in `place` and the one behind it. */
const isRecent = (one: OffsetPair, behind: OffsetPair, place: number) =>
  one === behind || one.upstream <= behind.upstream + 2 ** place;

/** C, for the one in `place` and the one behind it. */
const isApartFrom = (one: OffsetPair, behind: OffsetPair, place: number) =>
  one === behind ||
  one.upstream >= behind.upstream + 2 ** Math.max(place - 2, 0);
