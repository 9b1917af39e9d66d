/** Whether a topic is a copy of another, record by record. */

/** By partition: the fingerprint of each record, in order. */
export type Content = readonly (readonly number[])[];

/** What the differences amount to, of all partitions. */
interface Differences {
  missing: number;
  foreign: number;
  repeated: number;
  /** Places that hold another record, when the three above are left out. */
  misplaced: number;
}

export function countOf(content: Content): number {
  return content.reduce((sum, { length }) => sum + length, 0);
}

/** Empty when every partition has the same records in the same order. */
export function copyProblems(source: Content, copy: Content): string[] {
  const found: Differences = {
    missing: 0,
    foreign: 0,
    repeated: 0,
    misplaced: 0,
  };
  let first: string | undefined;
  const partitions = Math.max(source.length, copy.length);
  for (let partition = 0; partition < partitions; partition++) {
    const original = source[partition] ?? [];
    const copied = copy[partition] ?? [];
    const place = firstDifference(original, copied);
    if (place === null) continue;
    first ??= `first at record ${place} of partition ${partition}`;
    compare(original, copied, found);
  }
  if (first === undefined) return [];
  const { missing, foreign, repeated, misplaced } = found;
  const problems = [
    ...(missing > 0 ? [`${missing} records are missing`] : []),
    ...(foreign > 0 ? [`${foreign} records are not of the source`] : []),
    ...(repeated > 0 ? [`${repeated} records are repeated`] : []),
    ...(misplaced > 0 ? ["the order of a partition is wrong"] : []),
  ];
  return [...problems, first];
}

function firstDifference(
  original: readonly number[],
  copied: readonly number[],
): number | null {
  const length = Math.max(original.length, copied.length);
  for (let place = 0; place < length; place++) {
    if (original[place] !== copied[place]) return place;
  }
  return null;
}

function compare(
  original: readonly number[],
  copied: readonly number[],
  found: Differences,
): void {
  const expected = counts(original);
  const seen = counts(copied);
  // What both have, as often as both have it.
  const kept = keep(original, seen);
  const arrived = keep(copied, expected);
  found.missing += original.length - kept.length;
  const foreign = copied.filter((each) => !expected.has(each)).length;
  found.foreign += foreign;
  found.repeated += copied.length - arrived.length - foreign;
  found.misplaced += kept.filter((each, at) => each !== arrived[at]).length;
}

/** The records in order, each at most as often as `counts` says. */
function keep(
  records: readonly number[],
  counts: ReadonlyMap<number, number>,
): number[] {
  const left = new Map(counts);
  return records.filter((each) => {
    const remaining = left.get(each) ?? 0;
    if (remaining > 0) left.set(each, remaining - 1);
    return remaining > 0;
  });
}

function counts(records: readonly number[]): Map<number, number> {
  const result = new Map<number, number>();
  for (const each of records) result.set(each, (result.get(each) ?? 0) + 1);
  return result;
}
