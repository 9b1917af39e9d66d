/**
 * When a transaction is long enough. Nothing is copied while one is committed,
 * so where commits take long, over a far network, transactions become longer as
 * well: a lane is then idle for at most a sixth of the time. Pure.
 */
import type { TransactionLimits } from "../src/pool/protocol.ts";

/** A transaction lasts this many times as long as the last commit took. */
const COMMITS = 5;
/** However long a commit takes. */
const MOST_MS = 5000;

export class CommitPace {
  readonly #limits: TransactionLimits;
  #openedMs: number | null = null;
  #closedMs = 0;
  #intervalMs: number;

  constructor(limits: TransactionLimits) {
    this.#limits = limits;
    this.#intervalMs = limits.intervalMs;
  }

  /** Whether to commit, of a transaction with so many records. */
  isDue(nowMs: number, records: number): boolean {
    this.#openedMs ??= nowMs;
    return nowMs - this.#openedMs >= this.#intervalMs ||
      records >= this.#limits.records;
  }

  /** Nothing more goes into the transaction. */
  close(nowMs: number): void {
    this.#closedMs = nowMs;
  }

  /** It is committed, and the next one is open. */
  open(nowMs: number): void {
    const wantedMs = COMMITS * (nowMs - this.#closedMs);
    this.#intervalMs = Math.max(
      this.#limits.intervalMs,
      Math.min(wantedMs, MOST_MS),
    );
    this.#openedMs = nowMs;
  }
}
