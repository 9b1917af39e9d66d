/**
 * When a transaction is long enough. Nothing is produced while one is committed,
 * so where commits take long, transactions become longer as well: a worker that
 * has more to do than it can waits for commits at most a sixth of the time.
 * Where fetching is what is waited for, that time costs nothing but delay, and
 * transactions are as short as their commits. The first one ends with the first
 * records: nobody could see an output since the start, or since the switch to this
 * cluster. Pure.
 */
import type { TransactionLimits } from "../src/pool/protocol.ts";

/** A transaction lasts this many times as long as the last commit took. */
const COMMITS = 5;
/** The same where all that was fetched has been handled. */
const COMMITS_IF_DRAINED = 1;

export class CommitPace {
  readonly #limits: TransactionLimits;
  #openedMs: number | null = null;
  #isFirst = true;
  #closedMs = 0;
  #commitMs = 0;
  #isDrained = false;

  constructor(limits: TransactionLimits) {
    this.#limits = limits;
  }

  /** Whether to commit, of a transaction with so many records. */
  isDue(nowMs: number, records: number): boolean {
    this.#openedMs ??= nowMs;
    return this.#isFirst && records > 0 ||
      nowMs - this.#openedMs >= this.#intervalMs ||
      records >= this.#limits.records;
  }

  /** In this transaction, all that had been fetched was handled once. */
  drained(): void {
    this.#isDrained = true;
  }

  /** Nothing more goes into the transaction. */
  close(nowMs: number): void {
    this.#closedMs = nowMs;
  }

  /** It is committed, and the next one is open. */
  open(nowMs: number): void {
    this.#isFirst = false;
    this.#commitMs = nowMs - this.#closedMs;
    this.#isDrained = false;
    this.#openedMs = nowMs;
  }

  get #intervalMs(): number {
    const commits = this.#isDrained ? COMMITS_IF_DRAINED : COMMITS;
    return Math.max(
      this.#limits.intervalMs,
      Math.min(commits * this.#commitMs, this.#limits.mostMs),
    );
  }
}
