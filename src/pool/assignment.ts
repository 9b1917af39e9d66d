/**
 * Which worker gets which partition: sticky, balanced by load. Pure.
 *
 * A partition weighs its share of the measured load plus a constant share, so
 * that idle partitions are spread by count and busy ones by what they do. An
 * owner keeps what it has until moving one partition makes the heaviest worker
 * lighter by more than the tolerance, because a move costs a pause.
 */

export interface Placed {
  /** Unique name of the partition. */
  readonly id: string;
  /** Records per second, or any other measure; only proportions matter. */
  readonly load: number;
  /** The worker that has it now; null where nobody has. */
  readonly owner: number | null;
}

/** Share of a partition's weight that does not depend on its load. */
const COUNT_SHARE = 0.3;
/** Imbalance, relative to a fair share, below which nothing is moved. */
const TOLERANCE = 0.2;

/**
 * @returns the worker of each partition, by id. Owners that are not among
 * `workers` lose everything. Empty when there are no workers.
 */
export function balance(
  workers: readonly number[],
  partitions: readonly Placed[],
): Map<string, number> {
  const result = new Map<string, number>();
  if (workers.length === 0) return result;
  const weights = weigh(partitions);
  const totals = new Map(workers.map((worker) => [worker, 0]));
  const held = new Map<number, Weighed[]>(workers.map((each) => [each, []]));
  const give = (each: Weighed, worker: number) => {
    result.set(each.id, worker);
    const list = held.get(worker)!;
    list.splice(firstFrom(list, each.weight), 0, each);
    totals.set(worker, totals.get(worker)! + each.weight);
  };
  const homeless: Weighed[] = [];
  partitions.forEach(({ owner }, index) => {
    const each = weights[index]!;
    if (owner !== null && totals.has(owner)) give(each, owner);
    else homeless.push(each);
  });
  homeless.sort((a, b) => b.weight - a.weight || compare(a.id, b.id));
  for (const each of homeless) give(each, extreme(totals, "least"));

  const tolerated = TOLERANCE / workers.length;
  for (let moves = 0; totals.size > 1 && moves < partitions.length;) {
    const from = extreme(totals, "most");
    const to = extreme(totals, "least");
    const gap = totals.get(from)! - totals.get(to)!;
    if (gap <= tolerated) break;
    const list = held.get(from)!;
    const best = bestMove(list, gap);
    if (best === undefined) {
      // All that it has is too heavy to move: the others go on without it.
      totals.delete(from);
      continue;
    }
    const [each] = list.splice(best, 1);
    totals.set(from, totals.get(from)! - each!.weight);
    give(each!, to);
    moves++;
  }
  return result;
}

interface Weighed {
  readonly id: string;
  readonly weight: number;
}

/** With weights that add up to 1. */
function weigh(partitions: readonly Placed[]): Weighed[] {
  const total = partitions.reduce((sum, each) => sum + each.load, 0);
  const even = 1 / partitions.length;
  return partitions.map(({ id, load }) => ({
    id,
    weight: total === 0
      ? even
      : COUNT_SHARE * even + (1 - COUNT_SHARE) * load / total,
  }));
}

/** Which one's move comes nearest to closing the gap, if any does. */
function bestMove(
  list: readonly Weighed[],
  gap: number,
): number | undefined {
  const above = firstFrom(list, gap / 2);
  const left = (index: number) => {
    const each = list[index];
    return each === undefined ? Infinity : Math.abs(gap - 2 * each.weight);
  };
  const best = left(above - 1) <= left(above) ? above - 1 : above;
  return left(best) < gap * (1 - 1e-9) ? best : undefined;
}

/** Index of the first that weighs as much, in a list from light to heavy. */
function firstFrom(list: readonly Weighed[], weight: number): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]!.weight < weight) low = middle + 1;
    else high = middle;
  }
  return low;
}

function extreme(
  totals: ReadonlyMap<number, number>,
  which: "most" | "least",
): number {
  const sign = which === "most" ? -1 : 1;
  let found: number | undefined;
  for (const [worker, total] of totals) {
    if (found === undefined || sign * (total - totals.get(found)!) < 0) {
      found = worker;
    }
  }
  return found!;
}

const compare = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;
