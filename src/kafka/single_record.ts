/**
 * The arguments of `rd_kafka_produceva` for one record: the only way in which
 * librdkafka takes headers and timestamps. The memory is used again for the
 * next record; the call copies what it points to.
 */
import type { Library } from "./library.ts";
import { NativeBlock, setInt64 } from "./memory.ts";
import {
  ANY_PARTITION,
  ARGUMENT,
  ArgumentType,
  MessageFlag,
  type OutputRecord,
} from "./message.ts";

type Part = string | Uint8Array | null | undefined;

const FIXED_ARGUMENTS = 7;
const FIRST_ARGUMENTS = 16;
const FIRST_TEXT_BYTES = 64 * 1024;
const MAX_UTF8_BYTES = 3; // for each UTF-16 unit

const encoder = new TextEncoder();

export class SingleRecord implements Disposable {
  readonly #library: Library;
  #arguments: NativeBlock;
  #texts: NativeBlock;
  #count = 0;
  #used = 0;
  #byteLength = 0;

  constructor(library: Library) {
    this.#library = library;
    this.#arguments = new NativeBlock(
      library.symbols,
      FIRST_ARGUMENTS * ARGUMENT.bytes,
    );
    this.#texts = new NativeBlock(library.symbols, FIRST_TEXT_BYTES);
  }

  get pointer(): Deno.PointerObject {
    return this.#arguments.pointer;
  }

  get count(): bigint {
    return BigInt(this.#count);
  }

  /** Of key and value. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** @param opaque comes back in the record's report, as two words */
  set(
    topic: number,
    opaque: readonly [low: number, high: number],
    record: OutputRecord,
  ): void {
    const { headers = [], key, partition, timestampMs, value } = record;
    this.#makeRoom(record);
    this.#count = this.#used = this.#byteLength = 0;
    this.#add(ArgumentType.topic, topic);
    this.#add(ArgumentType.partition, partition ?? ANY_PARTITION);
    this.#byteLength += this.#addText(ArgumentType.value, value);
    this.#byteLength += this.#addText(ArgumentType.key, key);
    const at = this.#add(ArgumentType.opaque, opaque[0]);
    this.#arguments.words[at + ARGUMENT.first + 1] = opaque[1];
    this.#add(ArgumentType.flags, MessageFlag.copy);
    if (timestampMs !== undefined) {
      this.#add(ArgumentType.timestamp, timestampMs);
    }
    for (const header of headers) {
      const name = this.#texts.address + this.#used;
      this.#write(header.key);
      this.#texts.bytes[this.#used++] = 0; // names are C strings
      const value = this.#texts.address + this.#used;
      const length = this.#write(header.value);
      const isNull = header.value === null;
      this.#add(ArgumentType.header, name, isNull ? 0 : value, length);
    }
  }

  [Symbol.dispose](): void {
    this.#arguments[Symbol.dispose]();
    this.#texts[Symbol.dispose]();
  }

  #makeRoom({ headers = [], key, value }: OutputRecord): void {
    const { symbols } = this.#library;
    let byteLength = mostBytes(key) + mostBytes(value);
    for (const header of headers) {
      if (header.key.includes("\0")) {
        throw new TypeError(`header name with a NUL: "${header.key}"`);
      }
      byteLength += mostBytes(header.key) + 1 + mostBytes(header.value);
    }
    if (byteLength > this.#texts.bytes.length) {
      this.#texts[Symbol.dispose]();
      this.#texts = new NativeBlock(symbols, byteLength * 2);
    }
    const wanted = (FIXED_ARGUMENTS + headers.length) * ARGUMENT.bytes;
    if (wanted > this.#arguments.bytes.length) {
      this.#arguments[Symbol.dispose]();
      this.#arguments = new NativeBlock(symbols, wanted * 2);
    }
  }

  #add(type: number, first: number, second = 0, third = 0): number {
    const at = this.#count++ * ARGUMENT.words;
    const { words } = this.#arguments;
    words[at + ARGUMENT.type] = type;
    setInt64(words, at + ARGUMENT.first, first);
    setInt64(words, at + ARGUMENT.second, second);
    setInt64(words, at + ARGUMENT.third, third);
    return at;
  }

  #addText(type: number, part: Part): number {
    const address = this.#texts.address + this.#used;
    const length = this.#write(part);
    const isNull = part === null || part === undefined;
    this.#add(type, isNull ? 0 : address, length);
    return length;
  }

  #write(part: Part): number {
    if (part === null || part === undefined) return 0;
    const { bytes } = this.#texts;
    let length: number;
    if (typeof part === "string") {
      length = encoder.encodeInto(part, bytes.subarray(this.#used)).written;
    } else {
      bytes.set(part, this.#used);
      length = part.length;
    }
    this.#used += length;
    return length;
  }
}

function mostBytes(part: Part): number {
  if (typeof part === "string") return part.length * MAX_UTF8_BYTES;
  return part?.length ?? 0;
}
