export { type Halt, type PoolOptions, PoolStartError } from "./options.ts";
export type { DoneOutputs } from "./done_outputs.ts";
export { Pool } from "./pool.ts";
export type { JobCoordinates, StreamJob, WorkerLimits } from "./protocol.ts";
export type { Rates } from "./rate_limit.ts";
export type { OffsetReset } from "./start_offsets.ts";
export * from "./status.ts";
export { jobCoordinates } from "./topic_ids.ts";
