export { type Halt, type PoolOptions, PoolStartError } from "./options.ts";
export { Pool } from "./pool.ts";
export type { StreamJob, WorkerLimits } from "./protocol.ts";
export type { Rates } from "./rate_limit.ts";
export type { OffsetReset } from "./start_offsets.ts";
export * from "./status.ts";
