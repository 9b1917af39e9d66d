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
  type PartitionPosition,
} from "../offset_map/mod.ts";
import type { LaneState } from "./lane_state.ts";
import { laneOf } from "./names.ts";

export interface LaneLogKeeperParts {
  readonly lane: number;
  readonly lanes: number;
  readonly state: LaneState;
  /** Deletes the records of the lane's log below `offset`. */
  readonly deleteBelow: (lane: number, offset: number) => Promise<void>;
  readonly log: Log;
}

/** Of deltas, between two snapshots. */
const SNAPSHOT_EVERY_BYTES = 4 * 2 ** 20;
/** Well below what brokers take by default. */
const PART_BYTES = 512 * 1024;
/** Of one partition: what is older is trimmed, and said to be so. */
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
      whole.partitions.filter(({ runs }) => runs.length > MOST_RUNS)
        .map(({ topic, topicId, partition, runs }) => [
          `${topicId} ${topic}-${partition}`,
          runs.at(-MOST_RUNS)!.upstream,
        ]),
    );
    if (from.size === 0) return whole;
    return this.#map.snapshotOf(lane, {
      owns,
      keepFrom: ({ topic, topicId, partition }) =>
        from.get(`${topicId} ${topic}-${partition}`) ?? 0,
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
