/**
 * Records on their way in: fetches messages from a worker's queue into batches.
 *
 * The addresses of fetched messages lie in one ring of native memory that the
 * coordinator owns. Each stays there until its message is freed, so what a
 * thread leaves behind when it dies can be freed by `freeLeftovers`.
 */
import { Batch } from "./batch.ts";
import type { Library } from "./library.ts";
import { FetchMemory } from "./fetch_memory.ts";
import { type Address, memoryAt, NativeBlock, pointerAt } from "./memory.ts";
import type { PartitionRouter } from "./partition_router.ts";

/** Numbers by which a worker uses its queue and ring; plain data. */
export interface InboxPort {
  readonly queue: number;
  readonly ring: number;
  /** Messages that the ring holds. */
  readonly capacity: number;
}

/** A part of the ring; parts are freed in any order, reused in order. */
export interface RingPart {
  readonly start: number;
  count: number;
  freed: boolean;
}

const POINTER_BYTES = 8;

/** The ring, on the coordinator's side. */
export function newRing(library: Library, capacity: number): NativeBlock {
  return new NativeBlock(library.symbols, capacity * POINTER_BYTES);
}

/** Frees what a thread that has ended left in its ring; returns how many. */
export function freeLeftovers(library: Library, ring: NativeBlock): number {
  let freed = 0;
  for (const [index, message] of ring.addresses.entries()) {
    if (message === 0n) continue;
    ring.addresses[index] = 0n;
    library.symbols.rd_kafka_message_destroy(message);
    freed++;
  }
  return freed;
}

export class Inbox implements Disposable {
  readonly #library: Library;
  readonly #queue: Deno.PointerObject;
  readonly #memory: FetchMemory;
  readonly #ring: number;
  readonly #messages: BigUint64Array;
  readonly #capacity: number;
  readonly #router: PartitionRouter;
  readonly #parts: RingPart[] = [];
  readonly #topicNames = new Map<number, string>();
  #head = 0;

  constructor(library: Library, port: InboxPort, router: PartitionRouter) {
    this.#library = library;
    this.#queue = pointerAt(port.queue as Address);
    this.#ring = port.ring;
    this.#memory = new FetchMemory(library);
    const ring = memoryAt(port.ring, port.capacity * POINTER_BYTES);
    this.#messages = new BigUint64Array(ring.bytes.buffer);
    this.#capacity = port.capacity;
    this.#router = router;
  }

  /** Messages that one fetch can still take. */
  get room(): number {
    const first = this.#parts[0];
    if (first === undefined) return this.#capacity;
    if (this.#head <= first.start) return first.start - this.#head;
    return Math.max(this.#capacity - this.#head, first.start);
  }

  /** What is there now, at most `limit` records; null when nothing is. */
  take(limit: number): Batch | null {
    return this.#takeAfter(this.#reserve(limit), 0, limit);
  }

  /**
   * Waits up to `timeoutMs` for a first record, then takes what is there; does
   * not wait when the ring is full. Neither this nor `take` may be called while
   * an earlier call waits.
   */
  async wait(limit: number, timeoutMs: number): Promise<Batch | null> {
    const start = this.#reserve(limit);
    if (this.#roomAt(start) === 0) return null;
    const count = Number(
      await this.#library.symbols.rd_kafka_consume_batch_queue_wait(
        this.#queue,
        timeoutMs,
        pointerAt(this.#ring + start * POINTER_BYTES as Address),
        1n,
      ),
    );
    // Not reserved anew: parts that were freed meanwhile would move it.
    return count > 0 ? this.#takeAfter(start, count, limit) : null;
  }

  /** Ends a `wait`. */
  wake(): void {
    this.#library.symbols.rd_kafka_queue_yield(this.#queue);
  }

  /** Topic handles may be reused for other topics after this. */
  assignmentChanged(): void {
    this.#topicNames.clear();
  }

  /** Adds to the `taken` messages at `start` what is there without waiting. */
  #takeAfter(start: number, taken: number, limit: number): Batch | null {
    const room = Math.min(limit, this.#roomAt(start)) - taken;
    let count = taken;
    if (room > 0) {
      const more = this.#library.symbols.rd_kafka_consume_batch_queue(
        this.#queue,
        0,
        pointerAt(this.#ring + (start + taken) * POINTER_BYTES as Address),
        BigInt(room),
      );
      count += Math.max(0, Number(more));
    }
    if (count === 0) return null;
    const part = { start, count, freed: false };
    this.#parts.push(part);
    this.#head = start + count;
    return new Batch(
      this.#memory,
      this.#messages.subarray(start, start + count),
      this.#router,
      this.#topicNames,
      () => this.#free(part),
    );
  }

  /** Where the next part begins: after the last one, or at 0 if that is better. */
  #reserve(limit: number): number {
    const first = this.#parts[0];
    if (first === undefined) return 0;
    const atEnd = this.#capacity - this.#head;
    const wraps = this.#head > first.start && atEnd < limit &&
      first.start > atEnd;
    return wraps ? 0 : this.#head;
  }

  #roomAt(start: number): number {
    const first = this.#parts[0];
    return first !== undefined && start <= first.start
      ? first.start - start
      : this.#capacity - start;
  }

  /** Every batch must have been freed. */
  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  #free(part: RingPart): void {
    part.freed = true;
    while (this.#parts[0]?.freed) this.#parts.shift();
  }
}
