/**
 * Memory of this thread into which fetched messages are copied.
 *
 * Everything here is reused: fresh memory would cost a page fault every 4 KiB,
 * and a garbage collection every few batches.
 */
import { Buffer } from "node:buffer";
import type { Library } from "./library.ts";
import { addressOf, Cells, NativeBlock } from "./memory.ts";
import { MESSAGE } from "./message.ts";

/** Structures copied before they are read: what fits into a core's L1 cache. */
export const STRUCTURES = 256;
const SMALLEST_ARENA = 1 << 20;
const KEPT_BYTES = 8 << 20;

/** Keys and values of one batch; JavaScript's own memory, so it needs no end. */
export interface Arena {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  /** The same once more, for decoding as Latin-1. */
  readonly buffer: Buffer<ArrayBuffer>;
  readonly address: number;
}

export class FetchMemory implements Disposable {
  readonly library: Library;
  /** Up to `STRUCTURES` copies of `rd_kafka_message_t`. */
  readonly structures: NativeBlock;
  /** The address of each of them. */
  readonly targets: BigUint64Array;
  /** Arguments of one `memcpy`. */
  readonly cells = new Cells(3);
  readonly #free: Arena[] = [];
  #freeBytes = 0;

  constructor(library: Library) {
    this.library = library;
    this.structures = new NativeBlock(
      library.symbols,
      STRUCTURES * MESSAGE.bytes,
    );
    this.targets = BigUint64Array.from(
      { length: STRUCTURES },
      (_, index) => BigInt(this.structures.address + index * MESSAGE.bytes),
    );
  }

  /** An arena of at least `byteLength`; give it back when done. */
  take(byteLength: number): Arena {
    const index = this.#free.findIndex((each) =>
      each.bytes.length >= byteLength
    );
    const [arena] = index < 0 ? [] : this.#free.splice(index, 1);
    if (arena === undefined) return newArena(byteLength);
    this.#freeBytes -= arena.bytes.length;
    return arena;
  }

  giveBack(arena: Arena): void {
    if (this.#freeBytes + arena.bytes.length > KEPT_BYTES) return;
    this.#free.push(arena);
    this.#freeBytes += arena.bytes.length;
  }

  [Symbol.dispose](): void {
    this.structures[Symbol.dispose]();
  }
}

function newArena(byteLength: number): Arena {
  const size = Math.ceil(byteLength / SMALLEST_ARENA) * SMALLEST_ARENA;
  const words = new Uint32Array(size / 4);
  return {
    bytes: new Uint8Array(words.buffer),
    words,
    buffer: Buffer.from(words.buffer),
    address: addressOf(Deno.UnsafePointer.of(words)),
  };
}
