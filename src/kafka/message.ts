/**
 * `rd_kafka_message_t`, in 32-bit words (72 bytes, rdkafka.h). `layout.ts`
 * asserts this against the library at start-up.
 */
export const MESSAGE = {
  bytes: 72,
  words: 18,
  error: 0,
  topic: 2,
  partition: 4,
  payload: 6,
  payloadLength: 8,
  key: 10,
  keyLength: 12,
  offset: 14,
  opaque: 16,
} as const;

/** `rd_kafka_vu_t`: a type and a union of up to three words of 64 bits. */
export const ARGUMENT = {
  bytes: 72,
  words: 18,
  type: 0,
  first: 2,
  second: 4,
  third: 6,
} as const;

/** `rd_kafka_vtype_t`. */
export const ArgumentType = {
  topic: 2, // RKT
  partition: 3,
  value: 4,
  key: 5,
  opaque: 6,
  flags: 7,
  timestamp: 8,
  header: 9,
  headers: 10,
} as const;

/** `RD_KAFKA_MSG_F_*`. */
export const MessageFlag = { copy: 0x2, partition: 0x8 } as const;

/** `RD_KAFKA_PARTITION_UA`: let the partitioner choose. */
export const ANY_PARTITION = -1;

export interface Header {
  readonly key: string;
  readonly value: Uint8Array | string | null;
}

/** A header as read: its value is always bytes. */
export interface ReadHeader {
  readonly key: string;
  readonly value: Uint8Array<ArrayBuffer> | null;
}

/** A record to be produced. */
export interface OutputRecord {
  readonly topic: string;
  readonly key?: string | Uint8Array | null | undefined;
  readonly value: string | Uint8Array | null;
  readonly headers?: readonly Header[] | undefined;
  /** Milliseconds since the epoch; absent: when it is produced. */
  readonly timestampMs?: number | undefined;
  /** Absent: chosen by the key (murmur2, as Java's producer does). */
  readonly partition?: number | undefined;
}
