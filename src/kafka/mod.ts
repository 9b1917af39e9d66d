/**
 * Kafka for the rest of Switchyard. Only this folder knows pointers; everything
 * it hands out is plain data or a class with a life of its own.
 */
export * from "./admin.ts";
export type * from "./admin/mod.ts";
export * from "./batch.ts";
export type { OauthToken, Watermarks } from "./client.ts";
export * from "./consumer.ts";
export * from "./errors.ts";
export type { ClientEvent, ClientLog } from "./events.ts";
export { GroupMembership } from "./group_membership.ts";
export type { QueueHandle } from "./handle.ts";
export * from "./inbox.ts";
export * from "./open_inbox.ts";
export { verifyLayout } from "./layout.ts";
export { type Library, openLibrary } from "./library.ts";
export type { NativeBlock } from "./memory.ts";
export type { Header, OutputRecord, ReadHeader } from "./message.ts";
export type { ClusterMetadata, TopicMetadata } from "./metadata.ts";
export * from "./mock_cluster.ts";
export * from "./outbox.ts";
export type {
  Offset,
  PartitionAnswer,
  PartitionOffset,
  TopicPartition,
} from "./partition_list.ts";
export type { PartitionRouter, RecordGate } from "./partition_router.ts";
export * from "./producer.ts";
export * from "./properties.ts";
export { EncodingError } from "./text.ts";
export * from "./topic_reader.ts";
