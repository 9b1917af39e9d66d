/**
 * Records with headers or a timestamp: `rd_kafka_produceva`, one call for each,
 * but the arguments of all of them are written, and their texts encoded, at
 * once.
 */
import { ErrorCode } from "./errors.ts";
import type { HeaderNames } from "./header_names.ts";
import type { Library } from "./library.ts";
import { addressOf, Cells, NativeBlock, setInt64 } from "./memory.ts";
import {
  ANY_PARTITION,
  ARGUMENT,
  ArgumentType,
  type Header,
  MessageFlag,
  type OutputRecord,
} from "./message.ts";
import type { Pack, Refusal } from "./pack.ts";
import { mostBytes, TextArena } from "./text_arena.ts";

const CAPACITY = 1024;
const FIRST_ARGUMENTS = CAPACITY * 9;
/** Topic, partition, value, key, opaque, flags; they come in this order. */
const FIXED_ARGUMENTS = 6;
const VALUE = 2;
const KEY = 3;
const OPAQUE = 4;

export class HeaderPack implements Pack {
  readonly #library: Library;
  readonly #client: Deno.PointerObject;
  readonly #topicOf: (name: string) => Deno.PointerObject;
  readonly #names: HeaderNames;
  readonly #arena: TextArena;
  /** By record: address and number of its arguments. */
  readonly #calls = new Cells(CAPACITY * 2);
  /** By record: its first argument. */
  readonly #firsts = new Uint32Array(CAPACITY);
  #arguments: NativeBlock;
  #used = 0;
  #count = 0;
  #topic = "";
  #topicAddress = 0;

  constructor(
    library: Library,
    client: Deno.PointerObject,
    topicOf: (name: string) => Deno.PointerObject,
    names: HeaderNames,
  ) {
    this.#library = library;
    this.#client = client;
    this.#topicOf = topicOf;
    this.#names = names;
    this.#arguments = new NativeBlock(
      library.symbols,
      FIRST_ARGUMENTS * ARGUMENT.bytes,
    );
    this.#arena = new TextArena(library, () => this.#arguments.words);
  }

  get count(): number {
    return this.#count;
  }

  add(
    owner: number,
    index: number,
    record: OutputRecord,
    last: Header | null = null,
  ): boolean {
    const { headers = [], key, partition, timestampMs, topic, value } = record;
    const wanted = FIXED_ARGUMENTS + 2 + headers.length;
    if (!this.#makeRoom(wanted, mostBytesOf(record, last))) return false;
    const first = this.#used;
    this.#add(ArgumentType.topic, this.#addressOf(topic));
    this.#add(ArgumentType.partition, partition ?? ANY_PARTITION);
    this.#arena.place(value, this.#add(ArgumentType.value));
    this.#arena.place(key, this.#add(ArgumentType.key));
    const opaque = this.#add(ArgumentType.opaque, index);
    this.#arguments.words[opaque + 1] = owner;
    this.#add(ArgumentType.flags, MessageFlag.copy);
    if (timestampMs !== undefined) {
      this.#add(ArgumentType.timestamp, timestampMs);
    }
    for (const header of headers) this.#addHeader(header);
    if (last !== null) this.#addHeader(last);
    const call = this.#count * 2;
    this.#calls.set(call, this.#arguments.address + first * ARGUMENT.bytes);
    this.#calls.set(call + 1, this.#used - first);
    this.#firsts[this.#count++] = first;
    return true;
  }

  seal(): number {
    this.#arena.encode();
    let byteLength = 0;
    for (let record = 0; record < this.#count; record++) {
      byteLength += this.#lengthOf(record);
    }
    return byteLength;
  }

  produce(): readonly Refusal[] {
    const { symbols } = this.#library;
    const { values } = this.#calls;
    const refused: Refusal[] = [];
    const count = this.#count;
    this.#count = 0;
    this.#used = 0;
    this.#arena.clear();
    for (let record = 0; record < count; record++) {
      const error = symbols.rd_kafka_produceva(
        this.#client,
        values[record * 2]!,
        values[record * 2 + 1]!,
      );
      if (error === null) continue;
      const code = symbols.rd_kafka_error_code(error);
      symbols.rd_kafka_error_destroy(error);
      const at = this.#wordOf(record, OPAQUE);
      const { words } = this.#arguments;
      refused.push({
        owner: words[at + 1]!,
        index: words[at]!,
        code: code === 0 ? ErrorCode.invalidMessage : code,
        byteLength: this.#lengthOf(record),
      });
    }
    return refused;
  }

  [Symbol.dispose](): void {
    this.#arguments[Symbol.dispose]();
    this.#arena[Symbol.dispose]();
  }

  #makeRoom(wanted: number, byteLength: number): boolean {
    if (this.#count > 0) {
      return this.#count < CAPACITY &&
        (this.#used + wanted) * ARGUMENT.bytes <=
          this.#arguments.bytes.length &&
        this.#arena.hasRoom(byteLength);
    }
    this.#arena.grow(byteLength);
    if (wanted * ARGUMENT.bytes > this.#arguments.bytes.length) {
      this.#arguments[Symbol.dispose]();
      this.#arguments = new NativeBlock(
        this.#library.symbols,
        wanted * 2 * ARGUMENT.bytes,
      );
    }
    return true;
  }

  /** Returns the word of the argument's first field. */
  #add(type: number, first = 0): number {
    const at = this.#used++ * ARGUMENT.words;
    const { words } = this.#arguments;
    words[at + ARGUMENT.type] = type;
    setInt64(words, at + ARGUMENT.first, first);
    return at + ARGUMENT.first;
  }

  #addHeader({ key, value }: Header): void {
    const name = this.#names.addressOf(key);
    const at = this.#add(ArgumentType.header, name ?? 0);
    if (name === null) this.#arena.placeName(key, at);
    this.#arena.place(value, at + ARGUMENT.second - ARGUMENT.first);
  }

  #wordOf(record: number, argument: number): number {
    const at = (this.#firsts[record]! + argument) * ARGUMENT.words;
    return at + ARGUMENT.first;
  }

  #lengthOf(record: number): number {
    const { words } = this.#arguments;
    return words[this.#wordOf(record, VALUE) + 2]! +
      words[this.#wordOf(record, KEY) + 2]!;
  }

  #addressOf(topic: string): number {
    if (topic !== this.#topic || this.#topicAddress === 0) {
      this.#topic = topic;
      this.#topicAddress = addressOf(this.#topicOf(topic));
    }
    return this.#topicAddress;
  }
}

/** @throws {TypeError} where a header's name would be cut by a NUL. */
function mostBytesOf(
  { headers = [], key, value }: OutputRecord,
  last: Header | null,
): number {
  let byteLength = mostBytes(key) + mostBytes(value);
  for (const header of headers) byteLength += mostBytesOfHeader(header);
  return last === null ? byteLength : byteLength + mostBytesOfHeader(last);
}

function mostBytesOfHeader({ key, value }: Header): number {
  if (key.includes("\0")) {
    throw new TypeError("a name of a header has a NUL");
  }
  return mostBytes(key) + 1 + mostBytes(value);
}
