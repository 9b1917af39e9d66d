/** How long things took, as a histogram. */
import type { Distribution } from "./metrics.ts";

/**
 * In seconds, as OpenTelemetry's conventions for messaging want them.
 * https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/
 */
export const DURATION_BOUNDS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.075,
  0.1,
  0.25,
  0.5,
  0.75,
  1,
  2.5,
  5,
  7.5,
  10,
];

/** In which a duration is counted: the first whose bound it does not exceed. */
export function bucketOf(seconds: number): number {
  const bucket = DURATION_BOUNDS.findIndex((bound) => seconds <= bound);
  return bucket === -1 ? DURATION_BOUNDS.length : bucket;
}

export const NO_DURATIONS: Distribution = {
  bounds: DURATION_BOUNDS,
  counts: Array.from({ length: DURATION_BOUNDS.length + 1 }, () => 0),
  sum: 0,
};

/** Of two with the same bounds. */
export const sumOfDurations = (
  one: Distribution,
  other: Distribution,
): Distribution => ({
  bounds: one.bounds,
  counts: one.counts.map((count, bucket) => count + other.counts[bucket]!),
  sum: one.sum + other.sum,
});

/** Counts durations in this thread. */
export class Durations {
  readonly #counts = [...NO_DURATIONS.counts];
  #sum = 0;

  add(ms: number): void {
    const seconds = ms / 1000;
    this.#counts[bucketOf(seconds)]!++;
    this.#sum += seconds;
  }

  get distribution(): Distribution {
    return {
      bounds: DURATION_BOUNDS,
      counts: [...this.#counts],
      sum: this.#sum,
    };
  }
}
