/** Says which fetched records belong to a lane; see `PartitionRouter`. */
import {
  type KafkaError,
  type PartitionRouter,
  type RecordGate,
  type TopicPartition,
} from "../src/kafka/mod.ts";
import { isWithin, type OffsetRanges } from "../src/pool/offset_ranges.ts";
import type { Ownership, Position } from "../src/pool/protocol.ts";

/** A gate that learns which lanes there are. */
export interface LaneGate extends RecordGate {
  /** Whether it guards no lane. */
  readonly idle: boolean;
  open(lane: number, topic: string): void;
  close(lane: number): void;
}

export type OnFetchFailure = (ownership: Ownership, error: KafkaError) => void;

const NO_ENDS: ReadonlyMap<number, number> = new Map();
const NO_PARTITION: TopicPartition = { topic: "", partition: -1 };

export class Router implements PartitionRouter {
  readonly #lanes = new Map<string, number[]>(); // by topic, by partition
  readonly #epochs: number[] = [];
  /** By lane: what was settled under an earlier ownership. */
  readonly #settled = new Map<number, OffsetRanges>();
  /** By lane: where its partition ended when that was met. */
  readonly #ends = new Map<number, number>();
  readonly #onFailure: OnFetchFailure;
  readonly #gate: LaneGate | undefined;
  readonly partitions: TopicPartition[] = [];
  next = new Float64Array(64);

  constructor(onFailure: OnFetchFailure, gate?: LaneGate) {
    this.#onFailure = onFailure;
    this.#gate = gate;
  }

  get gate(): RecordGate | undefined {
    return this.#gate?.idle ? undefined : this.#gate;
  }

  get skips(): ((lane: number, offset: number) => boolean) | undefined {
    return this.#settled.size > 0 ? this.#skips : undefined;
  }

  get empty(): boolean {
    return this.#lanes.size === 0;
  }

  laneOf(topic: string, partition: number): number {
    return this.#lanes.get(topic)?.[partition] ?? -1;
  }

  open(lane: number, position: Position): void {
    if (lane >= this.next.length) {
      const grown = new Float64Array(lane * 2);
      grown.set(this.next);
      this.next = grown;
    }
    const { topic, partition } = position.tp;
    const ofTopic = this.#lanes.get(topic) ?? [];
    ofTopic[partition] = lane;
    this.#lanes.set(topic, ofTopic);
    this.partitions[lane] = position.tp;
    this.#epochs[lane] = position.epoch;
    this.next[lane] = position.next;
    if (position.beyond.length > 0) this.#settled.set(lane, position.beyond);
    else this.#settled.delete(lane);
    this.#gate?.open(lane, topic);
  }

  /** The lane of an ownership that is still open, or -1. */
  find({ tp, epoch }: Ownership): number {
    const lane = this.laneOf(tp.topic, tp.partition);
    return this.#epochs[lane] === epoch ? lane : -1;
  }

  /** No record of this lane is taken any more. */
  close(lane: number): void {
    const { topic, partition } = this.partitions[lane] ?? NO_PARTITION;
    const ofTopic = this.#lanes.get(topic);
    if (ofTopic?.[partition] !== lane) return;
    // A batch that is being made may have looked it up before.
    this.next[lane] = Infinity;
    this.#gate?.close(lane);
    this.#ends.delete(lane);
    delete ofTopic[partition];
    if (Object.keys(ofTopic).length === 0) this.#lanes.delete(topic);
  }

  failed(tp: TopicPartition, error: KafkaError): void {
    const lane = this.laneOf(tp.topic, tp.partition);
    if (lane >= 0) this.#onFailure({ tp, epoch: this.#epochs[lane]! }, error);
  }

  ended(lane: number, offset: number): void {
    if (offset > this.next[lane]!) this.#ends.set(lane, offset);
  }

  /**
   * The ends that were met since the last call above the last record, by lane:
   * there are no records up to there but those that were taken.
   */
  takeEnds(): ReadonlyMap<number, number> {
    if (this.#ends.size === 0) return NO_ENDS;
    const ends = new Map(this.#ends);
    this.#ends.clear();
    return ends;
  }

  #skips = (lane: number, offset: number): boolean => {
    const ranges = this.#settled.get(lane);
    if (ranges === undefined) return false;
    if (offset >= ranges.at(-1)!) this.#settled.delete(lane);
    return isWithin(ranges, offset);
  };
}
