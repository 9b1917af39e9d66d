/**
 * Native memory, seen from JavaScript without copying.
 *
 * librdkafka hands out addresses of messages, keys and payloads. Copying each
 * of them by a call costs about as much as handling it, so this module lays
 * typed arrays ("windows") over the process's memory: one for every GiB that an
 * address was met in, each reaching a further GiB so that what starts in it
 * also ends in it. Making one is a single call; reading through it costs a few
 * nanoseconds. A window owns nothing: an address is valid as long as librdkafka
 * says so, exactly as with a pointer, which is why nothing outside `src/kafka`
 * gets one.
 */
import type { CoreSymbols } from "./symbols.ts";

/** An address as a number: user-space addresses are below 2^47 and so exact. */
export type Address = number & { readonly __brand: "Address" };

const WINDOW_BYTES = 2 ** 30;

/** Typed arrays over the memory that starts at `base`. */
export interface Window {
  readonly base: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
}

const windows = new Map<number, Window>();
let recent: Window = {
  base: -1,
  bytes: new Uint8Array(0),
  words: new Uint32Array(0),
};

/** The window in which `address` (and up to 1 GiB after it) can be read. */
export function windowAt(address: number): Window {
  const base = address - address % WINDOW_BYTES;
  if (base !== recent.base) recent = windows.get(base) ?? openWindow(base);
  return recent;
}

/** Bytes that this thread's windows span, which V8 counts as its own. */
export const windowBytes = (): number => windows.size * 2 * WINDOW_BYTES;

function openWindow(base: number): Window {
  const start = Deno.UnsafePointer.create(BigInt(base));
  // The first GiB of the address space is never handed out by an allocator.
  if (start === null) throw new RangeError("null address");
  const buffer = Deno.UnsafePointerView.getArrayBuffer(start, 2 * WINDOW_BYTES);
  const window = {
    base,
    bytes: new Uint8Array(buffer),
    words: new Uint32Array(buffer),
  };
  windows.set(base, window);
  return window;
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

export function pointerAt(address: Address): Deno.PointerObject {
  const pointer = Deno.UnsafePointer.create(BigInt(address));
  if (pointer === null) throw new RangeError("null address");
  return pointer;
}

/**
 * An address as an argument of type `usize`. Deno takes numbers there as well
 * as the bigints that it declares, without an allocation.
 */
export function asUsize(address: number): bigint {
  return address as unknown as bigint;
}

/** A zeroed block of native memory with typed arrays over it; freed once. */
export class NativeBlock implements Disposable {
  readonly address: Address;
  readonly pointer: Deno.PointerObject;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly words: Uint32Array<ArrayBuffer>;
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
  return Array.from({ length: length[0]! }, (_, index) => {
    const { base, words } = windowAt(array);
    return pointerAt(addressIn(words, (array - base) / 4 + index * 2));
  });
}

/** The C string at `pointer`, or `undefined` for NULL. */
export function readCString(pointer: Deno.PointerValue): string | undefined {
  return pointer === null
    ? undefined
    : Deno.UnsafePointerView.getCString(pointer);
}
