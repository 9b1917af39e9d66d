/**
 * Records as they were fetched, read where librdkafka put them: nothing is
 * copied or decoded until it is asked for.
 */
import { errorFromCode, type KafkaError } from "./errors.ts";
import type { Library } from "./library.ts";
import {
  type Address,
  addressIn,
  asUsize,
  int64In,
  pointerAt,
  readCString,
  windowAt,
} from "./memory.ts";
import { MESSAGE, type ReadHeader } from "./message.ts";
import type { TopicPartition } from "./partition_list.ts";

/**
 * Says which fetched records count. A lane is a small number for a partition
 * that the worker owns; what belongs to no lane, or lies below the lane's next
 * offset, was fetched under an earlier ownership and is dropped.
 */
export interface PartitionRouter {
  /** The lane of a partition, or -1. */
  laneOf(topic: string, partition: number): number;
  readonly partitions: readonly TopicPartition[];
  /** By lane: the next offset that is expected; a batch moves it on. */
  readonly next: Float64Array;
  /** A fetch error of one partition. */
  failed(tp: TopicPartition, error: KafkaError): void;
}

/** Thrown by `text` where the bytes are not UTF-8. */
export class EncodingError extends TypeError {
  override readonly name = "EncodingError";
}

const decoder = new TextDecoder("utf-8");
const strictDecoder = new TextDecoder("utf-8", { fatal: true });
const NO_HEADERS: readonly ReadHeader[] = [];

export class Batch {
  /** Records in it; all accessors take an index below this. */
  readonly count: number;
  /** By index: the lane, see `PartitionRouter`. */
  readonly lanes: Int32Array;
  /** By index: the offset. */
  readonly offsets: Float64Array;
  /** Keys and values, in bytes. */
  readonly byteLength: number;
  readonly #library: Library;
  readonly #pointers: Uint32Array;
  readonly #router: PartitionRouter;
  readonly #onFree: () => void;
  #freed = false;

  /**
   * @param pointers addresses of messages (two words each), in native memory;
   * each is cleared when its message is freed.
   */
  constructor(
    library: Library,
    pointers: Uint32Array,
    router: PartitionRouter,
    topicNames: Map<number, string>,
    onFree: () => void,
  ) {
    this.#library = library;
    this.#pointers = pointers;
    this.#router = router;
    this.#onFree = onFree;
    const fetched = pointers.length / 2;
    this.lanes = new Int32Array(fetched);
    this.offsets = new Float64Array(fetched);
    let count = 0;
    let byteLength = 0;
    let topic = 0 as Address;
    let partition = -1;
    let lane = -1;
    for (let index = 0; index < fetched; index++) {
      const message = addressIn(pointers, index * 2);
      const { base, words } = windowAt(message);
      const at = (message - base) / 4;
      const itsTopic = addressIn(words, at + MESSAGE.topic);
      const itsPartition = words[at + MESSAGE.partition]! | 0;
      if (itsTopic !== topic || itsPartition !== partition) {
        topic = itsTopic;
        partition = itsPartition;
        lane = router.laneOf(this.#topicName(topic, topicNames), partition);
      }
      const offset = int64In(words, at + MESSAGE.offset);
      const code = words[at + MESSAGE.error]! | 0;
      if (code !== 0) {
        const tp = { topic: this.#topicName(topic, topicNames), partition };
        router.failed(tp, this.#errorOf(message, code, tp));
      } else if (lane >= 0 && offset >= router.next[lane]!) {
        router.next[lane] = offset + 1;
        this.lanes[count] = lane;
        this.offsets[count] = offset;
        byteLength += words[at + MESSAGE.payloadLength]! +
          words[at + MESSAGE.keyLength]!;
        this.#move(index, count++);
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

  /** Milliseconds since the epoch; -1 where the record has none. */
  timestamp(index: number): number {
    const type = new Uint8Array(4);
    return Number(
      this.#library.symbols.rd_kafka_message_timestamp(
        asUsize(this.#message(index)),
        type,
      ),
    );
  }

  /** A copy of the key; null where the record has none. */
  key(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#bytes(index, MESSAGE.key)?.slice() ?? null;
  }

  /** A copy of the value; null for a tombstone. */
  value(index: number): Uint8Array<ArrayBuffer> | null {
    return this.#bytes(index, MESSAGE.payload)?.slice() ?? null;
  }

  /**
   * The value as text; null for a tombstone.
   * @throws {EncodingError} where it is not UTF-8.
   */
  text(index: number): string | null {
    return decode(this.#bytes(index, MESSAGE.payload), "value");
  }

  /** The key as text; null where there is none. @throws {EncodingError} */
  keyText(index: number): string | null {
    return decode(this.#bytes(index, MESSAGE.key), "key");
  }

  headers(index: number): readonly ReadHeader[] {
    const { symbols } = this.#library;
    const list = new Uint32Array(2);
    const code = symbols.rd_kafka_message_headers(
      asUsize(this.#message(index)),
      new Uint8Array(list.buffer),
    );
    if (code !== 0) return NO_HEADERS;
    const headers: ReadHeader[] = [];
    const fields = new Uint32Array(6);
    const field = (word: number) => new Uint8Array(fields.buffer, word * 4, 8);
    while (
      symbols.rd_kafka_header_get_all(
        asUsize(addressIn(list, 0)),
        asUsize(headers.length),
        field(0),
        field(2),
        field(4),
      ) === 0
    ) {
      const value = addressIn(fields, 2);
      headers.push({
        key: readCString(pointerAt(addressIn(fields, 0))) ?? "",
        value: value === 0 ? null : view(value, fields[4]!).slice(),
      });
    }
    return headers;
  }

  get freed(): boolean {
    return this.#freed;
  }

  /** Gives the memory back; every later access throws. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    for (let index = 0; index < this.#pointers.length / 2; index++) {
      this.#destroy(index);
    }
    this.#onFree();
  }

  #message(index: number): Address {
    if (this.#freed) throw new TypeError("this batch has been settled");
    if (index < 0 || index >= this.count) {
      throw new RangeError(`record ${index} of ${this.count}`);
    }
    return addressIn(this.#pointers, index * 2);
  }

  #bytes(index: number, field: number): Uint8Array<ArrayBuffer> | null {
    const message = this.#message(index);
    const { base, words } = windowAt(message);
    const at = (message - base) / 4 + field;
    const address = addressIn(words, at);
    return address === 0 ? null : view(address, words[at + 2]!);
  }

  #move(from: number, to: number): void {
    if (from === to) return;
    const pointers = this.#pointers;
    pointers[to * 2] = pointers[from * 2]!;
    pointers[to * 2 + 1] = pointers[from * 2 + 1]!;
    pointers[from * 2] = pointers[from * 2 + 1] = 0;
  }

  #destroy(index: number): void {
    const message = addressIn(this.#pointers, index * 2);
    if (message === 0) return;
    // Cleared first: freeing one twice would be worse than leaking it.
    this.#pointers[index * 2] = this.#pointers[index * 2 + 1] = 0;
    this.#library.symbols.rd_kafka_message_destroy(asUsize(message));
  }

  #topicName(topic: Address, names: Map<number, string>): string {
    let name = names.get(topic);
    if (name === undefined) {
      const { symbols } = this.#library;
      name = readCString(symbols.rd_kafka_topic_name(pointerAt(topic))) ?? "";
      names.set(topic, name);
    }
    return name;
  }

  #errorOf(message: Address, code: number, tp: TopicPartition): KafkaError {
    const { symbols } = this.#library;
    const text = readCString(symbols.rd_kafka_message_errstr(asUsize(message)));
    const doing = `fetch ${tp.topic} [${tp.partition}]`;
    return errorFromCode(symbols, code, doing, text);
  }
}

function view(address: Address, byteLength: number): Uint8Array<ArrayBuffer> {
  const { base, bytes } = windowAt(address);
  return bytes.subarray(address - base, address - base + byteLength);
}

function decode(bytes: Uint8Array | null, what: string): string | null {
  if (bytes === null) return null;
  const text = decoder.decode(bytes);
  // Decoding strictly costs four times as much, so it is done only where the
  // replacement character shows that there may be something wrong.
  if (text.includes("\uFFFD")) {
    try {
      return strictDecoder.decode(bytes);
    } catch {
      throw new EncodingError(`${what} is not valid UTF-8`);
    }
  }
  return text;
}
