/** What requests take and answer with. */
export type * from "./acls.ts";
export type * from "./cluster.ts";
export type * from "./configs.ts";
export type * from "./groups.ts";
export type * from "./partitions.ts";
export type { ChangeOptions, RequestOptions } from "./request.ts";
export type * from "./topics.ts";
