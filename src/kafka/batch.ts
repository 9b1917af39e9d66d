/**
 * Records as they were fetched. Keys and values are copied out of librdkafka's
 * memory when the first of them is asked for, whole runs of neighbours at once
 * (the records of one fetch lie behind one another); nothing is decoded before
 * it is read.
 */
import { ErrorCode, errorFromCode, type KafkaError } from "./errors.ts";
import { type Arena, type FetchMemory, STRUCTURES } from "./fetch_memory.ts";
import {
  addressIn,
  cString,
  int64In,
  pointerAt,
  readCString,
  setInt64,
} from "./memory.ts";
import { MESSAGE, type ReadHeader } from "./message.ts";
import { readHeaders, readLastHeader } from "./message_headers.ts";
import { Neighbours, NONE } from "./neighbours.ts";
import type { TopicPartition } from "./partition_list.ts";
import type { PartitionRouter } from "./partition_router.ts";
import { decode, isAscii } from "./text.ts";

const MESSAGE_BYTES = BigInt(MESSAGE.bytes);
const PIECE_BYTES = 64 * 1024;

/** Made once for many records. */
export type HeaderName = Uint8Array<ArrayBuffer>;
export const headerName = (name: string): HeaderName => cString(name);

export class Batch {
  /** Records in it; all accessors take an index below this. */
  readonly count: number;
  /** By index: the lane, see `PartitionRouter`. */
  readonly lanes: Int32Array;
  /** By index: the offset. */
  readonly offsets: Float64Array;
  /** Keys and values, in bytes. */
  readonly byteLength: number;
  readonly #memory: FetchMemory;
  readonly #messages: BigUint64Array;
  readonly #router: PartitionRouter;
  readonly #onFree: () => void;
  // By index: where key and value lie in librdkafka's memory (0: null) and, once
  // they are loaded, in the arena (-1: null).
  readonly #values: Float64Array;
  readonly #valueLengths: Int32Array;
  readonly #keys: Float64Array;
  readonly #keyLengths: Int32Array;
  #valuesAt: Int32Array | null = null;
  #keysAt: Int32Array | null = null;
  #arena: Arena | null = null;
  #arenaUsed = 0;
  #freed = false;
  // A piece of the arena as text, one character a byte; see `passingText`.
  #piece = "";
  #pieceStart = 0;
  #pieceEnd = 0;

  /**
   * @param messages addresses of messages in native memory; each is cleared
   * when its message is freed.
   */
  constructor(
    memory: FetchMemory,
    messages: BigUint64Array,
    router: PartitionRouter,
    topicNames: Map<number, string>,
    onFree: () => void,
  ) {
    this.#memory = memory;
    this.#messages = messages;
    this.#router = router;
    this.#onFree = onFree;
    const fetched = messages.length;
    this.lanes = new Int32Array(fetched);
    this.offsets = new Float64Array(fetched);
    this.#values = new Float64Array(fetched);
    this.#valueLengths = new Int32Array(fetched);
    this.#keys = new Float64Array(fetched);
    this.#keyLengths = new Int32Array(fetched);
    const { symbols } = memory.library;
    const { targets } = memory;
    const { words } = memory.structures;
    const { gate, skips } = router;
    const headers = gate?.headers.map(cString) ?? [];
    let count = 0;
    let byteLength = 0;
    let topic = 0;
    let partition = -1;
    let lane = -1;
    let isGuarded = false;
    for (let index = 0; index < fetched; index++) {
      const structure = index % STRUCTURES;
      if (structure === 0) {
        const end = Math.min(fetched - index, STRUCTURES);
        for (let copy = 0; copy < end; copy++) {
          symbols.memcpy(
            targets[copy]!,
            messages[index + copy]!,
            MESSAGE_BYTES,
          );
        }
      }
      const at = structure * MESSAGE.words;
      const itsTopic = addressIn(words, at + MESSAGE.topic);
      const itsPartition = words[at + MESSAGE.partition]! | 0;
      if (itsTopic !== topic || itsPartition !== partition) {
        topic = itsTopic;
        partition = itsPartition;
        lane = router.laneOf(this.#topicName(topic, topicNames), partition);
        isGuarded = lane >= 0 && gate !== undefined && gate.guards(lane);
      }
      const code = words[at + MESSAGE.error]! | 0;
      const offset = int64In(words, at + MESSAGE.offset);
      if (code === ErrorCode.partitionEof) {
        if (lane >= 0) router.ended?.(lane, offset);
      } else if (code !== 0) {
        const tp = { topic: this.#topicName(topic, topicNames), partition };
        router.failed(tp, this.#errorOf(index, code, tp));
      } else if (
        lane >= 0 && offset >= router.next[lane]! &&
        !skips?.(lane, offset) &&
        (!isGuarded || gate!.admits(
          lane,
          ...headers.map((each) =>
            readLastHeader(symbols, messages[index]!, each)
          ),
        ))
      ) {
        router.next[lane] = offset + 1;
        this.lanes[count] = lane;
        this.offsets[count] = offset;
        this.#values[count] = addressIn(words, at + MESSAGE.payload);
        this.#valueLengths[count] = words[at + MESSAGE.payloadLength]!;
        this.#keys[count] = addressIn(words, at + MESSAGE.key);
        this.#keyLengths[count] = words[at + MESSAGE.keyLength]!;
        byteLength += words[at + MESSAGE.payloadLength]! +
          words[at + MESSAGE.keyLength]!;
        if (index !== count) {
          messages[count] = messages[index]!;
          messages[index] = 0n;
        }
        count++;
        continue;
      }
      this.#destroy(index);
    }
    this.count = count;
    this.byteLength = byteLength;
    if (count === 0) this.free();
  }

  tp(index: number): TopicPartition {
    return this.#router.partitions[this.lanes[index]!]!;
  }

  offset(index: number): number {
    return this.offsets[index]!;
  }

  /** Of the leader that wrote it; -1 where old brokers do not say. */
  leaderEpoch(index: number): number {
    this.#check(index);
    const { symbols } = this.#memory.library;
    return symbols.rd_kafka_message_leader_epoch(this.#messages[index]!);
  }

  /** Milliseconds since the epoch; -1 where the record has none. */
  timestamp(index: number): number {
    this.#check(index);
    const { symbols } = this.#memory.library;
    return Number(
      symbols.rd_kafka_message_timestamp(this.#messages[index]!, null),
    );
  }

  /** A copy of the key; null where the record has none. */
  key(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#keyBytes(index)?.slice() ?? null;
  }

  /** The same text for the same bytes, for comparing; null: no key. */
  keyIdentity(index: number): string | null {
    this.#check(index);
    const { buffer } = this.#arena ?? this.#load();
    const at = this.#keysAt![index]!;
    if (at === NONE) return null;
    return buffer.toString("latin1", at, at + this.#keyLengths[index]!);
  }

  /** A copy of the value; null for a tombstone. */
  value(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#valueBytes(index)?.slice() ?? null;
  }

  /**
   * The value as text; null for a tombstone.
   * @throws {EncodingError} where it is not UTF-8.
   */
  text(index: number): string | null {
    return decode(this.#valueBytes(index), "value");
  }

  /**
   * The same as `text`, cheaper, for use at once: it may share the memory of
   * many records, so whoever keeps it keeps all of them.
   */
  passingText(index: number): string | null {
    this.#check(index);
    const arena = this.#arena ?? this.#load();
    const at = this.#valuesAt![index]!;
    if (at === NONE) return null;
    const end = at + this.#valueLengths[index]!;
    if (!isAscii(arena, at, end)) return this.text(index);
    if (at < this.#pieceStart || end > this.#pieceEnd) {
      // Decoding many records in one call costs a third of one call each.
      this.#pieceStart = at;
      this.#pieceEnd = Math.max(
        end,
        Math.min(at + PIECE_BYTES, this.#arenaUsed),
      );
      this.#piece = arena.buffer.toString("latin1", at, this.#pieceEnd);
    }
    return this.#piece.slice(at - this.#pieceStart, end - this.#pieceStart);
  }

  /** The key as text; null where there is none. @throws {EncodingError} */
  keyText(index: number): string | null {
    return decode(this.#keyBytes(index), "key");
  }

  headers(index: number): readonly ReadHeader[] {
    this.#check(index);
    const { symbols } = this.#memory.library;
    return readHeaders(symbols, this.#messages[index]!);
  }

  /**
   * Whether the record may have headers; false where it has none for certain, and
   * cheaper than to ask, for which librdkafka (2.15.1) makes a buffer each time
   * (`rd_kafka_msg_headers_parse`). In the memory of a fetch the number of headers
   * stands behind the value (message format 2; the older ones have no headers), so
   * a zero there means none.
   */
  mayHaveHeaders(index: number): boolean {
    this.#check(index);
    const { bytes } = this.#arena ?? this.#load();
    const at = this.#valuesAt![index]!;
    if (at === NONE || index + 1 === this.count) return true;
    const end = at + this.#valueLengths[index]!;
    // The next one lies further on where what is between them was copied, too.
    const key = this.#keysAt![index + 1]!;
    const next = key === NONE ? this.#valuesAt![index + 1]! : key;
    return next <= end || bytes[end] !== 0;
  }

  /**
   * The last header of the name, without reading the others; null where there is
   * none, or one without a value.
   * @param name a C string, see `headerName`
   */
  headerText(index: number, name: HeaderName): string | null {
    this.#check(index);
    const { symbols } = this.#memory.library;
    return readLastHeader(symbols, this.#messages[index]!, name);
  }

  /**
   * Writes addresses and lengths of value and key, as `rd_kafka_produceva`
   * takes them, at these words.
   * @returns the message's address.
   */
  point(
    index: number,
    words: Uint32Array,
    valueAt: number,
    keyAt: number,
  ): bigint {
    this.#check(index);
    setInt64(words, valueAt, this.#values[index]!);
    words[valueAt + 2] = this.#valueLengths[index]!;
    setInt64(words, keyAt, this.#keys[index]!);
    words[keyAt + 2] = this.#keyLengths[index]!;
    return this.#messages[index]!;
  }

  /** Of key and value, in bytes. */
  lengthOf(index: number): number {
    return this.#valueLengths[index]! + this.#keyLengths[index]!;
  }

  get freed(): boolean {
    return this.#freed;
  }

  /** Gives the memory back; every later access throws. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    for (let index = 0; index < this.#messages.length; index++) {
      this.#destroy(index);
    }
    this.unload();
    this.#onFree();
  }

  /** Gives back the copies of keys and values; reading one copies them anew. */
  unload(): void {
    if (this.#arena !== null) this.#memory.giveBack(this.#arena);
    this.#arena = null;
    this.#piece = "";
    this.#pieceStart = this.#pieceEnd = 0;
  }

  #check(index: number): void {
    if (this.#freed) throw new TypeError("this batch has been settled");
    if (!(index >= 0 && index < this.count)) {
      throw new RangeError(`record ${index} of ${this.count}`);
    }
  }

  #valueBytes(index: number): Uint8Array<ArrayBuffer> | null {
    this.#check(index);
    const { bytes } = this.#arena ?? this.#load();
    const at = this.#valuesAt![index]!;
    if (at === NONE) return null;
    return bytes.subarray(at, at + this.#valueLengths[index]!);
  }

  #keyBytes(index: number): Uint8Array<ArrayBuffer> | null {
    this.#check(index);
    const { bytes } = this.#arena ?? this.#load();
    const at = this.#keysAt![index]!;
    if (at === NONE) return null;
    return bytes.subarray(at, at + this.#keyLengths[index]!);
  }

  /** Copies all keys and values into an arena. */
  #load(): Arena {
    const keysAt = this.#keysAt ??= new Int32Array(this.count);
    const valuesAt = this.#valuesAt ??= new Int32Array(this.count);
    const neighbours = new Neighbours();
    for (let index = 0; index < this.count; index++) {
      // In a fetched record the key stands before the value.
      keysAt[index] = neighbours.place(
        this.#keys[index]!,
        this.#keyLengths[index]!,
      );
      valuesAt[index] = neighbours.place(
        this.#values[index]!,
        this.#valueLengths[index]!,
      );
    }
    const arena = this.#memory.take(neighbours.size);
    const { cells, library } = this.#memory;
    for (const { start, end, at } of neighbours.runs) {
      cells.set(0, arena.address + at);
      cells.set(1, start);
      cells.set(2, end - start);
      const [to, from, length] = cells.values;
      library.symbols.memcpy(to!, from!, length!);
    }
    this.#arena = arena;
    this.#arenaUsed = neighbours.size;
    return arena;
  }

  #destroy(index: number): void {
    const message = this.#messages[index]!;
    if (message === 0n) return;
    // Cleared first: freeing one twice would be worse than leaking it.
    this.#messages[index] = 0n;
    this.#memory.library.symbols.rd_kafka_message_destroy(message);
  }

  #topicName(topic: number, names: Map<number, string>): string {
    let name = names.get(topic);
    if (name === undefined) {
      const { symbols } = this.#memory.library;
      name = readCString(symbols.rd_kafka_topic_name(pointerAt(topic))) ?? "";
      names.set(topic, name);
    }
    return name;
  }

  #errorOf(index: number, code: number, tp: TopicPartition): KafkaError {
    const { symbols } = this.#memory.library;
    const text = readCString(
      symbols.rd_kafka_message_errstr(this.#messages[index]!),
    );
    const doing = `fetch ${tp.topic} [${tp.partition}]`;
    return errorFromCode(symbols, code, doing, text);
  }
}
