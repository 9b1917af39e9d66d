/**
 * What applications import as "switchyard/follow": a producer, a consumer and a
 * processor that follow the active cluster.
 *
 * ```ts
 * import {
 *   ActiveCluster,
 *   FollowingConsumer,
 *   FollowingProducer,
 * } from "switchyard/follow";
 *
 * await using active = await ActiveCluster.open({
 *   primary: { kafka: { "bootstrap.servers": "primary:9092" } },
 *   secondary: { kafka: { "bootstrap.servers": "secondary:9092" } },
 * }, signal);
 * await using producer = new FollowingProducer(active, { onSwitch: "resend" });
 * await producer.send({ topic: "orders", key: "7", value: "..." }, signal);
 * ```
 */
export * from "./active_cluster.ts";
export type { Stay } from "./course.ts";
export * from "./errors.ts";
export * from "./following_consumer.ts";
export * from "./following_processor.ts";
export * from "./following_producer.ts";
export type { FollowingConsumerOptions } from "./stay_readers.ts";
export type { FollowedBatch } from "./followed_batch.ts";
export type { FollowedRecord } from "./records.ts";
export type { OnSwitch, RecordPlace } from "./unacknowledged.ts";
export type * from "./types.ts";
export type { ClusterName } from "../state/types.ts";
export {
  type Header,
  KafkaError,
  type OutputRecord,
  PropertyError,
} from "../../src/kafka/mod.ts";
