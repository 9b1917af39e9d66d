/**
 * Produces fetched records as they are, without reading them: one
 * `rd_kafka_produceva` each, whose arguments point into the fetched message.
 */
import type { Batch } from "./batch.ts";
import { ErrorCode } from "./errors.ts";
import type { Library } from "./library.ts";
import { Cells, NativeBlock, setInt64 } from "./memory.ts";
import { ARGUMENT, ArgumentType, MessageFlag } from "./message.ts";

/** The arguments, in this order; headers are left out where there are none. */
const TYPES = [
  ArgumentType.topic,
  ArgumentType.partition,
  ArgumentType.value,
  ArgumentType.key,
  ArgumentType.opaque,
  ArgumentType.flags,
  ArgumentType.timestamp,
  ArgumentType.headers,
] as const;
const [TOPIC, PARTITION, VALUE, KEY, OPAQUE, FLAGS, TIMESTAMP, HEADERS] = TYPES
  .map((_, index) => index * ARGUMENT.words + ARGUMENT.first) as Eight;
type Eight = [
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number,
];

export class CopyCall implements Disposable {
  readonly #library: Library;
  readonly #client: Deno.PointerObject;
  readonly #arguments: NativeBlock;
  /** Address and number of the arguments. */
  readonly #call = new Cells(3);
  readonly #headers = new BigUint64Array(1);
  readonly #headersOut = new Uint8Array(this.#headers.buffer);

  constructor(library: Library, client: Deno.PointerObject) {
    this.#library = library;
    this.#client = client;
    this.#arguments = new NativeBlock(
      library.symbols,
      TYPES.length * ARGUMENT.bytes,
    );
    const { words } = this.#arguments;
    TYPES.forEach((type, index) => {
      words[index * ARGUMENT.words + ARGUMENT.type] = type;
    });
    words[FLAGS] = MessageFlag.copy;
    this.#call.set(0, this.#arguments.address);
    this.#call.set(1, TYPES.length - 1);
    this.#call.set(2, TYPES.length);
  }

  /** Where the records of the next calls go. */
  aim(topicAddress: number, partition: number): void {
    const { words } = this.#arguments;
    setInt64(words, TOPIC, topicAddress);
    words[PARTITION] = partition;
  }

  /**
   * Takes the record's headers from it: a record is copied once.
   * @returns an error code; 0: a report follows.
   */
  produce(batch: Batch, at: number, owner: number, index: number): number {
    const { symbols } = this.#library;
    const { words } = this.#arguments;
    const message = batch.point(at, words, VALUE, KEY);
    words[OPAQUE] = index;
    words[OPAQUE + 1] = owner;
    setInt64(
      words,
      TIMESTAMP,
      Number(symbols.rd_kafka_message_timestamp(message, null)),
    );
    const hasHeaders = symbols.rd_kafka_message_detach_headers(
      message,
      this.#headersOut,
    ) === 0;
    if (hasHeaders) {
      const headers = this.#headers[0]!;
      words[HEADERS] = Number(headers & 0xffffffffn);
      words[HEADERS + 1] = Number(headers >> 32n);
    }
    const error = symbols.rd_kafka_produceva(
      this.#client,
      this.#call.values[0]!,
      this.#call.values[hasHeaders ? 2 : 1]!,
    );
    if (error === null) return 0;
    // They are the producer's only where it has taken the record.
    if (hasHeaders) symbols.rd_kafka_headers_destroy(this.#headers[0]!);
    const code = symbols.rd_kafka_error_code(error);
    symbols.rd_kafka_error_destroy(error);
    return code === 0 ? ErrorCode.invalidMessage : code;
  }

  [Symbol.dispose](): void {
    this.#arguments[Symbol.dispose]();
  }
}
