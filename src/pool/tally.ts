/** Counts what happens to a pool, beside records. */
import type { ConsumerProperties } from "../kafka/mod.ts";
import { Durations } from "../telemetry/durations.ts";

export class Tally {
  /** See `PoolStatus`. */
  isAssigned: boolean;
  /** Whether an instance is told that it has nothing. */
  readonly #tellsOfNothing: boolean;
  /** Assignments and revocations that the group asked for. */
  rebalances = 0;
  /** Partitions that were given to another thread within the group's assignment. */
  moves = 0;
  /** Threads that took the place of one that had failed. */
  restarts = 0;
  committed = 0;
  aborted = 0;
  /** See `Happenings`. */
  droppedSpans = 0;
  readonly commits = new Durations();

  constructor(consumer: Pick<ConsumerProperties, "group.protocol"> = {}) {
    // Under KIP-848 nobody is.
    this.#tellsOfNothing = consumer["group.protocol"] !== "consumer";
    this.isAssigned = !this.#tellsOfNothing;
  }

  /** The group has dropped this instance. */
  dropped(): void {
    this.isAssigned = !this.#tellsOfNothing;
  }

  /** Times a commit, also one that fails. */
  async timed<T>(commit: () => Promise<T>): Promise<T> {
    const sinceMs = performance.now();
    try {
      return await commit();
    } finally {
      this.commits.add(performance.now() - sinceMs);
    }
  }
}
