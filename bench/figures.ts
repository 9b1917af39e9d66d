/** Arithmetic of the bench: no clock, no input or output. */

/** What was there at a moment. */
export interface Sample {
  /** Since the start of the process. */
  readonly seconds: number;
  /** Sum of the output's high watermarks. */
  readonly outputs: number;
}

const FIRST_SHARE = 0.10;
const LAST_SHARE = 0.95;

/**
 * Records/s between 10 and 95 % of the output: without start and tail. Shares,
 * because transactions add their markers to the watermarks.
 */
export function steadyRate(
  samples: readonly Sample[],
  records: number,
): number {
  const from = secondsAt(samples, FIRST_SHARE);
  const to = secondsAt(samples, LAST_SHARE);
  return (LAST_SHARE - FIRST_SHARE) * records / (to - from);
}

/** When the share of the last sample's outputs was there; interpolated. */
export function secondsAt(samples: readonly Sample[], share: number): number {
  const wanted = share * (samples.at(-1)?.outputs ?? 0);
  const index = samples.findIndex(({ outputs }) => outputs >= wanted);
  const after = samples[index];
  const before = samples[index - 1];
  if (after === undefined) return NaN;
  if (before === undefined || after.outputs === before.outputs) {
    return after.seconds;
  }
  const part = (wanted - before.outputs) / (after.outputs - before.outputs);
  return before.seconds + part * (after.seconds - before.seconds);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  if (sorted.length % 2 === 1) return upper;
  return ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
