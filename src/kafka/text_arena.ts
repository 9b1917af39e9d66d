/**
 * Keys, values and headers of records on their way out, in native memory.
 *
 * Each part has a place in a native structure: a word where its address goes,
 * and with it, usually, its length. Texts are collected, joined and encoded at
 * once, which costs a fraction of encoding one by one; so addresses and lengths
 * are complete only after `encode`.
 */
import type { Library } from "./library.ts";
import { NativeBlock, setInt64 } from "./memory.ts";

export type Part = string | Uint8Array | null | undefined;

const FIRST_BYTES = 1 << 20;
const RUN_CHARACTERS = 32_768;
const MAX_UTF8_BYTES = 3; // for each UTF-16 unit

const encoder = new TextEncoder();

export class TextArena implements Disposable {
  readonly #library: Library;
  /** The structures that point into this arena. */
  readonly #target: () => Uint32Array;
  #block: NativeBlock;
  #used = 0;
  #texts: string[] = [];
  /** Word of each text's address; those of names are complemented. */
  #slots: number[] = [];
  #characters = 0;

  /** @param target the words of the structures, which may be moved */
  constructor(library: Library, target: () => Uint32Array) {
    this.#library = library;
    this.#target = target;
    this.#block = new NativeBlock(library.symbols, FIRST_BYTES);
  }

  /** Whether `byteLength` more are sure to fit. */
  hasRoom(byteLength: number): boolean {
    const run = this.#characters * MAX_UTF8_BYTES;
    return this.#used + run + byteLength <= this.#block.bytes.length;
  }

  /** Forgets everything; the structures point to nothing of use any more. */
  clear(): void {
    this.#used = 0;
  }

  /** Makes the cleared arena large enough for `byteLength`. */
  grow(byteLength: number): void {
    if (byteLength <= this.#block.bytes.length) return;
    this.#block[Symbol.dispose]();
    this.#block = new NativeBlock(this.#library.symbols, byteLength * 2);
  }

  /** Puts the address of `part` at word `slot`, its length two words later. */
  place(part: Part, slot: number): void {
    if (typeof part === "string") {
      this.#push(part, slot);
      return;
    }
    const words = this.#target();
    if (part === null || part === undefined) {
      setInt64(words, slot, 0);
      setInt64(words, slot + 2, 0);
      return;
    }
    this.encode(); // keeps what is there in order
    setInt64(words, slot, this.#block.address + this.#used);
    setInt64(words, slot + 2, part.length);
    this.#block.bytes.set(part, this.#used);
    this.#used += part.length;
  }

  /** Puts the address of a C string at word `slot`, and nothing beside it. */
  placeName(name: string, slot: number): void {
    this.#push(`${name}\0`, ~slot);
  }

  /** Encodes what was collected, so that all addresses and lengths are set. */
  encode(): void {
    const texts = this.#texts;
    if (texts.length === 0) return;
    const joined = texts.join("");
    const { bytes, address } = this.#block;
    const { written } = encoder.encodeInto(joined, bytes.subarray(this.#used));
    // As many bytes as characters: plain ASCII, so lengths are known.
    const ascii = written === joined.length;
    const words = this.#target();
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index]!;
      const length = ascii
        ? text.length
        : encoder.encodeInto(text, bytes.subarray(this.#used)).written;
      const slot = this.#slots[index]!;
      if (slot < 0) {
        setInt64(words, ~slot, address + this.#used);
      } else {
        setInt64(words, slot, address + this.#used);
        setInt64(words, slot + 2, length);
      }
      this.#used += length;
    }
    this.#texts = [];
    this.#slots = [];
    this.#characters = 0;
  }

  [Symbol.dispose](): void {
    this.#block[Symbol.dispose]();
  }

  #push(text: string, slot: number): void {
    this.#texts.push(text);
    this.#slots.push(slot);
    this.#characters += text.length;
    if (this.#characters >= RUN_CHARACTERS) this.encode();
  }
}

/** The most that a part can take. */
export function mostBytes(part: Part): number {
  if (typeof part === "string") return part.length * MAX_UTF8_BYTES;
  return part?.length ?? 0;
}
