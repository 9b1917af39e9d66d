/** What the votes say. Pure. */
import type {
  ClusterName,
  DrState,
  Health,
  StampedVote,
} from "../state/types.ts";
import type { SentinelPolicy } from "./policy.ts";

export interface Tally {
  /** Sentinels that must agree. */
  readonly needed: number;
  /** The newest vote of each sentinel that counts now. */
  readonly sentinels: readonly StampedVote[];
  /** Pools that settle records on the active cluster. */
  readonly progressing: readonly StampedVote[];
}

/**
 * Counts votes that are fresh and were cast under the state's epoch. Those of an
 * earlier epoch are of a time before the last change: the voter may not know of
 * it yet. A time too far ahead is no better than one too far back.
 *
 * Where more sentinels vote than are configured, more than half of those must
 * agree: a majority of the configured number could be a minority.
 */
export function tally(
  votes: readonly StampedVote[],
  { epoch }: Pick<DrState, "epoch">,
  { sentinels, voteFreshMs }: Pick<SentinelPolicy, "sentinels" | "voteFreshMs">,
  nowMs: number,
): Tally {
  const newest = new Map<string, StampedVote>();
  for (const vote of votes) {
    const id = `${vote.kind} ${vote.voter}`;
    const known = newest.get(id);
    if (known === undefined || known.atMs <= vote.atMs) newest.set(id, vote);
  }
  const counting = [...newest.values()].filter((vote) =>
    vote.epoch === epoch && Math.abs(nowMs - vote.atMs) <= voteFreshMs
  );
  const counted = counting.filter(({ kind }) => kind === "sentinel");
  return {
    needed: Math.floor(Math.max(sentinels, counted.length) / 2) + 1,
    sentinels: counted,
    progressing: counting.filter(({ isProgressing, kind }) =>
      kind === "pool" && isProgressing
    ),
  };
}

/** Sentinels that think so of a cluster. */
export const sayingOf = (
  { sentinels }: Tally,
  cluster: ClusterName,
  health: Health,
): readonly StampedVote[] =>
  sentinels.filter((vote) => vote.health[cluster] === health);

/** "a: down, b: healthy", for people. */
export function opinions({ sentinels }: Tally, cluster: ClusterName): string {
  if (sentinels.length === 0) return "no sentinel's vote is fresh";
  return sentinels.map(({ health, voter }) => `${voter}: ${health[cluster]}`)
    .sort().join(", ");
}
