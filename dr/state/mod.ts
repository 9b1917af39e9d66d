/**
 * Which cluster is in use, since when and why; and what those who watch the
 * clusters think of them.
 */
export { HISTORY_TOPIC, STATE_TOPIC, VOTES_TOPIC } from "../formats/mod.ts";
export * from "./change.ts";
export * from "./cluster.ts";
export * from "./codec.ts";
export type { Copies, Copy, StateLog, Unreadable } from "./copies.ts";
export { DOUBT_MS } from "./doubt.ts";
export * from "./errors.ts";
export type { FollowEvent, FollowOptions } from "./follow.ts";
export type { History } from "./history.ts";
export * from "./insist.ts";
export * from "./lease.ts";
export * from "./lease_keeper.ts";
export { STATE_TRANSACTIONAL_ID } from "./session.ts";
export * from "./state_store.ts";
export * from "./topics.ts";
export * from "./types.ts";
export * from "./vote_table.ts";
export * from "./votes.ts";
