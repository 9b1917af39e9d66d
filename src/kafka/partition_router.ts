/** What a worker tells about the partitions that it reads. */
import type { KafkaError } from "./errors.ts";
import type { TopicPartition } from "./partition_list.ts";

/**
 * Says which fetched records count. A lane is a small number for a partition
 * that the worker owns; what belongs to no lane, or lies below the lane's next
 * offset, was fetched under an earlier ownership and is dropped.
 */
export interface PartitionRouter {
  /** The lane of a partition, or -1. */
  laneOf(topic: string, partition: number): number;
  readonly partitions: readonly TopicPartition[];
  /** By lane: the next offset that is expected; a batch moves it on. */
  readonly next: Float64Array;
  /** Whether a record above `next` is not expected either; absent: none is. */
  readonly skips?: ((lane: number, offset: number) => boolean) | undefined;
  /** Asked last, of records that are expected; absent: it would admit all. */
  readonly gate?: RecordGate | undefined;
  /** A fetch error of one partition. */
  failed(tp: TopicPartition, error: KafkaError): void;
  /**
   * With `enable.partition.eof`: below `offset` the partition has no records but
   * those that came before, and none yet from there on.
   */
  ended?(lane: number, offset: number): void;
}

/** Decides by headers whether records may be taken yet. */
export interface RecordGate {
  /** Their names. */
  readonly headers: readonly string[];
  /** Whether it wants to see the records of a lane. */
  guards(lane: number): boolean;
  /**
   * A record that it does not admit is dropped, as one that a lane skips; it is
   * fetched again where the lane goes on below it.
   * @param values of the last header of each name; null: there is none
   */
  admits(lane: number, ...values: (string | null)[]): boolean;
}
