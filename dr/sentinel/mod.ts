/** Whether to move everybody to the other cluster. */
export * from "./decide.ts";
export * from "./mirror_lag.ts";
export * from "./policy.ts";
export { type Tally, tally } from "./tally.ts";
