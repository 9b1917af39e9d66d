/** Makes the other cluster the active one. */
export * from "./compose.ts";
export * from "./done_records.ts";
export { type DoneTopicParts, readDone, readDoneLog } from "./done_topic.ts";
export * from "./errors.ts";
export * from "./fail_over.ts";
