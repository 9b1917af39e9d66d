/**
 * Native memory, as far as JavaScript must see it.
 *
 * Two facts about Deno shape this module (measured, see bench/README.md):
 * - A 64-bit argument is passed in about 6 ns when it is a bigint read from a
 *   BigUint64Array, and in about 150 ns when it is a number. So addresses that
 *   hot calls use live in such arrays (`NativeBlock.addresses`, `Cells`).
 * - A typed array laid over foreign memory counts, with all of its length, as
 *   memory of V8's heap. So only small and short-lived ones are made
 *   (`memoryAt`); what is read in bulk is copied.
 */
import type { CoreSymbols } from "./symbols.ts";

/** An address as a number: user-space addresses are below 2^47 and so exact. */
export type Address = number & { readonly __brand: "Address" };

/** The memory at an address; valid as long as librdkafka says so. */
export function memoryAt(address: number, byteLength: number) {
  const buffer = Deno.UnsafePointerView.getArrayBuffer(
    pointerAt(address),
    byteLength,
  );
  return {
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer, 0, byteLength >>> 2),
  };
}

/** A few 64-bit arguments for hot calls; see above. */
export class Cells {
  readonly values: BigUint64Array<ArrayBuffer>;
  readonly #words: Uint32Array<ArrayBuffer>;

  constructor(count: number) {
    this.values = new BigUint64Array(count);
    this.#words = new Uint32Array(this.values.buffer);
  }

  set(index: number, value: number): void {
    setInt64(this.#words, index * 2, value);
  }
}

const HIGH = 4294967296;

/** A 64-bit little-endian address stored at word `index` of `words`. */
export function addressIn(words: Uint32Array, index: number): Address {
  return words[index + 1]! * HIGH + words[index]! as Address;
}

/** The 64-bit signed integer at word `index` (exact below 2^53). */
export function int64In(words: Uint32Array, index: number): number {
  return (words[index + 1]! | 0) * HIGH + words[index]!;
}

/** Stores a number below 2^53 as 64 bits. */
export function setInt64(words: Uint32Array, index: number, value: number) {
  words[index] = value;
  words[index + 1] = Math.floor(value / HIGH);
}

export function addressOf(pointer: Deno.PointerValue): Address {
  return Number(Deno.UnsafePointer.value(pointer)) as Address;
}

export function pointerAt(address: number): Deno.PointerObject {
  const pointer = Deno.UnsafePointer.create(BigInt(address));
  if (pointer === null) throw new RangeError("null address");
  return pointer;
}

/** A zeroed block of native memory with typed arrays over it; freed once. */
export class NativeBlock implements Disposable {
  readonly address: Address;
  readonly pointer: Deno.PointerObject;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
  /** The same memory as addresses. */
  readonly addresses: BigUint64Array<ArrayBuffer>;
  readonly #symbols: CoreSymbols;
  #freed = false;

  constructor(symbols: CoreSymbols, byteLength: number) {
    // malloc aligns to 16 bytes, which covers every librdkafka structure.
    const pointer = symbols.rd_kafka_mem_malloc(null, BigInt(byteLength));
    if (pointer === null) throw new Error(`out of memory: ${byteLength} bytes`);
    const buffer = Deno.UnsafePointerView.getArrayBuffer(pointer, byteLength);
    this.#symbols = symbols;
    this.pointer = pointer;
    this.address = addressOf(pointer);
    this.bytes = new Uint8Array(buffer).fill(0);
    this.words = new Uint32Array(buffer, 0, byteLength >>> 2);
    this.addresses = new BigUint64Array(buffer, 0, byteLength >>> 3);
  }

  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#symbols.rd_kafka_mem_free(null, this.pointer);
  }
}

const encoder = new TextEncoder();

/** NUL-terminated UTF-8; a NUL inside would silently cut the text. */
export function cString(value: string): Uint8Array<ArrayBuffer> {
  if (value.includes("\0")) {
    throw new TypeError(`text with a NUL: ${JSON.stringify(value)}`);
  }
  return encoder.encode(`${value}\0`);
}

/**
 * A C array of C strings: addresses first, then the texts. Given to a call that
 * copies them, then disposed.
 */
export function cStringArray(
  symbols: CoreSymbols,
  texts: readonly string[],
): NativeBlock {
  const encoded = texts.map(cString);
  const addressBytes = texts.length * 8;
  const textBytes = encoded.reduce((sum, each) => sum + each.length, 0);
  const block = new NativeBlock(symbols, addressBytes + textBytes + 8);
  let at = addressBytes;
  encoded.forEach((each, index) => {
    block.bytes.set(each, at);
    setInt64(block.words, index * 2, block.address + at);
    at += each.length;
  });
  return block;
}

/** A C array of pointers, for a call that reads it before it returns. */
export function pointerArray(
  pointers: readonly Deno.PointerValue[],
): Uint8Array<ArrayBuffer> {
  const addresses = pointers.map((each) => Deno.UnsafePointer.value(each));
  return new Uint8Array(new BigUint64Array(addresses).buffer);
}

/** Reads a C array of pointers from a function that writes its length. */
export function readPointerArray(
  getArray: (length: Uint8Array<ArrayBuffer>) => Deno.PointerValue,
): Deno.PointerObject[] {
  const length = new Uint32Array(2);
  const array = addressOf(getArray(new Uint8Array(length.buffer)));
  if (length[0] === 0) return [];
  const { words } = memoryAt(array, length[0]! * 8);
  return Array.from(
    { length: length[0]! },
    (_, index) => pointerAt(addressIn(words, index * 2)),
  );
}

/** The C string at `pointer`, or `undefined` for NULL. */
export function readCString(pointer: Deno.PointerValue): string | undefined {
  return pointer === null
    ? undefined
    : Deno.UnsafePointerView.getCString(pointer);
}
