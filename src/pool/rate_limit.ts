/**
 * A rate limit that all workers of an instance share: two token buckets in
 * shared memory. The coordinator fills them, workers take what they fetched and
 * fetch again once both are above zero, so a large batch is paid for by a
 * longer pause. Tokens never add up to more than one burst.
 */

export interface Rates {
  /** Records per second; null: no limit. */
  readonly records: number | null;
  /** Bytes per second; null: no limit. */
  readonly bytes: number | null;
}

const RECORDS = 0;
const BYTES = 1;
/** More than can be taken between two fills. */
const UNLIMITED = Number.MAX_SAFE_INTEGER;
/** A burst is what the rate gives in this time. */
const BURST_MS = 100;

export class RateLimit {
  readonly memory = new SharedArrayBuffer(16);
  readonly #tokens = new BigInt64Array(this.memory);
  #rates: Rates = { records: null, bytes: null };
  #lastMs: number;
  #owed = [0, 0]; // fractions of tokens

  constructor(rates: Rates, nowMs: number) {
    this.#lastMs = nowMs;
    this.setRates(rates);
  }

  setRates(rates: Rates): void {
    this.#rates = rates;
    this.#reset(RECORDS, rates.records);
    this.#reset(BYTES, rates.bytes);
  }

  /** Adds the tokens of the time that has passed. Call about every 20 ms. */
  fill(nowMs: number): void {
    const elapsedMs = Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    this.#fill(RECORDS, this.#rates.records, elapsedMs);
    this.#fill(BYTES, this.#rates.bytes, elapsedMs);
  }

  #reset(index: number, rate: number | null): void {
    const tokens = rate === null ? UNLIMITED : burst(rate);
    Atomics.store(this.#tokens, index, BigInt(tokens));
  }

  #fill(index: number, rate: number | null, elapsedMs: number): void {
    if (rate === null) {
      Atomics.store(this.#tokens, index, BigInt(UNLIMITED));
      return;
    }
    const due = rate * elapsedMs / 1000 + this.#owed[index]!;
    const whole = Math.floor(due);
    this.#owed[index] = due - whole;
    const room = burst(rate) - tokensIn(this.#tokens, index);
    const added = Math.max(0, Math.min(whole, room));
    Atomics.add(this.#tokens, index, BigInt(added));
  }
}

const burst = (rate: number) => Math.max(1, Math.ceil(rate * BURST_MS / 1000));

const tokensIn = (tokens: BigInt64Array, index: number) =>
  Number(Atomics.load(tokens, index));

/** A worker's side of the limit. */
export class RateGate {
  readonly #tokens: BigInt64Array;

  constructor(memory: SharedArrayBuffer) {
    this.#tokens = new BigInt64Array(memory);
  }

  /** Records that may be fetched now: 0 while the limit is used up. */
  allowance(): number {
    if (tokensIn(this.#tokens, BYTES) <= 0) return 0;
    return Math.max(0, tokensIn(this.#tokens, RECORDS));
  }

  take(records: number, bytes: number): void {
    Atomics.sub(this.#tokens, RECORDS, BigInt(records));
    Atomics.sub(this.#tokens, BYTES, BigInt(bytes));
  }
}
