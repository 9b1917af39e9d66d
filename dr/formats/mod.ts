/**
 * MirrorMaker 2's formats, names and decisions, as of Apache Kafka 4.3.1. All
 * of it is pure.
 */
export {
  compileJavaPattern,
  PatternError,
} from "../../src/config/java_pattern.ts";
export * from "./checkpoint.ts";
export * from "./client_id.ts";
export * from "./config_filter.ts";
export * from "./connect_offset.ts";
export * from "./errors.ts";
export type { Entry } from "./fields.ts";
export * from "./filters.ts";
export * from "./heartbeat.ts";
export * from "./namespace.ts";
export * from "./offset_sync.ts";
export * from "./policy.ts";
export * from "./selection.ts";
export * from "./sync_store.ts";
export * from "./sync_writer.ts";
export * from "./topics.ts";
