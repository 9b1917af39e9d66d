/**
 * Says from outside what became of the records: from what the load has sent, and
 * what is in the topics. Pure, and shares nothing with what it judges.
 *
 *     sent ──> inputs on the active cluster ──> outputs there
 *      └─ acknowledged, and only on the cluster that was left: the tail
 */
import type { ClusterName } from "../state/types.ts";
import { wrongContents } from "./contents.ts";
import { withoutAborted } from "./shown_aborts.ts";
import { switchesIn } from "./switches.ts";
import type {
  Counts,
  Observed,
  Seen,
  Sent,
  ShownAbort,
  SwitchGap,
  TailRange,
} from "./types.ts";

export interface Evidence {
  readonly sent: readonly Sent[];
  /** Since when nothing was broken any more, by which all should work again. */
  readonly calmMs?: number | null;
  /** When the load ended, and how much there was to be. */
  readonly load?: { readonly endMs: number; readonly perSecond: number };
  /** Of the cluster that was left; null: nobody was asked. */
  readonly listed?: readonly TailRange[] | null;
  /** What the clusters show and should not. */
  readonly aborts?: readonly ShownAbort[];
  /** Which cluster is active in the end. */
  readonly active: ClusterName;
  readonly clusters: Readonly<Record<ClusterName, Observed>>;
}

export interface Judgement extends Counts {
  /** By when the oldest of the tail was acknowledged; null: there is none. */
  readonly oldestTailMs: number | null;
  readonly switches: readonly SwitchGap[];
  readonly violations: readonly string[];
}

/** Of the load that there was to be: a machine may be busy. */
const LEAST_LOAD = 0.5;
/** Of that what a cluster acknowledges that nothing is wrong with. */
const LEAST_ACKNOWLEDGED = 0.95;

export function judge(given: Evidence): Judgement {
  const evidence = withoutAborted(given);
  const { active, clusters, sent } = evidence;
  const bySent = new Map(sent.map((each) => [each.id, each]));
  const here = clusters[active];
  const left = clusters[active === "primary" ? "secondary" : "primary"];
  const hereTimes = timesOf(here.inputs.map(({ id }) => id));
  const leftTimes = timesOf(left.inputs.map(({ id }) => id));

  const acknowledged = sent.filter((each) => each.acknowledgedMs !== null);
  const missing = acknowledged.filter(({ id }) => !hereTimes.has(id));
  const isInTail = ({ cluster, id }: Sent) =>
    cluster !== active && leftTimes.has(id);
  const tail = missing.filter(isInTail);
  const gone = missing.filter((each) => !isInTail(each));
  // A mirror that did nothing would leave a tail, and break no promise.
  const isCutOff = tail.length > 0 &&
    !acknowledged.some(({ cluster, id }) =>
      cluster !== active && hereTimes.has(id)
    );
  // Where the load sent it, the load alone has written it: once some inputs have
  // timed out, its client sends those again that may be there.
  const copied = [...hereTimes].filter(([id, times]) =>
    bySent.get(id)?.cluster !== active &&
    times > Math.max(1, leftTimes.get(id) ?? 0)
  );
  const foreign = [...hereTimes.keys()].filter((id) => !bySent.has(id));

  const unlisted = evidence.listed ? unlistedOf(evidence, tail) : 0;
  const { afterwards, standstill } = afterwardsOf(evidence);
  const behind = active === "primary"
    ? here.inputs.filter(({ id }) => !leftTimes.has(id)).length
    : 0;
  const { lost, repeated, unasked } = outputsOf(here, bySent, leftTimes);
  const reordered = reorderedIn(here);
  // All that was left has come home, or else nobody would have been moved.
  const isHome = active === "primary" &&
    acknowledged.some(({ cluster }) => cluster !== active);
  const repeatedThere = isHome
    ? outputsOf(left, bySent, hereTimes).repeated
    : 0;
  const wrong = wrongContents(given);
  const violations = [
    ...told(lost, "outputs are lost"),
    ...told(repeated, "outputs are repeated"),
    ...told(reordered, "outputs are out of their key's order"),
    ...told(repeatedThere, "outputs are repeated on the secondary"),
    ...told(gone.length, "acknowledged inputs are on no cluster"),
    ...told(isHome ? tail.length : 0, "inputs have not come home"),
    ...isCutOff ? ["no input of the cluster that was left came over"] : [],
    ...told(copied.length, "inputs are there more than once"),
    ...told(foreign.length, "inputs are there that were never sent"),
    ...told(unasked, "outputs are there that no input demands"),
    ...told(wrong.inputs, "inputs are not as they were sent"),
    ...told(wrong.outputs, "outputs are not as their inputs demand"),
    ...told(wrong.copies, "copies of the mirror are not like their originals"),
    ...told(behind, "inputs of the primary are not mirrored"),
    ...told(unlisted, "inputs of the tail are not found by the way back"),
    ...standstill,
    ...prefixProblems(evidence),
    ...claimProblems(evidence),
  ];
  return {
    sent: sent.length,
    acknowledged: acknowledged.length,
    afterwards,
    outputs: here.outputs.length,
    lost,
    repeated,
    reordered,
    tail: tail.length,
    behind,
    switches: switchesIn(evidence),
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
  leftTimes: ReadonlyMap<number, number>,
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
    else if (leftTimes.has(id) && ordinal < (sent.get(id)?.outputs ?? 0)) {
      repeated += Math.max(0, times - leftTimes.get(id)!);
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

/**
 * What the secondary has of the primary is a beginning of it, in its order. Where
 * the primary is active it has nothing else: what was its own is mirrored back.
 */
function prefixProblems(
  { active, clusters: { primary, secondary } }: Evidence,
): string[] {
  const source = byPartition(primary.inputs);
  const known = new Set(
    (active === "primary" ? secondary : primary).inputs.map(({ id }) => id),
  );
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

/** Whether work goes on when all is over, by how much of it there was. */
function afterwardsOf(
  { active, calmMs = null, clusters, load, sent }: Evidence,
): { readonly afterwards: number; readonly standstill: readonly string[] } {
  if (calmMs === null || load === undefined) {
    return { afterwards: 0, standstill: [] };
  }
  const late = sent.filter(({ cluster, sentMs }) =>
    cluster === active && sentMs >= calmMs
  );
  const afterwards =
    late.filter(({ acknowledgedMs }) => acknowledgedMs !== null).length;
  const due = load.perSecond * Math.max(0, load.endMs - calmMs) / 1000;
  const isUnanswered = unansweredIn(late, clusters[active]);
  const isEnough = late.length >= due * LEAST_LOAD &&
    late.filter(isUnanswered).length <= late.length * (1 - LEAST_ACKNOWLEDGED);
  const seconds = ((load.endMs - calmMs) / 1000).toFixed(1);
  return {
    afterwards,
    standstill: isEnough ? [] : [
      `in the last ${seconds} s, when nothing was broken, the ${active} took ` +
      `${afterwards} inputs; ${late.length} were sent, and ` +
      `${Math.round(due)} were to be`,
    ],
  };
}

/**
 * A broker may stall for longer than the load waits for an answer. That costs
 * inputs, and is over when later ones of their partition are taken.
 */
function unansweredIn(
  sent: readonly Sent[],
  { inputs }: Observed,
): (input: Sent) => boolean {
  const partitions = new Map(
    inputs.map(({ key, partition }) => [key, partition]),
  );
  const newest = new Map<number | undefined, number>();
  for (const { acknowledgedMs, id, key } of sent) {
    if (acknowledgedMs !== null) newest.set(partitions.get(key), id);
  }
  return ({ id, key }) => id > (newest.get(partitions.get(key)) ?? -1);
}

function unlistedOf(
  { active, clusters, listed }: Evidence,
  tail: readonly Sent[],
): number {
  const left = clusters[active === "primary" ? "secondary" : "primary"];
  const wanted = new Set(tail.map(({ id }) => id));
  return left.inputs.filter(({ id, offset, partition }) =>
    wanted.has(id) &&
    !listed!.some((range) =>
      range.partition === partition && range.start <= offset &&
      offset < range.end
    )
  ).length;
}

/**
 * What outputs say of their inputs is so, and no two say the same: by this, and
 * not by what they hold, a failover tells what is there already.
 */
function claimProblems({ active, clusters }: Evidence): string[] {
  const inputAt = new Map<string, number>();
  for (const { clusterId, inputs } of Object.values(clusters)) {
    if (clusterId === null) continue;
    for (const { id, offset, partition } of inputs) {
      inputAt.set(`${clusterId}/${partition}/${offset}`, id);
    }
  }
  const known = new Set(
    Object.values(clusters).map(({ clusterId }) => clusterId),
  );
  const claims = new Map<string, string>();
  let without = 0;
  let wrong = 0;
  let double = 0;
  for (const { claim, id, ordinal } of clusters[active].outputs) {
    if (claim === null) {
      without++;
      continue;
    }
    const place = `${claim.clusterId}/${claim.partition}/${claim.offset}`;
    const name = `${place}/${claim.ordinal}`;
    const own = nameOf(id, ordinal);
    // The same output again is counted as one that is repeated.
    if ((claims.get(name) ?? own) !== own) double++;
    claims.set(name, own);
    if (!known.has(claim.clusterId)) continue;
    if (inputAt.get(place) !== id || claim.ordinal !== ordinal) wrong++;
  }
  return [
    ...told(without, "outputs do not say what input they come from"),
    ...told(wrong, "outputs name another input than theirs"),
    ...told(double, "outputs name the same input and place as another"),
  ];
}
