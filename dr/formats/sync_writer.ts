/**
 * When MirrorMaker 2 writes an offset sync of a partition (`OffsetSyncWriter`).
 * Pure.
 *
 * A record is synced at once when it is the first one, when the last sync has
 * fallen behind by `offset.lag.max`, when upstream offsets were skipped, or when
 * the downstream offset went back; else at the next commit, if it is still the
 * last one then. Within a run only the lag can call for one, so a run costs as
 * much as it writes, not as much as it mirrors:
 *
 *     downstream   40 41 42 43 44 45 46 47 48 49     a run from 40 on, lag 3
 *     at once       x           x           x
 *     at a commit                                x
 *
 * What MirrorMaker 2 leaves out for want of time (it has at most ten syncs under
 * way) is not left out here.
 */
import type { OffsetPair } from "./offset_sync.ts";

/** `offset.lag.max`, in records. */
export const DEFAULT_OFFSET_LAG_MAX = 100;

/** Neighbouring records: `length` of them from these offsets on, without gaps. */
interface Run extends OffsetPair {
  readonly length: number;
}

/** Of one partition; null before its first record. */
export interface SyncState {
  /** The last record. */
  readonly last: OffsetPair;
  /** Downstream offset of the last sync that was written at once. */
  readonly syncedDownstream: number;
  /** Whether the next commit is to write a sync of the last record. */
  readonly isDelayed: boolean;
}

export interface Syncs extends Iterable<OffsetPair> {
  readonly count: number;
  /** The one that counts once the topic has been compacted; null: none. */
  readonly latest: OffsetPair | null;
}

/**
 * @param run at least one record
 * @returns the syncs to write at once, in order, and the state after them
 */
export function observeRun(
  state: SyncState | null,
  run: Run,
  offsetLagMax = DEFAULT_OFFSET_LAG_MAX,
): { readonly state: SyncState; readonly syncs: Syncs } {
  // With a lag of 0 or less every record is synced.
  const stride = Math.max(offsetLagMax + 1, 1);
  const first = firstSync(state, run, stride);
  const count = first < run.length
    ? Math.floor((run.length - 1 - first) / stride) + 1
    : 0;
  const pair = (index: number): OffsetPair => ({
    upstream: run.upstream + index,
    downstream: run.downstream + index,
  });
  const latest = count === 0 ? null : pair(first + (count - 1) * stride);
  const last = pair(run.length - 1);
  return {
    state: {
      last,
      syncedDownstream: latest?.downstream ?? state!.syncedDownstream,
      isDelayed: latest?.upstream !== last.upstream,
    },
    syncs: {
      count,
      latest,
      *[Symbol.iterator]() {
        for (let nth = 0; nth < count; nth++) yield pair(first + nth * stride);
      },
    },
  };
}

/** What a commit writes; null: nothing. */
export function observeCommit(
  state: SyncState,
): { readonly state: SyncState; readonly sync: OffsetPair | null } {
  return state.isDelayed
    ? { state: { ...state, isDelayed: false }, sync: state.last }
    : { state, sync: null };
}

/** The index in the run of the first record that is synced at once. */
function firstSync(state: SyncState | null, run: Run, stride: number): number {
  if (
    state === null || run.upstream !== state.last.upstream + 1 ||
    run.downstream < state.last.downstream
  ) return 0;
  return Math.max(state.syncedDownstream + stride - run.downstream, 0);
}
