/** Tries out what would happen: a fault, under load, judged from outside. */
export type { Evidence } from "./judge.ts";
export * from "./errors.ts";
export * from "./report_text.ts";
export * from "./run_drill.ts";
export * from "./scenarios.ts";
export * from "./types.ts";
export * from "./soak.ts";
