/** Partitions and offsets, and librdkafka's lists of them. */
import { errorFromCode, type KafkaError } from "./errors.ts";
import {
  type Address,
  addressIn,
  addressOf,
  cString,
  int64In,
  memoryAt,
  pointerAt,
  readCString,
  setInt64,
} from "./memory.ts";
import type { CoreSymbols } from "./symbols.ts";

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

/** Where to start when no number is known. */
export type Offset = number | "earliest" | "latest" | "stored";

export interface PartitionOffset extends TopicPartition {
  readonly offset: Offset;
  /** Text kept with a committed offset; the broker's limit is 4096 bytes. */
  readonly metadata?: string;
  readonly leaderEpoch?: number | null;
}

/** A partition, with or without the fields of `PartitionOffset`. */
type ListEntry = TopicPartition & {
  readonly offset?: Offset | null;
  readonly metadata?: string;
  readonly leaderEpoch?: number | null;
};

/** What librdkafka says of one partition: `offset` is null where none is. */
export interface PartitionAnswer extends TopicPartition {
  readonly offset: number | null;
  readonly metadata: string;
  readonly leaderEpoch: number | null;
  readonly error: KafkaError | null;
}

const LOGICAL = { earliest: -2, latest: -1, stored: -1000 } as const;

// rd_kafka_topic_partition_list_t and rd_kafka_topic_partition_t, in 32-bit
// words; `layout.ts` asserts them against the library at start-up.
export const LIST = { bytes: 16, count: 0, elements: 2 } as const;
export const ELEMENT = {
  words: 16,
  topic: 0,
  partition: 2,
  offset: 4,
  metadata: 6,
  metadataSize: 8,
  error: 12,
} as const;

const encoder = new TextEncoder();

/** Builds a native list, passes it to `use` and frees it. */
export function withPartitionList<T>(
  symbols: CoreSymbols,
  partitions: readonly ListEntry[],
  use: (list: Deno.PointerObject) => T,
): T {
  const list = newPartitionList(symbols, partitions);
  try {
    return use(list);
  } finally {
    symbols.rd_kafka_topic_partition_list_destroy(list);
  }
}

/** The same for a call that runs on another thread. */
export async function withPartitionListAsync<T>(
  symbols: CoreSymbols,
  partitions: readonly ListEntry[],
  use: (list: Deno.PointerObject) => Promise<T>,
): Promise<T> {
  const list = newPartitionList(symbols, partitions);
  try {
    return await use(list);
  } finally {
    symbols.rd_kafka_topic_partition_list_destroy(list);
  }
}

function newPartitionList(
  symbols: CoreSymbols,
  partitions: readonly ListEntry[],
): Deno.PointerObject {
  const list = symbols.rd_kafka_topic_partition_list_new(partitions.length);
  if (list === null) throw new Error("out of memory");
  for (const each of partitions) {
    const element = symbols.rd_kafka_topic_partition_list_add(
      list,
      cString(each.topic),
      each.partition,
    );
    const address = addressOf(element);
    const { words } = memoryAt(address, ELEMENT.words * 4);
    if (each.offset !== undefined && each.offset !== null) {
      const offset = typeof each.offset === "number"
        ? each.offset
        : LOGICAL[each.offset];
      setInt64(words, ELEMENT.offset, offset);
    }
    if (each.metadata !== undefined && each.metadata !== "") {
      const bytes = encoder.encode(each.metadata);
      // Freed with the list, by librdkafka.
      const copy = symbols.rd_kafka_mem_malloc(null, BigInt(bytes.length));
      const copyAddress = addressOf(copy);
      memoryAt(copyAddress, bytes.length).bytes.set(bytes);
      setInt64(words, ELEMENT.metadata, copyAddress);
      setInt64(words, ELEMENT.metadataSize, bytes.length);
    }
    if (each.leaderEpoch !== undefined && each.leaderEpoch !== null) {
      symbols.rd_kafka_topic_partition_set_leader_epoch(
        element,
        each.leaderEpoch,
      );
    }
  }
  return list;
}

/** Reads a native list (NULL: empty); the caller still owns it. */
export function readPartitionList(
  symbols: CoreSymbols,
  list: Deno.PointerValue,
  doing: string,
): PartitionAnswer[] {
  if (list === null) return [];
  const address = addressOf(list);
  const { words } = memoryAt(address, LIST.bytes);
  const count = words[LIST.count]!;
  const elements = addressIn(words, LIST.elements);
  return Array.from(
    { length: count },
    (_, index) =>
      readPartition(
        symbols,
        elements + index * ELEMENT.words * 4 as Address,
        doing,
      ),
  );
}

const decoder = new TextDecoder();

/** Reads one `rd_kafka_topic_partition_t`. */
export function readPartition(
  symbols: CoreSymbols,
  address: Address,
  doing: string,
): PartitionAnswer {
  const { words } = memoryAt(address, ELEMENT.words * 4);
  const partition = words[ELEMENT.partition]! | 0;
  const offset = int64In(words, ELEMENT.offset);
  const code = words[ELEMENT.error]! | 0;
  const metadataAddress = addressIn(words, ELEMENT.metadata);
  const metadataSize = int64In(words, ELEMENT.metadataSize);
  const topicAddress = addressIn(words, ELEMENT.topic);
  const leaderEpoch = symbols.rd_kafka_topic_partition_get_leader_epoch(
    pointerAt(address),
  );
  const topic = readCString(pointerAt(topicAddress)) ?? "";
  return {
    topic,
    partition,
    offset: offset < 0 ? null : offset,
    metadata: metadataAddress === 0 ? "" : readText(
      metadataAddress,
      metadataSize,
    ),
    leaderEpoch: leaderEpoch < 0 ? null : leaderEpoch,
    error: code === 0
      ? null
      : errorFromCode(symbols, code, `${doing} ${topic} [${partition}]`),
  };
}

function readText(address: Address, byteLength: number): string {
  return decoder.decode(memoryAt(address, byteLength).bytes);
}
