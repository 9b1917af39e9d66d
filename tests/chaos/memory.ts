/** How the memory of processes develops: least squares over samples. */

export interface MemorySample {
  /** Since some beginning. */
  readonly atMs: number;
  readonly bytes: number;
}

/**
 * A process's beginning says nothing of a leak: heaps and buffers grow to the
 * size that the load needs. So much of its life, and so long at the least.
 */
const warmUpShare = 1 / 3;
const leastWarmUpMs = 30_000;
/** Fewer samples, or a shorter life, make no slope. */
const leastSamples = 6;

/**
 * MiB a minute over the samples of one process; null when it did not live long
 * enough to tell.
 */
export function slopeOf(samples: readonly MemorySample[]): number | null {
  const startMs = samples[0]?.atMs ?? 0;
  const livedMs = (samples.at(-1)?.atMs ?? 0) - startMs;
  const warmUpMs = Math.max(leastWarmUpMs, livedMs * warmUpShare);
  const warm = samples.filter(({ atMs }) => atMs - startMs >= warmUpMs);
  if (warm.length < leastSamples) return null;
  const mean = (of: (sample: MemorySample) => number) =>
    warm.reduce((sum, each) => sum + of(each), 0) / warm.length;
  const meanMs = mean(({ atMs }) => atMs);
  const meanBytes = mean(({ bytes }) => bytes);
  let product = 0;
  let square = 0;
  for (const { atMs, bytes } of warm) {
    product += (atMs - meanMs) * (bytes - meanBytes);
    square += (atMs - meanMs) ** 2;
  }
  return square === 0 ? null : product / square * 60_000 / 2 ** 20;
}

export interface MemorySummary {
  readonly peakMib: number;
  /** Of the process that was watched longest; null when none lived long enough. */
  readonly slopeMibAMinute: number | null;
  /** How long that process was watched. */
  readonly watchedSeconds: number;
}

/** @param byProcess samples in the order of their time. */
export function summaryOfMemory(
  byProcess: ReadonlyMap<number, readonly MemorySample[]>,
): MemorySummary {
  const lengthOf = (samples: readonly MemorySample[]) =>
    (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  const all = [...byProcess.values()];
  const longest = all.reduce<readonly MemorySample[]>(
    (best, each) => lengthOf(each) > lengthOf(best) ? each : best,
    [],
  );
  const peak = all.flat().reduce((most, { bytes }) => Math.max(most, bytes), 0);
  return {
    peakMib: Math.round(peak / 2 ** 20),
    slopeMibAMinute: slopeOf(longest),
    watchedSeconds: Math.round(lengthOf(longest) / 1000),
  };
}
