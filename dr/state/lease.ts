/**
 * Strict mode: who may work, and until when. Pure.
 *
 *     pool      read begins ──> read to the end: steady     may work until
 *                   t ─────────────── lease ──────────────────> t + length
 *     failover              T: fencing is written
 *                           └── length, transactions, clocks ──────> promotes
 *
 * Whoever reads the secondary to its end and begins that after T sees `fencing`.
 * So all leases began before T, and the last of them ends before T + length.
 * What was sent under one is in a transaction that was open by then, which its
 * broker aborts after the transaction's time-out and a round of looking for such.
 */
import { type ClusterName, type DrState, isWorkedIn } from "./types.ts";

/** A pool's work on one cluster, from one promotion to the next. */
export interface Work {
  readonly cluster: ClusterName;
  readonly era: number;
}

export interface Lease extends Work {
  /** By the holder's `LeaseClock`. */
  readonly fromMs: number;
  readonly lengthMs: number;
}

export interface LeaseTimes {
  /** Of a lease. */
  readonly leaseMs: number;
  /** `transaction.timeout.ms` of pools. */
  readonly transactionMs: number;
}

/** Brokers' `transaction.abort.timed.out.transaction.cleanup.interval.ms`. */
const ABORT_ROUND_MS = 10_000;
/** Of two computers' clocks in running: crystals stay below a tenth of this. */
const DRIFT = 0.01;

/**
 * The time of a process. The monotonic clock stands still while a computer is
 * suspended, the other one may be set: from one question to the next counts
 * whichever went further.
 */
export class LeaseClock {
  readonly #monotonic: () => number;
  readonly #wall: () => number;
  #last: readonly [monotonicMs: number, wallMs: number];
  #elapsedMs = 0;

  constructor(
    monotonic: () => number = () => performance.now(),
    wall: () => number = Date.now,
  ) {
    this.#monotonic = monotonic;
    this.#wall = wall;
    this.#last = [monotonic(), wall()];
  }

  /** In ms, from the beginning; it never goes back. */
  now(): number {
    const [monotonicMs, wallMs] = this.#last;
    this.#last = [this.#monotonic(), this.#wall()];
    this.#elapsedMs += Math.max(
      this.#last[0] - monotonicMs,
      this.#last[1] - wallMs,
    );
    return this.#elapsedMs;
  }
}

/**
 * What a read of the secondary gives that came to the end; null: nothing.
 * @param beganMs before anything was asked
 */
export const leaseFrom = (
  newest: DrState | null,
  beganMs: number,
  lengthMs: number,
): Lease | null =>
  newest === null || !isWorkedIn(newest.phase)
    ? null
    : { cluster: newest.active, era: newest.era, fromMs: beganMs, lengthMs };

/** In ms; 0 or less: it is over. */
export const leftOf = ({ fromMs, lengthMs }: Lease, nowMs: number): number =>
  fromMs + lengthMs - nowMs;

/** Whether the work may be done now. */
export const covers = (
  lease: Lease | null,
  { cluster, era }: Work,
  nowMs: number,
): boolean =>
  lease !== null && lease.cluster === cluster && lease.era === era &&
  leftOf(lease, nowMs) > 0;

/**
 * How long after `fencing` was written, or was found written, nothing more of an
 * earlier lease can come to be committed; in ms of one's own monotonic clock.
 */
export const leasesEndMs = ({ leaseMs, transactionMs }: LeaseTimes): number =>
  Math.ceil((leaseMs + transactionMs + ABORT_ROUND_MS) * (1 + DRIFT));
