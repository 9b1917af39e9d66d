/**
 * The shared page of a worker: a few words of memory that its thread and the
 * coordinator both see, so that the coordinator can tell a hung thread from a
 * busy one, and fence it, without its cooperation.
 *
 * One word holds the phase and a beat that changes with every step:
 *
 *     | beat ............................ | phase |
 *
 * The thread alone moves it, by compare-and-exchange against what it wrote
 * last. The coordinator changes it at most once, to `FENCED`, and only from the
 * very value that it has watched stand still. So exactly one of the two wins:
 * either the thread went on and is not hung, or it is fenced and every later
 * step of it throws before anything is produced or committed.
 *
 * Behind the words are counters, and how long batches took:
 *
 *     | words | counters | poll: buckets, sum | process: .. | send: .. |
 */
import { bucketOf, DURATION_BOUNDS } from "../telemetry/durations.ts";
import type { Distribution } from "../telemetry/metrics.ts";

export const Phase = {
  /** Not yet open. */
  starting: 0,
  /** Waits for records or room. */
  idle: 1,
  /** In librdkafka or in our own code. */
  native: 2,
  /** In the user's code. */
  user: 3,
  /** In a commit. */
  commit: 4,
} as const;
export type Phase = typeof Phase[keyof typeof Phase];

const FENCED = -1;
const PHASE_BITS = 3;
const PHASE_MASK = (1 << PHASE_BITS) - 1;

const WORD = 0;
const PENDING_RECORDS = 1;
const HEAP_KIB = 2;
const PENDING_KIB = 3;
const WORDS = 4;

const COUNTERS = [
  "fetched",
  "consumed",
  "produced",
  "deadLettered",
  "skipped",
  "retried",
  "alreadyDone",
] as const;
export type Counter = typeof COUNTERS[number];

const OPERATIONS = ["poll", "process", "send"] as const;
/** What a batch goes through on its thread. */
export type Operation = typeof OPERATIONS[number];

const BUCKETS = DURATION_BOUNDS.length + 1;
/** Of one operation: its buckets, and the sum in microseconds. */
const HISTOGRAM = BUCKETS + 1;
const COUNTS = COUNTERS.length + OPERATIONS.length * HISTOGRAM;
const BYTES = WORDS * 4 + COUNTS * 8;

const placeOf = (operation: Operation) =>
  COUNTERS.length + OPERATIONS.indexOf(operation) * HISTOGRAM;

/** Thrown on a thread that the coordinator has given up on. */
export class FencedError extends Error {
  override readonly name = "FencedError";
  constructor() {
    super("this worker has been fenced");
  }
}

export const newPageMemory = () => new SharedArrayBuffer(BYTES);

/** The worker's side. */
export class WorkerPage {
  readonly #words: Int32Array;
  readonly #counters: BigInt64Array;
  #last: number = Phase.starting;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#counters = new BigInt64Array(memory, WORDS * 4);
  }

  /**
   * Enters a phase, or beats in the same one.
   * @throws {FencedError} once the coordinator has fenced this worker.
   */
  enter(phase: Phase): void {
    const next = (((this.#last >>> PHASE_BITS) + 1) << PHASE_BITS) &
        0x7fffffff | phase;
    const seen = Atomics.compareExchange(
      this.#words,
      WORD,
      this.#last,
      next,
    );
    if (seen !== this.#last) throw new FencedError();
    this.#last = next;
  }

  count(counter: Counter, records: number): void {
    if (records === 0) return;
    const index = COUNTERS.indexOf(counter);
    Atomics.add(this.#counters, index, BigInt(records));
  }

  /** How long a batch took. */
  observe(operation: Operation, ms: number): void {
    const place = placeOf(operation);
    Atomics.add(this.#counters, place + bucketOf(ms / 1000), 1n);
    Atomics.add(this.#counters, place + BUCKETS, BigInt(Math.round(ms * 1000)));
  }

  /** @param pendingBytes fetched and not settled, or not acknowledged */
  report(pendingRecords: number, pendingBytes: number): void {
    Atomics.store(this.#words, PENDING_RECORDS, pendingRecords);
    Atomics.store(this.#words, PENDING_KIB, Math.round(pendingBytes / 1024));
  }

  reportHeap(bytes: number): void {
    Atomics.store(this.#words, HEAP_KIB, Math.round(bytes / 1024));
  }
}

/** The coordinator's side. */
export class PageView {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #counters: BigInt64Array;

  constructor(memory = newPageMemory()) {
    this.memory = memory;
    this.#words = new Int32Array(memory, 0, WORDS);
    this.#counters = new BigInt64Array(memory, WORDS * 4);
  }

  /** Phase and beat; unchanged means that the thread has not moved. */
  get word(): number {
    return Atomics.load(this.#words, WORD);
  }

  get phase(): Phase | "fenced" {
    return phaseOf(this.word);
  }

  /** Fences the worker if it still stands at `word`; false: it has moved. */
  fence(word: number): boolean {
    return Atomics.compareExchange(this.#words, WORD, word, FENCED) === word;
  }

  /**
   * Fences the worker wherever it is.
   * @returns where it was; only in the phase `native` it may be in the middle of
   * producing, since each produce begins with a step into that.
   */
  fenceNow(): Phase | "fenced" {
    for (;;) {
      const { word } = this;
      if (this.fence(word)) return phaseOf(word);
    }
  }

  counter(counter: Counter): number {
    return Number(Atomics.load(this.#counters, COUNTERS.indexOf(counter)));
  }

  durations(operation: Operation): Distribution {
    const place = placeOf(operation);
    const at = (index: number) =>
      Number(Atomics.load(this.#counters, place + index));
    return {
      bounds: DURATION_BOUNDS,
      counts: Array.from({ length: BUCKETS }, (_, bucket) => at(bucket)),
      sum: at(BUCKETS) / 1e6,
    };
  }

  get pendingRecords(): number {
    return Atomics.load(this.#words, PENDING_RECORDS);
  }

  get pendingBytes(): number {
    return Atomics.load(this.#words, PENDING_KIB) * 1024;
  }

  get heapBytes(): number {
    return Atomics.load(this.#words, HEAP_KIB) * 1024;
  }
}

const phaseOf = (word: number): Phase | "fenced" =>
  word === FENCED ? "fenced" : (word & PHASE_MASK) as Phase;
