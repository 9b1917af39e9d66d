/** Reads `struct rd_kafka_metadata` (rdkafka.h): what one broker has told. */
import type { PartitionDescription } from "./admin/topics.ts";
import { errorFromCode, type KafkaError } from "./errors.ts";
import {
  type Address,
  addressIn,
  memoryAt,
  pointerAt,
  readCString,
} from "./memory.ts";
import type { CoreSymbols } from "./symbols.ts";

export interface ClusterMetadata {
  readonly brokers: readonly {
    readonly id: number;
    readonly host: string;
    readonly port: number;
  }[];
  readonly topics: readonly TopicMetadata[];
}

export interface TopicMetadata {
  readonly topic: string;
  readonly error: KafkaError | null;
  readonly partitions: readonly PartitionDescription[];
}

// In 32-bit words: broker_cnt 0, brokers 2, topic_cnt 4, topics 6.
const METADATA_BYTES = 32;
// id 0, host 2, port 4.
const BROKER_WORDS = 6;
// topic 0, partition_cnt 2, partitions 4, err 6.
const TOPIC_WORDS = 8;
// id 0, err 1, leader 2, replica_cnt 3, replicas 4, isr_cnt 6, isrs 8.
const PARTITION_WORDS = 10;

/** The caller still owns it. */
export function readMetadata(
  symbols: CoreSymbols,
  metadata: Address,
): ClusterMetadata {
  const { words } = memoryAt(metadata, METADATA_BYTES);
  return {
    brokers: readBrokers(metadata),
    topics: entries(words, 4, 6, TOPIC_WORDS).map((topic) => {
      const name = text(topic, 0);
      const code = topic[6]! | 0;
      return {
        topic: name,
        error: code === 0
          ? null
          : errorFromCode(symbols, code, `metadata of "${name}"`),
        partitions: entries(topic, 2, 4, PARTITION_WORDS).map(partition),
      };
    }),
  };
}

export function readBrokers(metadata: Address): ClusterMetadata["brokers"] {
  const { words } = memoryAt(metadata, METADATA_BYTES);
  return entries(words, 0, 2, BROKER_WORDS).map((broker) => ({
    id: broker[0]! | 0,
    host: text(broker, 2),
    port: broker[4]! | 0,
  }));
}

/** By topic; those that the broker says cannot be used are left out. */
export function readPartitionCounts(metadata: Address): Map<string, number> {
  const { words } = memoryAt(metadata, METADATA_BYTES);
  return new Map(
    entries(words, 4, 6, TOPIC_WORDS)
      .filter((topic) => (topic[6]! | 0) === 0)
      .map((topic) => [text(topic, 0), topic[2]!]),
  );
}

function partition(words: Uint32Array): PartitionDescription {
  const leader = words[2]! | 0;
  return {
    partition: words[0]! | 0,
    leader: leader < 0 ? null : leader,
    replicas: entries(words, 3, 4, 1).map(([id]) => id! | 0),
    inSyncReplicas: entries(words, 6, 8, 1).map(([id]) => id! | 0),
  };
}

/** The elements of an array, whose count and address stand at these words. */
function entries(
  words: Uint32Array,
  count: number,
  address: number,
  each: number,
): Uint32Array[] {
  const length = words[count]!;
  if (length === 0) return [];
  const all = memoryAt(addressIn(words, address), length * each * 4).words;
  return Array.from(
    { length },
    (_, at) => all.subarray(at * each, (at + 1) * each),
  );
}

function text(words: Uint32Array, at: number): string {
  const address = addressIn(words, at);
  return address === 0 ? "" : readCString(pointerAt(address)) ?? "";
}
