/**
 * Records of `<source>.checkpoints.internal`: where a group of the source
 * would go on on the target.
 *
 *     key    group STRING, topic STRING, partition INT32   as on the target
 *     value  version INT16 = 0, upstreamOffset INT64, offset INT64,
 *            metadata STRING
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { type Entry, FieldReader, FieldWriter } from "./fields.ts";
import type { OffsetPair } from "./offset_sync.ts";

/**
 * `topic` is the name on the target, `upstream` the group's offset on the
 * source and `downstream` the one on the target.
 */
export interface Checkpoint extends TopicPartition, OffsetPair {
  readonly group: string;
  /** Of the group's commit; "" where there is none. */
  readonly metadata: string;
}

/**
 * @throws {RangeError} for what no group, topic, partition or offset can be,
 * and for metadata above 32,767 bytes
 */
export function encodeCheckpoint(checkpoint: Checkpoint): Entry {
  const { group, topic, partition, upstream, downstream, metadata } =
    checkpoint;
  return {
    key: new FieldWriter().string(group).string(topic).int32(partition).done(),
    value: new FieldWriter().int16(0).int64(upstream).int64(downstream)
      .string(metadata).done(),
  };
}

/**
 * What follows the known fields is passed over, as Java does.
 * @returns null for a record without a value
 * @throws {FormatError}
 */
export function decodeCheckpoint(
  key: Uint8Array | null,
  value: Uint8Array | null,
): Checkpoint | null {
  const keys = new FieldReader(key, "the key of a checkpoint");
  const group = keys.string("group");
  const topic = keys.string("topic");
  const partition = keys.int32("partition");
  if (value === null) return null;
  const values = new FieldReader(value, "a checkpoint");
  values.version();
  const upstream = values.int64("upstream offset");
  const downstream = values.int64("downstream offset");
  const metadata = values.string("metadata");
  return { group, topic, partition, upstream, downstream, metadata };
}
