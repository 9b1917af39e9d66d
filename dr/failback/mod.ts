/** Makes the primary the active cluster again, with all that it had. */
export * from "./compose.ts";
export * from "./errors.ts";
export * from "./fail_back.ts";
export * from "./replay_records.ts";
export * from "./stage.ts";
export * from "./tail_plan.ts";
export * from "./open_switch.ts";
export * from "./switch_back.ts";
