/** Records of one topic without headers: one call of `rd_kafka_produce_batch`. */
import type { Library } from "./library.ts";
import { NativeBlock } from "./memory.ts";
import {
  ANY_PARTITION,
  MESSAGE,
  MessageFlag,
  type OutputRecord,
} from "./message.ts";
import type { Pack, Refusal } from "./pack.ts";
import { mostBytes, TextArena } from "./text_arena.ts";

const CAPACITY = 4096;
const FLAGS = MessageFlag.copy | MessageFlag.partition;

export class BatchPack implements Pack {
  readonly #library: Library;
  readonly #topicOf: (name: string) => Deno.PointerObject;
  readonly #messages: NativeBlock;
  readonly #arena: TextArena;
  #topic = "";
  #count = 0;

  constructor(
    library: Library,
    topicOf: (name: string) => Deno.PointerObject,
  ) {
    this.#library = library;
    this.#topicOf = topicOf;
    this.#messages = new NativeBlock(library.symbols, CAPACITY * MESSAGE.bytes);
    this.#arena = new TextArena(library, () => this.#messages.words);
  }

  get count(): number {
    return this.#count;
  }

  add(owner: number, index: number, record: OutputRecord): boolean {
    const byteLength = mostBytes(record.key) + mostBytes(record.value);
    if (this.#count === 0) {
      this.#arena.grow(byteLength);
      this.#topic = record.topic;
    } else if (
      this.#count === CAPACITY || record.topic !== this.#topic ||
      !this.#arena.hasRoom(byteLength)
    ) return false;
    const at = this.#count++ * MESSAGE.words;
    const { words } = this.#messages;
    words[at + MESSAGE.error] = 0;
    words[at + MESSAGE.partition] = record.partition ?? ANY_PARTITION;
    words[at + MESSAGE.opaque] = index;
    words[at + MESSAGE.opaque + 1] = owner;
    this.#arena.place(record.value, at + MESSAGE.payload);
    this.#arena.place(record.key, at + MESSAGE.key);
    return true;
  }

  seal(): number {
    this.#arena.encode();
    const { words } = this.#messages;
    let byteLength = 0;
    for (let at = 0; at < this.#count * MESSAGE.words; at += MESSAGE.words) {
      byteLength += lengthAt(words, at);
    }
    return byteLength;
  }

  produce(): readonly Refusal[] {
    const count = this.#count;
    this.#count = 0;
    this.#arena.clear();
    const accepted = this.#library.symbols.rd_kafka_produce_batch(
      this.#topicOf(this.#topic),
      ANY_PARTITION,
      FLAGS,
      this.#messages.pointer,
      count,
    );
    if (accepted === count) return [];
    const refused: Refusal[] = [];
    const { words } = this.#messages;
    for (let at = 0; at < count * MESSAGE.words; at += MESSAGE.words) {
      const code = words[at + MESSAGE.error]! | 0;
      if (code === 0) continue;
      refused.push({
        owner: words[at + MESSAGE.opaque + 1]!,
        index: words[at + MESSAGE.opaque]!,
        code,
        byteLength: lengthAt(words, at),
      });
    }
    return refused;
  }

  [Symbol.dispose](): void {
    this.#messages[Symbol.dispose]();
    this.#arena[Symbol.dispose]();
  }
}

const lengthAt = (words: Uint32Array, at: number) =>
  words[at + MESSAGE.payloadLength]! + words[at + MESSAGE.keyLength]!;
