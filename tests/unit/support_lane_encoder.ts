/** Writes records of a lane log, from the description in `tests/mirror/lane_record.ts`. */
import type { LanePartition, LaneRecord } from "../mirror/lane_record.ts";

const encoder = new TextEncoder();

/** One entry for each partition, its topic said again each time. */
export function encodeLaneRecord(record: LaneRecord): Uint8Array {
  const { kind, era, part, parts, partitions } = record;
  const bytes = [1, kind === "delta" ? 0 : 1];
  for (const value of [era, part, parts, partitions.length]) {
    varint(bytes, value);
  }
  for (const each of partitions) encodePartition(bytes, each);
  return Uint8Array.from(bytes);
}

function encodePartition(bytes: number[], given: LanePartition): void {
  const { topic, topicId, partition, position, leaderEpoch, runs } = given;
  const name = encoder.encode(topic);
  varint(bytes, name.length);
  bytes.push(...name, ...Uint8Array.fromHex(topicId));
  const epoch = leaderEpoch === null ? 0 : leaderEpoch + 1;
  for (const value of [1, partition, position, epoch, runs.length]) {
    varint(bytes, value);
  }
  let up = 0;
  let down = 0;
  for (const { upstream, downstream, length } of runs) {
    varint(bytes, upstream - up);
    const step = downstream - down;
    varint(bytes, step >= 0 ? 2 * step : -2 * step - 1);
    varint(bytes, length);
    up = upstream + length;
    down = downstream + length;
  }
}

function varint(bytes: number[], value: number): void {
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    bytes.push(rest % 128 + 128);
  }
  bytes.push(rest);
}
