/** Consistent cuts, the release of group positions, and MM2's own records. */
export * from "./checkpoints.ts";
export * from "./compose.ts";
export * from "./cut.ts";
export { type CutId, cutsTopic } from "./cut_records.ts";
export * from "./cut_store.ts";
export * from "./heartbeats.ts";
export { CheckpointHistory } from "./history.ts";
export * from "./leader.ts";
export * from "./offset_syncs.ts";
export * from "./pending.ts";
export * from "./plan.ts";
export * from "./record_writer.ts";
export * from "./release.ts";
export * from "./sampler.ts";
export * from "./settled.ts";
export * from "./source_cluster.ts";
export * from "./target_cluster.ts";
export * from "./types.ts";
