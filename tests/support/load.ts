/** Load that goes on while a test does something else, and seeded chance. */

export interface Pace {
  readonly recordsPerSecond: number;
  /** Ends the load where it is. */
  readonly signal?: AbortSignal;
}

const sliceMs = 20;

/** The same records, no faster than the pace. */
export async function* paced<T>(
  records: Iterable<T>,
  { recordsPerSecond, signal }: Pace,
): AsyncGenerator<T> {
  const startMs = performance.now();
  let sent = 0;
  for (const record of records) {
    if (signal?.aborted) return;
    while (sent >= (performance.now() - startMs) * recordsPerSecond / 1000) {
      await new Promise((resolve) => setTimeout(resolve, sliceMs));
    }
    sent++;
    yield record;
  }
}

/** Numbers from 0 up to below 1 that depend on the seed alone (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
