/** Which records of a source became which of its mirror's target. */
export * from "./copy_of.ts";
export * from "./follower.ts";
export * from "./lane_record.ts";
export { LaneRecordError } from "./lane_record_error.ts";
export * from "./offset_map.ts";
export type { PartitionDelta } from "./partition_delta.ts";
export * from "./read_map.ts";
export * from "./runs.ts";
