/**
 * The records of a lane's log, as bytes (version 1). Each transaction of a lane
 * writes one delta: what it mirrored. Now and then a snapshot follows, in parts
 * of one transaction, and the records before it are deleted.
 *
 *     record:    byte version=1 | byte kind (0 delta, 1 snapshot) | varint era
 *                varint part | varint parts | varint count of topics
 *     topic:     text source topic | 16 bytes topic id | varint count of partitions
 *     partition: varint partition | varint position | varint leader epoch + 1
 *                varint count of runs
 *     run:       varint upstream - upstream end of the partition's run before
 *                signed downstream - downstream end of it | varint length
 *
 * The leader epoch is that of the last record that was mirrored from below the
 * position; 0 stands for one that is not known. The first run of a partition in a
 * record counts from 0 and 0; a run of length 0 is a mark (`runs.ts`). A partition
 * of many runs may go on in the next part of a snapshot.
 */
import { ByteReader, ByteWriter, MAX_OFFSET } from "./bytes.ts";
import { LaneRecordError } from "./lane_record_error.ts";
import {
  byTopic,
  checkedOffset,
  type PartitionDelta,
  stepTo,
} from "./partition_delta.ts";
import type { Run } from "./runs.ts";
import { inParts } from "./snapshot_parts.ts";

export interface LaneRecord {
  readonly kind: "delta" | "snapshot";
  readonly era: number;
  /** From 0; of a delta 0 of 1. */
  readonly part: number;
  readonly parts: number;
  readonly partitions: readonly PartitionDelta[];
}

const VERSION = 1;
const KINDS = ["delta", "snapshot"] as const;
const ID_BYTES = 16;
const MAX_INT32 = 2 ** 31 - 1;

/** Used again for each record: a lane writes many, and none while another is. */
const writer = new ByteWriter();

/**
 * The order of partitions within a topic is kept.
 * @throws {RangeError} for numbers that are no offsets (from 0 to 2^52 - 1) or
 * epochs (to 2^31 - 1), a topic id that is none, and runs that do not ascend.
 */
export function encodeDelta(
  era: number,
  deltas: readonly PartitionDelta[],
): Uint8Array<ArrayBuffer> {
  return encode("delta", era, 0, 1, deltas);
}

/**
 * A snapshot in as few records as have at most `maxBytes` each; at least one.
 * @throws {RangeError} as `encodeDelta`, and where `maxBytes` has no room for a
 * topic's name and a run.
 */
export function encodeSnapshot(
  era: number,
  partitions: readonly PartitionDelta[],
  maxBytes: number,
): Uint8Array<ArrayBuffer>[] {
  const parts = inParts(partitions, maxBytes);
  return parts.map((each, part) =>
    encode("snapshot", era, part, parts.length, each)
  );
}

/** @throws {LaneRecordError} */
export function decodeLaneRecord(bytes: Uint8Array): LaneRecord {
  const reader = new ByteReader(bytes);
  const version = reader.byte();
  if (version !== VERSION) {
    throw new LaneRecordError(
      "version",
      `it has version ${version}, and ${VERSION} is the only one known here`,
    );
  }
  const kind = KINDS[reader.byte()];
  const era = reader.varint(MAX_OFFSET);
  const part = reader.varint();
  const parts = reader.varint();
  const isWhole = kind === "delta" ? parts === 1 : parts <= MAX_INT32;
  if (kind === undefined || part >= parts || !isWhole) {
    throw new LaneRecordError(
      "malformed",
      `there is no part ${part} of ${parts} in a ${kind ?? "record"}`,
    );
  }
  const partitions: PartitionDelta[] = [];
  for (let topics = reader.varint(); topics > 0; topics--) {
    const topic = reader.text();
    const topicId = reader.raw(ID_BYTES)
      .toBase64({ alphabet: "base64url", omitPadding: true });
    for (let count = reader.varint(); count > 0; count--) {
      const partition = reader.varint(MAX_INT32);
      const position = reader.varint(MAX_OFFSET);
      const epoch = reader.varint(MAX_INT32 + 1);
      const leaderEpoch = epoch === 0 ? null : epoch - 1;
      const runs = readRuns(reader);
      const read = { topic, topicId, partition, position, leaderEpoch, runs };
      partitions.push(read);
    }
  }
  if (reader.left > 0) {
    throw new LaneRecordError(
      "malformed",
      `${reader.left} bytes follow its end`,
    );
  }
  return { kind, era, part, parts, partitions };
}

function readRuns(reader: ByteReader): Run[] {
  const runs: Run[] = [];
  let upstreamEnd = 0;
  let downstreamEnd = 0;
  for (let count = reader.varint(); count > 0; count--) {
    const upstream = upstreamEnd + reader.varint();
    const downstream = downstreamEnd + reader.zigzag();
    const length = reader.varint();
    upstreamEnd = upstream + length;
    downstreamEnd = downstream + length;
    if (
      downstream < 0 || upstreamEnd > MAX_OFFSET || downstreamEnd > MAX_OFFSET
    ) {
      throw new LaneRecordError(
        "malformed",
        `no run: ${length} from ${upstream} -> ${downstream}`,
      );
    }
    runs.push({ upstream, downstream, length });
  }
  return runs;
}

function encode(
  kind: LaneRecord["kind"],
  era: number,
  part: number,
  parts: number,
  deltas: readonly PartitionDelta[],
): Uint8Array<ArrayBuffer> {
  const topics = byTopic(deltas);
  writer.clear();
  writer.byte(VERSION);
  writer.byte(KINDS.indexOf(kind));
  writer.varint(checkedOffset(era, "era"));
  writer.varint(part);
  writer.varint(parts);
  writer.varint(topics.length);
  for (const partitions of topics) {
    const { topic, topicId } = partitions[0]!;
    writer.text(topic);
    writer.raw(idBytes(topicId));
    writer.varint(partitions.length);
    for (const { partition, position, leaderEpoch, runs } of partitions) {
      writer.varint(checkedOffset(partition, "partition", MAX_INT32));
      writer.varint(checkedOffset(position, "position"));
      writer.varint(
        leaderEpoch === null
          ? 0
          : checkedOffset(leaderEpoch, "leader epoch", MAX_INT32) + 1,
      );
      writeRuns(runs);
    }
  }
  return writer.taken();
}

function writeRuns(runs: readonly Run[]): void {
  writer.varint(runs.length);
  let before: Run | undefined;
  for (const run of runs) {
    const { upstream, downstream, length } = stepTo(run, before);
    writer.varint(upstream);
    writer.zigzag(downstream);
    writer.varint(length);
    before = run;
  }
}

/** @throws {RangeError} */
function idBytes(topicId: string): Uint8Array {
  let bytes: Uint8Array | null = null;
  try {
    bytes = Uint8Array.fromBase64(topicId, { alphabet: "base64url" });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (bytes?.length === ID_BYTES) return bytes;
  throw new RangeError(`no topic id: "${topicId}"`);
}
