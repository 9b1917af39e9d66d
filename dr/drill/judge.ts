/**
 * Says from outside what became of the records: from what the load has sent, and
 * what is in the topics. Pure, and shares nothing with what it judges.
 *
 *     sent ──> inputs on the active cluster ──> outputs there
 *      └─ acknowledged, and only on the cluster that was left: the tail
 */
import type { ClusterName } from "../state/types.ts";
import type { Counts, Observed, Seen, Sent } from "./types.ts";

export interface Evidence {
  readonly sent: readonly Sent[];
  /** Which cluster is active in the end. */
  readonly active: ClusterName;
  readonly clusters: Readonly<Record<ClusterName, Observed>>;
}

export interface Judgement extends Counts {
  /** By when the oldest of the tail was acknowledged; null: there is none. */
  readonly oldestTailMs: number | null;
  readonly violations: readonly string[];
}

export function judge({ active, clusters, sent }: Evidence): Judgement {
  const bySent = new Map(sent.map((each) => [each.id, each]));
  const here = clusters[active];
  const left = clusters[active === "primary" ? "secondary" : "primary"];
  const hereTimes = timesOf(here.inputs.map(({ id }) => id));
  const leftIds = new Set(left.inputs.map(({ id }) => id));

  const acknowledged = sent.filter((each) => each.acknowledgedMs !== null);
  const missing = acknowledged.filter(({ id }) => !hereTimes.has(id));
  const isInTail = ({ cluster, id }: Sent) =>
    cluster !== active && leftIds.has(id);
  const tail = missing.filter(isInTail);
  const gone = missing.filter((each) => !isInTail(each));
  // A mirror that did nothing would leave a tail, and break no promise.
  const isCutOff = tail.length > 0 &&
    !acknowledged.some(({ cluster, id }) =>
      cluster !== active && hereTimes.has(id)
    );
  const copied = [...hereTimes].filter(([, times]) => times > 1);
  const foreign = [...hereTimes.keys()].filter((id) => !bySent.has(id));

  const { lost, repeated, unasked } = outputsOf(here, bySent, leftIds);
  const reordered = reorderedIn(here);
  const violations = [
    ...told(lost, "outputs are lost"),
    ...told(repeated, "outputs are repeated"),
    ...told(reordered, "outputs are out of their key's order"),
    ...told(gone.length, "acknowledged inputs are on no cluster"),
    ...isCutOff ? ["no input of the cluster that was left came over"] : [],
    ...told(copied.length, "inputs are there more than once"),
    ...told(foreign.length, "inputs are there that were never sent"),
    ...told(unasked, "outputs are there that no input demands"),
    ...prefixProblems(clusters),
  ];
  return {
    sent: sent.length,
    acknowledged: acknowledged.length,
    outputs: here.outputs.length,
    lost,
    repeated,
    reordered,
    tail: tail.length,
    oldestTailMs: tail.length === 0
      ? null
      : Math.min(...tail.map((each) => each.acknowledgedMs!)),
    violations,
  };
}

const told = (count: number, what: string): string[] =>
  count === 0 ? [] : [`${count} ${what}`];

function timesOf<T>(all: readonly T[]): ReadonlyMap<T, number> {
  const times = new Map<T, number>();
  for (const each of all) times.set(each, (times.get(each) ?? 0) + 1);
  return times;
}

/** An input that is there twice demands its outputs twice. */
function outputsOf(
  { inputs, outputs }: Observed,
  sent: ReadonlyMap<number, Sent>,
  leftIds: ReadonlySet<number>,
): { lost: number; repeated: number; unasked: number } {
  const demanded = new Map<string, number>();
  for (const { id } of inputs) {
    const count = sent.get(id)?.outputs ?? 0;
    for (let ordinal = 0; ordinal < count; ordinal++) {
      const name = nameOf(id, ordinal);
      demanded.set(name, (demanded.get(name) ?? 0) + 1);
    }
  }
  const there = timesOf(
    outputs.map(({ id, ordinal }) => nameOf(id, ordinal)),
  );
  let lost = 0;
  for (const [name, times] of demanded) {
    lost += Math.max(0, times - (there.get(name) ?? 0));
  }
  let repeated = 0;
  let unasked = 0;
  const seen = new Set<string>();
  for (const { id, ordinal } of outputs) {
    const name = nameOf(id, ordinal);
    if (seen.has(name)) continue;
    seen.add(name);
    const times = there.get(name)!;
    const wanted = demanded.get(name);
    if (wanted !== undefined) repeated += Math.max(0, times - wanted);
    // An output may have been mirrored before its input.
    else if (leftIds.has(id) && ordinal < (sent.get(id)?.outputs ?? 0)) {
      repeated += times - 1;
    } else unasked += times;
  }
  return { lost, repeated, unasked };
}

const nameOf = (id: number, ordinal: number) => `${id}/${ordinal}`;

/** Repetitions are counted elsewhere: the first of each counts. */
function reorderedIn({ inputs, outputs }: Observed): number {
  const placeOf = new Map<number, number>();
  inputs.forEach(({ id }, at) => {
    if (!placeOf.has(id)) placeOf.set(id, at);
  });
  const newest = new Map<string, { place: number; ordinal: number }>();
  const seen = new Set<string>();
  let reordered = 0;
  for (const { id, key, ordinal, partition } of outputs) {
    const name = nameOf(id, ordinal);
    const place = placeOf.get(id);
    if (seen.has(name) || place === undefined) continue;
    seen.add(name);
    const lane = `${partition}/${key}`;
    const before = newest.get(lane);
    const isLate = before !== undefined &&
      (before.place > place ||
        before.place === place && before.ordinal > ordinal);
    if (isLate) reordered++;
    else newest.set(lane, { place, ordinal });
  }
  return reordered;
}

/** What the secondary has of the primary is a beginning of it, in its order. */
function prefixProblems(
  { primary, secondary }: Evidence["clusters"],
): string[] {
  const source = byPartition(primary.inputs);
  const known = new Set(primary.inputs.map(({ id }) => id));
  const problems: string[] = [];
  for (const [partition, seen] of byPartition(secondary.inputs)) {
    const mirrored = seen.filter(({ id }) => known.has(id));
    const from = source.get(partition) ?? [];
    const at = mirrored.findIndex(({ id }, place) => from[place]?.id !== id);
    if (at < 0) continue;
    problems.push(
      `partition ${partition} of the secondary has input ` +
        `${mirrored[at]!.id} where the primary has ` +
        `${from[at]?.id ?? "nothing"}`,
    );
  }
  return problems;
}

const byPartition = (seen: readonly Seen[]) =>
  Map.groupBy(seen, ({ partition }) => partition);
