/**
 * Asserts, against the library itself, the layouts of the structures that are
 * read and written as raw memory. A build whose structures differ is refused at
 * start-up instead of corrupting records. Numbers that are known are compared
 * before any address beside them is followed: it could be no address.
 */
import { ErrorCode } from "./errors.ts";
import { EventType } from "./events.ts";
import type { Library } from "./library.ts";
import {
  type Address,
  addressIn,
  addressOf,
  cString,
  int64In,
  memoryAt,
  NativeBlock,
  pointerAt,
  readCString,
  setInt64,
} from "./memory.ts";
import {
  ANY_PARTITION,
  ARGUMENT,
  ArgumentType,
  MESSAGE,
  MessageFlag,
} from "./message.ts";
import {
  ELEMENT,
  LIST,
  readPartitionList,
  withPartitionList,
} from "./partition_list.ts";
import { newConfiguration } from "./properties.ts";

const verified = new Set<string>();

/**
 * Takes about 2 ms, the first time for each library.
 * @throws {Error} naming the structure that differs.
 */
export async function verifyLayout(library: Library): Promise<void> {
  if (verified.has(library.path)) return;
  verifyPartitionList(library);
  await verifyMessages(library);
  verified.add(library.path);
}

function expect(library: Library, structure: string, holds: boolean): void {
  if (holds) return;
  throw new Error(
    `librdkafka ${library.version} at ${library.path} lays out ${structure} ` +
      "in another way than this version of Switchyard; " +
      "remove it from the settings and let `deno task native` build one",
  );
}

const NO_OFFSET = -1001; // RD_KAFKA_OFFSET_INVALID

function verifyPartitionList(library: Library): void {
  verifyElements(library);
  const { symbols } = library;
  const given = [
    {
      topic: "first",
      partition: 7,
      offset: 2 ** 40 + 1,
      metadata: "m\u00e9ta",
    },
    { topic: "second", partition: 11, leaderEpoch: 3 },
  ];
  const read = withPartitionList(
    symbols,
    given,
    (list) => readPartitionList(symbols, list, ""),
  );
  const [first, second] = read;
  expect(
    library,
    "rd_kafka_topic_partition_t",
    read.length === 2 && first?.topic === "first" && first.partition === 7 &&
      first.offset === 2 ** 40 + 1 && first.metadata === "m\u00e9ta" &&
      first.error === null && second?.topic === "second" &&
      second.partition === 11 && second.offset === null &&
      second.leaderEpoch === 3,
  );
}

/** Looks at a list that only librdkafka has written. */
function verifyElements(library: Library): void {
  const { symbols } = library;
  const list = symbols.rd_kafka_topic_partition_list_new(2);
  try {
    const added = [7, 11].map((partition) => ({
      partition,
      address: addressOf(symbols.rd_kafka_topic_partition_list_add(
        list,
        cString("topic"),
        partition,
      )),
    }));
    const { words } = memoryAt(addressOf(list), LIST.bytes);
    const elements = addressIn(words, LIST.elements);
    expect(
      library,
      "rd_kafka_topic_partition_list_t",
      words[LIST.count] === 2 &&
        added.every(({ address }, index) =>
          address === elements + index * ELEMENT.words * 4
        ),
    );
    expect(
      library,
      "rd_kafka_topic_partition_t",
      added.every(({ address, partition }) => isFresh(address, partition)),
    );
  } finally {
    symbols.rd_kafka_topic_partition_list_destroy(list);
  }
}

function isFresh(element: Address, partition: number): boolean {
  const { words } = memoryAt(element, ELEMENT.words * 4);
  return words[ELEMENT.partition] === partition &&
    int64In(words, ELEMENT.offset) === NO_OFFSET &&
    addressIn(words, ELEMENT.metadata) === 0 &&
    int64In(words, ELEMENT.metadataSize) === 0 &&
    words[ELEMENT.error] === 0;
}

/** What is sent to a producer without brokers comes back when purged. */
async function verifyMessages(library: Library): Promise<void> {
  const { symbols } = library;
  const configuration = newConfiguration(library, { "log_level": 0 });
  symbols.rd_kafka_conf_set_events(configuration, EventType.deliveryReport);
  const error = new Uint8Array(512);
  const client = symbols.rd_kafka_new(0, configuration, error, 512n);
  if (client === null) throw new Error("cannot create a Kafka client");
  const topic = symbols.rd_kafka_topic_new(client, cString("layout"), null);
  const reports = symbols.rd_kafka_queue_get_main(client);
  try {
    using block = new NativeBlock(symbols, 1024);
    produceOne(library, topic, block);
    produceWithArguments(library, client, topic, block);
    symbols.rd_kafka_purge(client, 1);
    checkReports(library, reports, addressOf(topic), block);
  } finally {
    symbols.rd_kafka_queue_destroy(reports);
    symbols.rd_kafka_topic_destroy(topic);
    await symbols.rd_kafka_destroy(client);
  }
}

const KEY = "the-key";
const VALUE = "the value";
const OPAQUE = 2 ** 44 + 5;
const TIMESTAMP_MS = 1_700_000_000_123;
const TEXT_AT = 768;

function produceOne(
  library: Library,
  topic: Deno.PointerValue,
  block: NativeBlock,
): void {
  const { words, bytes } = block;
  bytes.set(new TextEncoder().encode(KEY + VALUE + "h\0"), TEXT_AT);
  const text = block.address + TEXT_AT;
  words[MESSAGE.partition] = ANY_PARTITION;
  setInt64(words, MESSAGE.key, text);
  setInt64(words, MESSAGE.keyLength, KEY.length);
  setInt64(words, MESSAGE.payload, text + KEY.length);
  setInt64(words, MESSAGE.payloadLength, VALUE.length);
  setInt64(words, MESSAGE.opaque, OPAQUE);
  const accepted = library.symbols.rd_kafka_produce_batch(
    topic,
    ANY_PARTITION,
    MessageFlag.copy | MessageFlag.partition,
    block.pointer,
    1,
  );
  expect(library, "rd_kafka_message_t", accepted === 1);
}

function produceWithArguments(
  library: Library,
  client: Deno.PointerObject,
  topic: Deno.PointerValue,
  block: NativeBlock,
): void {
  const { symbols } = library;
  const text = block.address + TEXT_AT;
  const valueAt = text + KEY.length;
  const argumentsOf = [
    [ArgumentType.topic, addressOf(topic)],
    [ArgumentType.partition, ANY_PARTITION],
    [ArgumentType.value, valueAt, VALUE.length],
    [ArgumentType.key, text, KEY.length],
    [ArgumentType.opaque, OPAQUE],
    [ArgumentType.flags, MessageFlag.copy],
    [ArgumentType.timestamp, TIMESTAMP_MS],
    [ArgumentType.header, valueAt + VALUE.length, text, KEY.length],
  ];
  using list = new NativeBlock(symbols, argumentsOf.length * ARGUMENT.bytes);
  argumentsOf.forEach(([type, ...fields], index) => {
    const at = index * ARGUMENT.words;
    list.words[at + ARGUMENT.type] = type!;
    fields.forEach((field, word) =>
      setInt64(list.words, at + ARGUMENT.first + word * 2, field)
    );
  });
  const error = symbols.rd_kafka_produceva(
    client,
    BigInt(list.address),
    BigInt(argumentsOf.length),
  );
  if (error !== null) symbols.rd_kafka_error_destroy(error);
  expect(library, "rd_kafka_vu_t", error === null);
}

function checkReports(
  library: Library,
  reports: Deno.PointerValue,
  topic: Address,
  block: NativeBlock,
): void {
  const { symbols } = library;
  let seen = 0;
  while (seen < 2) {
    const event = symbols.rd_kafka_queue_poll(reports, 1000);
    expect(library, "delivery reports", event !== null);
    try {
      const count = Number(
        symbols.rd_kafka_event_message_array(event, block.pointer, 2n),
      );
      for (let index = 0; index < count; index++) {
        const message = addressIn(block.words, index * 2);
        checkMessage(library, message, topic);
        if (seen++ === 1) checkHeader(library, message);
      }
    } finally {
      symbols.rd_kafka_event_destroy(event);
    }
  }
}

function checkMessage(
  library: Library,
  message: Address,
  topic: Address,
): void {
  const { words } = memoryAt(message, MESSAGE.bytes);
  expect(
    library,
    "rd_kafka_message_t",
    (words[MESSAGE.error]! | 0) === ErrorCode.purgedInQueue &&
      addressIn(words, MESSAGE.topic) === topic &&
      (words[MESSAGE.partition]! | 0) === ANY_PARTITION &&
      int64In(words, MESSAGE.keyLength) === KEY.length &&
      int64In(words, MESSAGE.payloadLength) === VALUE.length &&
      int64In(words, MESSAGE.opaque) === OPAQUE,
  );
  const textAt = (field: number) => {
    const { bytes } = memoryAt(addressIn(words, field), words[field + 2]!);
    return new TextDecoder().decode(bytes);
  };
  expect(
    library,
    "rd_kafka_message_t",
    textAt(MESSAGE.key) === KEY && textAt(MESSAGE.payload) === VALUE,
  );
}

function checkHeader(library: Library, message: Address): void {
  const { symbols } = library;
  const headers = new Uint32Array(2);
  symbols.rd_kafka_message_headers(
    BigInt(message),
    new Uint8Array(headers.buffer),
  );
  const fields = new Uint32Array(6);
  const code = symbols.rd_kafka_header_get_all(
    BigInt(addressIn(headers, 0)),
    0n,
    new Uint8Array(fields.buffer, 0, 8),
    new Uint8Array(fields.buffer, 8, 8),
    new Uint8Array(fields.buffer, 16, 8),
  );
  expect(
    library,
    "rd_kafka_vu_t",
    code === 0 && readCString(pointerAt(addressIn(fields, 0))) === "h" &&
      readCString(pointerAt(addressIn(fields, 2))) === KEY &&
      fields[4] === KEY.length,
  );
}
