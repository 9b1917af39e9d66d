/**
 * How long partitions stand still while there is work for them. A pure core: the
 * caller looks at offsets and clock.
 */

/** Stalls are judged apart: only those of the last phase are bounded. */
export type Phase =
  /** No fault is under way; but the last one may have just been healed. */
  | "healthy"
  | "faulty"
  /** After the last fault was healed. */
  | "healed";

export interface PartitionOffsets {
  readonly partition: number;
  /** That the next record will get. */
  readonly end: number;
  /** By the group; 0 when it has committed nothing. */
  readonly committed: number;
}

interface Progress {
  committed: number;
  /** When it last went on, or had nothing to do. */
  sinceMs: number;
}

export class Stalls {
  readonly #partitions = new Map<number, Progress>();
  readonly #longest: Readonly<Record<Phase, Map<number, number>>> = {
    healthy: new Map(),
    faulty: new Map(),
    healed: new Map(),
  };
  #phase: Phase = "healthy";
  #phaseMs: number;

  constructor(nowMs: number) {
    this.#phaseMs = nowMs;
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** What stood still before counts from now on. */
  begin(phase: Phase, nowMs: number): void {
    this.#phase = phase;
    this.#phaseMs = nowMs;
  }

  /** Call it often: a stall is as exact as the looks are close. */
  look(partitions: readonly PartitionOffsets[], nowMs: number): void {
    for (const { partition, end, committed } of partitions) {
      const known = this.#partitions.get(partition);
      if (known === undefined) {
        this.#partitions.set(partition, { committed, sinceMs: nowMs });
        continue;
      }
      const stalledMs = nowMs - Math.max(known.sinceMs, this.#phaseMs);
      const isWaiting = known.committed < end;
      if (isWaiting) this.#note(partition, stalledMs);
      if (committed > known.committed || committed >= end) {
        known.sinceMs = nowMs;
        known.committed = committed;
      }
    }
  }

  /** By partition: its longest stall in this phase, in milliseconds. */
  longest(phase: Phase): ReadonlyMap<number, number> {
    return this.#longest[phase];
  }

  #note(partition: number, stalledMs: number): void {
    const longest = this.#longest[this.#phase];
    longest.set(partition, Math.max(longest.get(partition) ?? 0, stalledMs));
  }
}

/** The partition that stood still longest, and how long; null for none. */
export function worst(
  stalls: ReadonlyMap<number, number>,
): { readonly partition: number; readonly stalledMs: number } | null {
  let found: { partition: number; stalledMs: number } | null = null;
  for (const [partition, stalledMs] of stalls) {
    if (found === null || stalledMs > found.stalledMs) {
      found = { partition, stalledMs };
    }
  }
  return found;
}
