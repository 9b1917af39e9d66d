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
  const held = new Map<number, string[]>(workers.map((each) => [each, []]));
  const give = (id: string, worker: number) => {
    result.set(id, worker);
    held.get(worker)!.push(id);
    totals.set(worker, totals.get(worker)! + weights.get(id)!);
  };
  const homeless: string[] = [];
  for (const { id, owner } of partitions) {
    if (owner !== null && totals.has(owner)) give(id, owner);
    else homeless.push(id);
  }
  homeless.sort((a, b) => weights.get(b)! - weights.get(a)! || compare(a, b));
  for (const id of homeless) give(id, extreme(totals, "least"));

  const tolerated = TOLERANCE / workers.length;
  for (let moves = 0; moves < partitions.length; moves++) {
    const from = extreme(totals, "most");
    const to = extreme(totals, "least");
    const gap = totals.get(from)! - totals.get(to)!;
    if (gap <= tolerated) break;
    const id = bestMove(held.get(from)!, weights, gap);
    if (id === undefined) break;
    const weight = weights.get(id)!;
    held.set(from, held.get(from)!.filter((each) => each !== id));
    totals.set(from, totals.get(from)! - weight);
    give(id, to);
  }
  return result;
}

/** Weights that add up to 1. */
function weigh(partitions: readonly Placed[]): Map<string, number> {
  const load = partitions.reduce((sum, each) => sum + each.load, 0);
  const even = 1 / partitions.length;
  return new Map(partitions.map((each) => [
    each.id,
    load === 0
      ? even
      : COUNT_SHARE * even + (1 - COUNT_SHARE) * each.load / load,
  ]));
}

/** The partition whose move comes nearest to closing the gap, if any does. */
function bestMove(
  ids: readonly string[],
  weights: ReadonlyMap<string, number>,
  gap: number,
): string | undefined {
  let best: string | undefined;
  let bestGap = gap * (1 - 1e-9);
  for (const id of ids) {
    const left = Math.abs(gap - 2 * weights.get(id)!);
    if (left < bestGap) {
      best = id;
      bestGap = left;
    }
  }
  return best;
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
