/** When a sentinel may, and must not, move everybody to the other cluster. */

export interface SentinelPolicy {
  /**
   * `advise` says what `automatic` would do, and leaves failing over to people.
   */
  readonly mode: "automatic" | "advise";
  /**
   * How many sentinels there are; more than half of them must see an outage.
   * With one or two of them a bad link is no different from an outage.
   */
  readonly sentinels: number;
  /** A vote counts for so long, in ms; several times what lies between two. */
  readonly voteFreshMs: number;
  /** How much may be lost: see `mirrorLag`; in ms of records' time. */
  readonly rpoMs: number;
  /** After a switch there is no other by itself for so long, in ms. */
  readonly holdOffMs: number;
}

/** With votes every second, and on every change of health. */
export const SENTINEL_DEFAULTS: SentinelPolicy = {
  mode: "automatic",
  sentinels: 1,
  voteFreshMs: 5_000,
  rpoMs: 60_000,
  holdOffMs: 300_000,
};

/** @throws {RangeError} quoting what cannot work. */
export function checkPolicy(policy: SentinelPolicy): void {
  const { holdOffMs, rpoMs, sentinels, voteFreshMs } = policy;
  if (!(Number.isInteger(sentinels) && sentinels >= 1)) {
    throw new RangeError(`sentinels ${sentinels}: a whole number from 1 on`);
  }
  const least = { voteFreshMs: 1, rpoMs: 0, holdOffMs: 0 };
  for (
    const [name, value] of Object.entries({ voteFreshMs, rpoMs, holdOffMs })
  ) {
    if (!(value >= least[name as keyof typeof least])) {
      throw new RangeError(
        `${name} ${value}: at least ${least[name as keyof typeof least]}`,
      );
    }
  }
}
