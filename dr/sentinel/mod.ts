/** Whether to move everybody to the other cluster. */
export * from "./abandoned.ts";
export * from "./decide.ts";
export * from "./mirror_lag.ts";
export * from "./policy.ts";
export * from "./sentinel.ts";
export * from "./status.ts";
export * from "./switcher.ts";
export { type Tally, tally } from "./tally.ts";
