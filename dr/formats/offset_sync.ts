/**
 * Records of MirrorMaker 2's offset-syncs topic.
 *
 *     key    topic STRING, partition INT32      both as on the source
 *     value  upstreamOffset INT64, offset INT64     without a version
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { type Entry, FieldReader, FieldWriter } from "./fields.ts";

/** The record at `upstream` was written at `downstream`. */
export interface OffsetPair {
  readonly upstream: number;
  readonly downstream: number;
}

/** `topic` and `partition` are those of the source. */
export interface OffsetSync extends TopicPartition, OffsetPair {}

/** @throws {RangeError} for what no topic, partition or offset can be */
export function encodeOffsetSync(sync: OffsetSync): Entry {
  return {
    key: new FieldWriter().string(sync.topic).int32(sync.partition).done(),
    value: new FieldWriter().int64(sync.upstream).int64(sync.downstream).done(),
  };
}

/**
 * What follows the known fields is passed over, as Java does.
 * @returns null for a record without a value
 * @throws {FormatError}
 */
export function decodeOffsetSync(
  key: Uint8Array | null,
  value: Uint8Array | null,
): OffsetSync | null {
  const keys = new FieldReader(key, "the key of an offset sync");
  const topic = keys.string("topic");
  const partition = keys.int32("partition");
  if (value === null) return null;
  const values = new FieldReader(value, "an offset sync");
  const upstream = values.int64("upstream offset");
  const downstream = values.int64("downstream offset");
  return { topic, partition, upstream, downstream };
}
