/**
 * Partitions of delay topics whose next record is not due: their worker has
 * given them back, and they stay paused and without one until it is.
 *
 *     worker                        coordinator
 *     meets a record that is early
 *     deferring{tp, epoch} ───────> pause partition
 *     settles what it has
 *     released{tp, epoch, next,
 *              notBeforeMs} ──────> disown, wait for the time
 *                                   seek, forward, assign, resume (placement)
 *
 * Nothing of this is kept: after a restart the next worker meets that record
 * again, and defers again.
 */
import type { Partitions } from "./partitions.ts";
import type { Pauses } from "./pauses.ts";
import type { Ownership, Position } from "./protocol.ts";

export interface DeferralsParts {
  readonly partitions: Partitions;
  readonly pauses: Pauses;
  /** Gives partitions to threads whose time has come. */
  readonly giveDue: () => Promise<void>;
}

/**
 * Where many records come due one after another, each rest collects some: what
 * is fetched is dropped with every rest, so rests must not be short.
 */
const REST_MS = 200;
/** Partitions that are due within this time are given together. */
const TOGETHER_MS = 50;
/** What a timer can wait. */
const LONGEST_MS = 2 ** 31 - 1;

export class Deferrals implements Disposable {
  readonly #parts: DeferralsParts;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #ended = false;

  constructor(parts: DeferralsParts) {
    this.#parts = parts;
  }

  /** The partition needs no more records; its worker still settles some. */
  announce(ownership: Ownership): void {
    const { partitions, pauses } = this.#parts;
    const partition = partitions.current(ownership);
    if (this.#ended || partition === undefined) return;
    pauses.pause([partition], "deferral");
  }

  /** The worker has settled and let go. @param dueMs since the epoch */
  defer(position: Position, dueMs: number): void {
    const { partitions, pauses } = this.#parts;
    if (this.#ended) {
      partitions.settle(position); // for the last commit
      return;
    }
    const notBeforeMs = Math.max(dueMs, Date.now() + REST_MS);
    const partition = partitions.defer(position, notBeforeMs);
    if (partition === undefined) return;
    pauses.pause([partition], "deferral");
    this.#wait();
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (this.#ended) return;
    const nowMs = Date.now();
    const nextMs = this.#parts.partitions.nextDueMs(nowMs);
    if (nextMs === null) return;
    const waitMs = Math.min(Math.max(nextMs - nowMs, TOGETHER_MS), LONGEST_MS);
    this.#timer = setTimeout(() => {
      this.#parts.giveDue().finally(() => this.#wait());
    }, waitMs);
  }
}
