/**
 * Names of headers as C strings that stay where they are: most records have the
 * same few, and need not write them again each time.
 */
import type { Library } from "./library.ts";
import { cString, NativeBlock } from "./memory.ts";

/** What is beyond is written with its record. */
const MOST_BYTES = 16 * 1024;

export class HeaderNames implements Disposable {
  readonly #block: NativeBlock;
  readonly #addresses = new Map<string, number>();
  #used = 0;
  #isFull = false;

  constructor(library: Library) {
    this.#block = new NativeBlock(library.symbols, MOST_BYTES);
  }

  /** Null where there is no room for another name. */
  addressOf(name: string): number | null {
    return this.#addresses.get(name) ?? this.#place(name);
  }

  [Symbol.dispose](): void {
    this.#block[Symbol.dispose]();
  }

  #place(name: string): number | null {
    if (this.#isFull) return null;
    const bytes = cString(name);
    this.#isFull = this.#used + bytes.length > this.#block.bytes.length;
    if (this.#isFull) return null;
    const address = this.#block.address + this.#used;
    this.#block.bytes.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#addresses.set(name, address);
    return address;
  }
}
