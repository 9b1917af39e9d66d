/**
 * Keeps the log of a lane short: now and then all that it says is written anew,
 * as a snapshot, and what stood before is deleted.
 */
import type { TransactionNote } from "../../src/pool/protocol.ts";
import type { Log } from "../../src/telemetry/log.ts";
import {
  decodeLaneRecord,
  encodeSnapshot,
  type LaneRecord,
  type LaneSnapshot,
  type OffsetMap,
  type PartitionDelta,
  type PartitionPosition,
} from "../offset_map/mod.ts";
import type { LaneState } from "./lane_state.ts";
import { laneOf } from "./names.ts";

export interface LaneLogKeeperParts {
  readonly lane: number;
  readonly lanes: number;
  readonly state: LaneState;
  /** Upstream offsets below that need not be translated any more; 0: all must. */
  readonly neededFrom: (partition: SourceTopicPartition) => number;
  /** Deletes the records of the lane's log below `offset`. */
  readonly deleteBelow: (lane: number, offset: number) => Promise<void>;
  readonly log: Log;
}

type SourceTopicPartition = Pick<
  PartitionDelta,
  "topic" | "topicId" | "partition"
>;

/** Of deltas, between two snapshots. */
const SNAPSHOT_EVERY_BYTES = 4 * 2 ** 20;
/** Well below what brokers take by default. */
const PART_BYTES = 512 * 1024;
/** Of one partition: what is older is trimmed, needed or not, and said to be so. */
const MOST_RUNS = 10_000;

export class LaneLogKeeper {
  readonly #parts: LaneLogKeeperParts;
  readonly #map: OffsetMap;
  #bytes: number;
  #writing: readonly Uint8Array[] | null = null;
  #logStart: number | null = null;

  constructor(parts: LaneLogKeeperParts) {
    this.#parts = parts;
    this.#map = parts.state.map;
    this.#bytes = parts.state.logBytes;
  }

  /** A transaction of the lane is committed. */
  committed(record: LaneRecord, note: TransactionNote): void {
    const { lane } = this.#parts;
    if (this.#writing !== null) {
      // It was in this transaction, and what is known is trimmed like the log.
      for (const part of this.#writing) {
        this.#map.apply(lane, decodeLaneRecord(part));
      }
      this.#writing = null;
      this.#bytes = 0;
    }
    this.#map.apply(lane, record);
    this.#bytes += note.delta.length;
    if (note.logStart === null || note.logStart === this.#logStart) return;
    this.#logStart = note.logStart;
    this.#delete(note.logStart);
  }

  /** What the next transaction is to write; null: nothing. */
  snapshot(): readonly Uint8Array[] | null {
    if (this.#writing !== null || this.#bytes < SNAPSHOT_EVERY_BYTES) {
      return null;
    }
    const { era, partitions } = this.#trimmed();
    this.#writing = encodeSnapshot(era, partitions, PART_BYTES);
    return this.#writing;
  }

  #trimmed(): LaneSnapshot {
    const { lane, lanes } = this.#parts;
    const owns = (each: PartitionPosition) => laneOf(each, lanes) === lane;
    const whole = this.#map.snapshotOf(lane, { owns });
    const from = new Map(
      whole.partitions.map((each): [string, number] => [
        keyOf(each),
        keptFrom(each, this.#parts.neededFrom(each)),
      ]).filter(([, offset]) => offset > 0),
    );
    if (from.size === 0) return whole;
    return this.#map.snapshotOf(lane, {
      owns,
      keepFrom: (each) => from.get(keyOf(each)) ?? 0,
    });
  }

  async #delete(offset: number): Promise<void> {
    const { deleteBelow, lane, log } = this.#parts;
    try {
      await deleteBelow(lane, offset);
    } catch (error) {
      // The next snapshot tries again.
      log.warn("the log of a lane cannot be shortened", { lane, error });
    }
  }
}

const keyOf = ({ topic, topicId, partition }: SourceTopicPartition) =>
  `${topicId} ${topic}-${partition}`;

/** The last record that was mirrored stays known: offset syncs name it. */
function keptFrom({ runs }: PartitionDelta, neededFrom: number): number {
  const last = runs.at(-1);
  if (last === undefined) return 0;
  const most = runs.length > MOST_RUNS ? runs.at(-MOST_RUNS)!.upstream : 0;
  const newest = last.upstream + Math.max(0, last.length - 1);
  return Math.min(Math.max(neededFrom, most), newest);
}
