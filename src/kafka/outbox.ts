/**
 * Records on their way out, packed so that one native call produces many.
 *
 * Texts of a run of records are joined and encoded at once, the messages point
 * into that arena, and `rd_kafka_produce_batch` copies them into librdkafka's
 * queue. Records with headers or a timestamp take `rd_kafka_produceva`, which
 * is one call each (librdkafka has no batch form for them).
 */
import { ErrorCode } from "./errors.ts";
import { type ClientEvent, EventType, readEvent } from "./events.ts";
import type { Library } from "./library.ts";
import {
  type Address,
  addressOf,
  cString,
  NativeBlock,
  pointerAt,
  setInt64,
} from "./memory.ts";
import {
  ANY_PARTITION,
  MESSAGE,
  MessageFlag,
  type OutputRecord,
} from "./message.ts";
import type { ProducerPort } from "./producer.ts";
import { SingleRecord } from "./single_record.ts";

/**
 * Who is told when a record was acknowledged or failed: `owner` and `index`
 * are what it was added with (32 bits each), `code` is 0 or an error.
 */
export type OnReport = (owner: number, index: number, code: number) => void;

const PACK_MESSAGES = 4096;
const ARENA_BYTES = 1 << 20;
const RUN_CHARACTERS = 32_768;
const REPORTS_A_CALL = 4096;
const MESSAGE_BYTES = BigInt(MESSAGE.bytes);
const MAX_UTF8_BYTES = 3; // for each UTF-16 unit
const FLAGS = MessageFlag.copy | MessageFlag.partition;

const encoder = new TextEncoder();
type Part = string | Uint8Array | null | undefined;

export class Outbox implements Disposable {
  readonly #library: Library;
  readonly #client: Deno.PointerObject;
  readonly #reports: Deno.PointerObject;
  readonly #topics = new Map<string, Deno.PointerObject>();
  readonly #messages: NativeBlock;
  readonly #single: SingleRecord;
  readonly #reported: NativeBlock;
  readonly #report: NativeBlock;
  readonly #reportAddress: bigint;
  readonly #onReport: OnReport;
  readonly #beforeProduce: () => void;
  #arena: NativeBlock;
  #arenaUsed = 0;
  #packed = 0;
  #packedTopic = "";
  #texts: string[] = [];
  #textSlots: number[] = []; // where the pointer of each text belongs
  #textCharacters = 0;
  #pendingRecords = 0;
  #pendingBytes = 0;
  #disposed = false;

  /** @param beforeProduce may throw to keep anything from being produced */
  constructor(
    library: Library,
    port: ProducerPort,
    onReport: OnReport,
    beforeProduce: () => void = () => {},
  ) {
    const { symbols } = library;
    this.#library = library;
    this.#client = pointerAt(port.client as Address);
    this.#reports = pointerAt(port.reports as Address);
    this.#messages = new NativeBlock(symbols, PACK_MESSAGES * MESSAGE.bytes);
    this.#single = new SingleRecord(library);
    this.#reported = new NativeBlock(symbols, REPORTS_A_CALL * 8);
    this.#report = new NativeBlock(symbols, MESSAGE.bytes);
    this.#reportAddress = BigInt(this.#report.address);
    this.#arena = new NativeBlock(symbols, ARENA_BYTES);
    this.#onReport = onReport;
    this.#beforeProduce = beforeProduce;
  }

  /** Records given to librdkafka and not reported on yet. */
  get pendingRecords(): number {
    return this.#pendingRecords;
  }

  /** Their keys and values, in bytes. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** Takes a record; `send` hands it to librdkafka, a report follows. */
  add(owner: number, index: number, record: OutputRecord): void {
    this.#mustBeOpen();
    if (record.headers !== undefined || record.timestampMs !== undefined) {
      this.#addSingly(owner, index, record);
      return;
    }
    if (this.#packed === PACK_MESSAGES || record.topic !== this.#packedTopic) {
      this.send();
      this.#packedTopic = record.topic;
    }
    this.#makeRoom(partBytes(record.key) + partBytes(record.value));
    const at = this.#packed++ * MESSAGE.words;
    const { words } = this.#messages;
    words[at + MESSAGE.error] = 0;
    words[at + MESSAGE.partition] = record.partition ?? ANY_PARTITION;
    words[at + MESSAGE.opaque] = index;
    words[at + MESSAGE.opaque + 1] = owner;
    this.#place(record.value, at + MESSAGE.payload);
    this.#place(record.key, at + MESSAGE.key);
    if (this.#textCharacters >= RUN_CHARACTERS) this.#encodeRun();
  }

  /** Hands everything that was added to librdkafka. */
  send(): void {
    this.#encodeRun();
    const count = this.#packed;
    this.#packed = 0;
    this.#arenaUsed = 0;
    if (count === 0) return;
    this.#beforeProduce();
    const { words } = this.#messages;
    // Counted before the call: a report may come at once.
    this.#pendingRecords += count;
    for (let at = 0; at < count * MESSAGE.words; at += MESSAGE.words) {
      this.#pendingBytes += words[at + MESSAGE.payloadLength]! +
        words[at + MESSAGE.keyLength]!;
    }
    const accepted = this.#library.symbols.rd_kafka_produce_batch(
      this.#topic(this.#packedTopic),
      ANY_PARTITION,
      FLAGS,
      this.#messages.pointer,
      count,
    );
    if (accepted === count) return;
    for (let at = 0; at < count * MESSAGE.words; at += MESSAGE.words) {
      if (words[at + MESSAGE.error] !== 0) this.#settle(words, at);
    }
  }

  /**
   * Passes on what was reported, without waiting.
   * @returns other events of the producer: errors, log lines, statistics.
   */
  collect(): ClientEvent[] {
    this.#mustBeOpen();
    const { symbols } = this.#library;
    const others: ClientEvent[] = [];
    for (;;) {
      const event = symbols.rd_kafka_queue_poll(this.#reports, 0);
      if (event === null) return others;
      this.#read(event, others);
    }
  }

  /** Waits for at least one event, then does as `collect`. */
  async waitAndCollect(timeoutMs: number): Promise<ClientEvent[]> {
    this.#mustBeOpen();
    const event = await this.#library.symbols.rd_kafka_queue_poll_wait(
      this.#reports,
      timeoutMs,
    );
    if (event === null) return [];
    const others: ClientEvent[] = [];
    this.#read(event, others);
    others.push(...this.collect());
    return others;
  }

  /** Ends a `waitAndCollect` that waits. */
  wake(): void {
    this.#library.symbols.rd_kafka_queue_yield(this.#reports);
  }

  /**
   * The producer itself stays with its owner, who closes it afterwards. No
   * `waitAndCollect` may be waiting.
   */
  [Symbol.dispose](): void {
    this.#disposed = true;
    const { symbols } = this.#library;
    for (const topic of this.#topics.values()) {
      symbols.rd_kafka_topic_destroy(topic);
    }
    this.#topics.clear();
    this.#messages[Symbol.dispose]();
    this.#single[Symbol.dispose]();
    this.#reported[Symbol.dispose]();
    this.#report[Symbol.dispose]();
    this.#arena[Symbol.dispose]();
  }

  #mustBeOpen(): void {
    if (this.#disposed) throw new TypeError("this outbox has been closed");
  }

  #read(event: Deno.PointerObject, others: ClientEvent[]): void {
    const { symbols } = this.#library;
    try {
      if (symbols.rd_kafka_event_type(event) !== EventType.deliveryReport) {
        others.push(readEvent(symbols, event));
        return;
      }
      const { addresses } = this.#reported;
      const to = this.#reportAddress;
      for (;;) {
        const count = Number(symbols.rd_kafka_event_message_array(
          event,
          this.#reported.pointer,
          BigInt(REPORTS_A_CALL),
        ));
        if (count === 0) return;
        for (let index = 0; index < count; index++) {
          symbols.memcpy(to, addresses[index]!, MESSAGE_BYTES);
          this.#settle(this.#report.words, 0);
        }
      }
    } finally {
      symbols.rd_kafka_event_destroy(event);
    }
  }

  #settle(words: Uint32Array, at: number): void {
    this.#pendingRecords--;
    this.#pendingBytes -= words[at + MESSAGE.payloadLength]! +
      words[at + MESSAGE.keyLength]!;
    this.#onReport(
      words[at + MESSAGE.opaque + 1]!,
      words[at + MESSAGE.opaque]!,
      words[at + MESSAGE.error]! | 0,
    );
  }

  #topic(name: string): Deno.PointerObject {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const topic = this.#library.symbols.rd_kafka_topic_new(
      this.#client,
      cString(name),
      null,
    );
    if (topic === null) throw new Error(`cannot produce to topic "${name}"`);
    this.#topics.set(name, topic);
    return topic;
  }

  /** Makes sure that the arena holds `byteLength` more, run included. */
  #makeRoom(byteLength: number): void {
    const run = this.#textCharacters * MAX_UTF8_BYTES;
    if (this.#arenaUsed + run + byteLength <= this.#arena.bytes.length) return;
    this.send();
    if (byteLength <= this.#arena.bytes.length) return;
    this.#arena[Symbol.dispose]();
    this.#arena = new NativeBlock(this.#library.symbols, byteLength * 2);
  }

  /** Puts the address and length of `part` at word `slot` of a message. */
  #place(part: Part, slot: number): void {
    const { words } = this.#messages;
    if (typeof part === "string") {
      this.#texts.push(part);
      this.#textSlots.push(slot);
      this.#textCharacters += part.length;
      return;
    }
    if (part === null || part === undefined) {
      words[slot] =
        words[slot + 1] =
        words[slot + 2] =
        words[slot + 3] =
          0;
      return;
    }
    this.#encodeRun();
    setInt64(words, slot, this.#write(part));
    setInt64(words, slot + 2, part.length);
  }

  #encodeRun(): void {
    const texts = this.#texts;
    if (texts.length === 0) return;
    const joined = texts.join("");
    const { bytes } = this.#arena;
    const { written } = encoder.encodeInto(
      joined,
      bytes.subarray(this.#arenaUsed),
    );
    // As many bytes as characters: plain ASCII, so lengths are known.
    const ascii = written === joined.length;
    for (let index = 0; index < texts.length; index++) {
      const text = texts[index]!;
      const length = ascii
        ? text.length
        : encoder.encodeInto(text, bytes.subarray(this.#arenaUsed)).written;
      const slot = this.#textSlots[index]!;
      setInt64(
        this.#messages.words,
        slot,
        this.#arena.address + this.#arenaUsed,
      );
      setInt64(this.#messages.words, slot + 2, length);
      this.#arenaUsed += length;
    }
    this.#texts = [];
    this.#textSlots = [];
    this.#textCharacters = 0;
  }

  #write(part: Uint8Array): number {
    const address = this.#arena.address + this.#arenaUsed;
    this.#arena.bytes.set(part, this.#arenaUsed);
    this.#arenaUsed += part.length;
    return address;
  }

  #addSingly(owner: number, index: number, record: OutputRecord): void {
    // Keeps the order of records of one topic.
    if (record.topic === this.#packedTopic) this.send();
    const { symbols } = this.#library;
    const topic = addressOf(this.#topic(record.topic));
    this.#single.set(topic, [index, owner], record);
    const { byteLength } = this.#single;
    this.#beforeProduce();
    this.#pendingRecords++;
    this.#pendingBytes += byteLength;
    const error = symbols.rd_kafka_produceva(
      this.#client,
      this.#single.pointer,
      this.#single.count,
    );
    if (error === null) return;
    const code = symbols.rd_kafka_error_code(error);
    symbols.rd_kafka_error_destroy(error);
    this.#pendingRecords--;
    this.#pendingBytes -= byteLength;
    this.#onReport(owner, index, code === 0 ? ErrorCode.invalidMessage : code);
  }
}

function partBytes(part: Part): number {
  if (typeof part === "string") return part.length * MAX_UTF8_BYTES;
  return part?.length ?? 0;
}
