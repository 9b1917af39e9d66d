/**
 * A consistent cut: positions of groups that may be released on the target
 * because everything that their inputs below them had caused is there. Pure.
 *
 * It is sampled in the order S, p, E, each wholly before the next begins:
 *
 *     S  last stable offsets      p  stable committed offsets      E  ends
 *
 * - **E after p.** A transaction's outputs are acknowledged before its offsets
 *   are sent. So whatever inputs below p caused lies below an end that is asked
 *   for later. E is the high watermark and not the last stable offset: the
 *   marker that makes the offsets visible may precede those of the outputs, and
 *   the last stable offset would still lie below the outputs. A mirror that
 *   reads only what is committed passes E when the transactions below it have
 *   ended, so then their outputs are on the target.
 * - **S before p.** A resuming pool looks for the outputs of inputs at and above
 *   p from S on. Whatever is below S belongs to transactions that had ended
 *   then. Stable offsets that are asked for later include theirs (pending ones
 *   are waited for), so their inputs are below p. A high watermark would not do:
 *   a transaction that is open at S, and still open at p, may lie below it.
 *
 * Partitions are those that the source has when E is sampled, also those that
 * the mirror has not discovered yet: a group may have written to them already.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import {
  type GroupOffset,
  offsetIn,
  type OffsetTable,
  type OutputsOf,
  type Positions,
} from "./types.ts";

export interface SampledGroup {
  readonly offsets: readonly GroupOffset[];
  /** False: some offset stayed unstable or failed, and is left out. */
  readonly isWhole: boolean;
}

export interface Cut {
  /** When sampling began, in ms since the epoch. */
  readonly sampledAtMs: number;
  /** S: null where it is not known; then all of the partition is above it. */
  readonly stable: OffsetTable;
  /** p, by group. */
  readonly groups: ReadonlyMap<string, SampledGroup>;
  /** E: null where it could not be found out. */
  readonly ends: OffsetTable;
  /** Groups that could not be asked, and why; they are not in `groups`. */
  readonly failed: ReadonlyMap<string, string>;
}

/** A partition that is not yet mirrored as far as a cut wants. */
export interface Behind extends TopicPartition {
  /** Null: an end that is not known. */
  readonly wanted: number | null;
  readonly position: number | null;
  /** Why it will not come by itself; null: it is on its way. */
  readonly reason: string | null;
}

export type Verdict =
  | { readonly kind: "complete" }
  /** The mirror is on its way. */
  | { readonly kind: "waiting"; readonly behind: Behind }
  /** Waiting is vain: somebody must see to the partition. */
  | { readonly kind: "held"; readonly behind: Behind };

const COMPLETE: Verdict = { kind: "complete" };
const ANYWHERE: OutputsOf = () => null;

/** The partitions that are not mirrored up to E. */
export function behindEnds(cut: Cut, positions: Positions): Behind[] {
  const behind: Behind[] = [];
  for (const [topic, ends] of cut.ends) {
    for (const [partition, wanted] of ends.entries()) {
      const tp = { topic, partition };
      const position = positions.position(tp);
      if (wanted !== null && isReached(position, wanted)) continue;
      const reason = positions.stopped(tp) ??
        (wanted === null ? "its end is not known" : null);
      behind.push({ ...tp, wanted, position, reason });
    }
  }
  return behind;
}

/** Whether everything that any group has caused is there, and each p itself. */
export function isComplete(cut: Cut, positions: Positions): boolean {
  const behind = behindEnds(cut, positions);
  return verdicts(cut, positions, behind, cut.groups.keys(), ANYWHERE)
    .every(([, { kind }]) => kind === "complete") && behind.length === 0;
}

/**
 * What becomes of each group. A partition that has stopped holds every group
 * that may have written to it: what is missing there may be what its inputs
 * caused, and nothing on the source says who wrote a record. So a group is
 * spared only where its outputs are known not to be there (`outputsOf`), or
 * where the partition has nothing more than was mirrored. As an input alone, a
 * stopped partition holds back its own position (see `planRelease`) and not
 * those of the others: they are as complete without it.
 */
export function verdicts(
  { groups, ends }: Cut,
  positions: Positions,
  behind: readonly Behind[],
  of: Iterable<string>,
  outputsOf: OutputsOf,
): [string, Verdict][] {
  const byTopic = new Map<string, Behind>();
  let worst: Behind | null = null;
  for (const each of behind) {
    byTopic.set(each.topic, worse(byTopic.get(each.topic) ?? null, each));
    worst = worse(worst, each);
  }
  return Array.from(of, (group): [string, Verdict] => {
    const outputs = outputsOf(group);
    let found = outputs === null ? worst : null;
    for (const topic of outputs ?? []) {
      const each = byTopic.get(topic);
      if (each !== undefined) found = worse(found, each);
    }
    const { offsets } = groups.get(group)!;
    found ??= offsets.map((each) => inputBehind(each, ends, positions))
      .find((each) => each !== null) ?? null;
    if (found === null) return [group, COMPLETE];
    const kind = found.reason === null ? "waiting" : "held";
    return [group, { kind, behind: found }];
  });
}

/** What one p waits for; null also where waiting would be vain. */
function inputBehind(
  { topic, partition, offset }: GroupOffset,
  ends: OffsetTable,
  positions: Positions,
): Behind | null {
  const tp = { topic, partition };
  const end = offsetIn(ends, tp);
  // Of a topic that is not mirrored, or committed beyond the end.
  if (end === null || offset > end) return null;
  const position = positions.position(tp);
  if (isReached(position, offset) || positions.stopped(tp) !== null) {
    return null;
  }
  return { ...tp, wanted: offset, position, reason: null };
}

/** A partition without a record needs no mirroring. */
export const isReached = (position: number | null, wanted: number): boolean =>
  (position ?? 0) >= wanted;

const worse = (one: Behind | null, other: Behind): Behind =>
  one === null || one.reason === null && other.reason !== null ? other : one;

/**
 * By partition the lowest offset that this cut, and so any later one, asks to be
 * translated, unless a group goes back: below it the offset map may forget.
 */
export function lowestOf({ ends, groups, stable }: Cut): OffsetTable {
  const lowest = new Map(
    [...ends].map(([topic, of]) => [
      topic,
      Array.from(of, (_, partition) => offsetIn(stable, { topic, partition })),
    ]),
  );
  for (const { offsets } of groups.values()) {
    for (const { topic, partition, offset } of offsets) {
      const of = lowest.get(topic);
      const known = of?.[partition] ?? null;
      if (known !== null) of![partition] = Math.min(known, offset);
    }
  }
  return lowest;
}
