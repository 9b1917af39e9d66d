/** Where reading the logs of lanes stands, and what may come next. */
import {
  ErrorCode,
  type KafkaError,
  type PartitionRouter,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import type { LaneRecord } from "./lane_record.ts";
import { LaneLogError } from "./offset_map.ts";

export class LaneRoute implements PartitionRouter {
  readonly lanes: readonly number[];
  /** By lane. */
  readonly partitions: TopicPartition[] = [];
  readonly next: Float64Array;
  /** What makes reading on vain. */
  failure: KafkaError | null = null;
  readonly #topic: string;
  /** Offsets of the ends that were met. */
  readonly #ends: Float64Array;
  /** Everything below was applied. */
  readonly #applied: Float64Array;
  readonly #lacksBeginning = new Set<number>();
  #cut = new Set<number>();

  constructor(topic: string, lanes: readonly number[]) {
    this.#topic = topic;
    this.lanes = lanes;
    const size = Math.max(-1, ...lanes) + 1;
    this.next = new Float64Array(size);
    this.#ends = new Float64Array(size);
    this.#applied = new Float64Array(size);
    for (const lane of lanes) {
      this.partitions[lane] = { topic, partition: lane };
    }
  }

  /** @param lacksBeginning records were deleted, so a snapshot must be first */
  begin(lane: number, lacksBeginning: boolean): void {
    this.next[lane] = this.#ends[lane] = this.#applied[lane] = 0;
    if (lacksBeginning) this.#lacksBeginning.add(lane);
  }

  /** Call it when what was routed has been applied. */
  settle(): void {
    for (const lane of this.lanes) {
      this.#applied[lane] = Math.max(this.next[lane]!, this.#ends[lane]!);
    }
  }

  /**
   * Whether everything below `end` was applied.
   * @throws {LaneLogError} where that cannot be all that there was.
   */
  hasAll(lane: number, end: number): boolean {
    if (this.#applied[lane]! < end) return false;
    if (this.#lacksBeginning.has(lane)) throw lacksBeginning(lane);
    return true;
  }

  /** @throws {LaneLogError} where `record` cannot be the first one. */
  expect(lane: number, { kind, part }: LaneRecord): void {
    if (!this.#lacksBeginning.has(lane)) return;
    if (kind !== "snapshot" || part !== 0) {
      throw lacksBeginning(lane);
    }
    this.#lacksBeginning.delete(lane);
  }

  /** Lanes whose next record was deleted before it was read. */
  takeCut(): Iterable<number> {
    const cut = this.#cut;
    if (cut.size > 0) this.#cut = new Set();
    return cut;
  }

  laneOf(topic: string, partition: number): number {
    const isOurs = topic === this.#topic &&
      this.partitions[partition] !== undefined;
    return isOurs ? partition : -1;
  }

  failed({ partition: lane }: TopicPartition, error: KafkaError): void {
    switch (error.code) {
      case ErrorCode.autoOffsetReset:
      case ErrorCode.offsetOutOfRange:
        this.#cut.add(lane);
        return;
      default:
        if (!error.retriable) this.failure ??= error;
    }
  }

  ended(lane: number, offset: number): void {
    this.#ends[lane] = Math.max(this.#ends[lane]!, offset);
  }
}

const lacksBeginning = (lane: number) =>
  new LaneLogError(
    `lane ${lane}: records of its log were deleted, and no snapshot stands first`,
  );
