/** Records as applications get them: copies, which stay valid. */
import type { Batch, ReadHeader, TopicPartition } from "../../src/kafka/mod.ts";
import type { Ownership, Ownerships } from "./ownerships.ts";

export interface FollowedRecord extends TopicPartition {
  readonly offset: number;
  /** Milliseconds since the epoch; -1 where the record has none. */
  readonly timestampMs: number;
  readonly key: Uint8Array<ArrayBuffer> | null;
  /** Null for a tombstone. */
  readonly value: Uint8Array<ArrayBuffer> | null;
  readonly headers: readonly ReadHeader[];
}

/** The batch, which was just taken, is not needed any more after this. */
export function recordsOf(batch: Batch, ownerships: Ownerships) {
  const records: FollowedRecord[] = [];
  const firsts = new Map<Ownership, number>();
  const positions = new Map<Ownership, number>();
  for (let index = 0; index < batch.count; index++) {
    const offset = batch.offset(index);
    records.push({
      ...batch.tp(index),
      offset,
      timestampMs: batch.timestamp(index),
      key: batch.key(index),
      value: batch.value(index),
      headers: batch.headers(index),
    });
    const ownership = ownerships.ofLane(batch.lanes[index]!);
    if (!firsts.has(ownership)) firsts.set(ownership, offset);
    positions.set(ownership, offset + 1);
  }
  return { records, firsts, positions };
}
