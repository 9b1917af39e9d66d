/** Where clients of both clusters begin. */
export { Gateway, type GatewayOptions } from "./gateway.ts";
export type * from "./types.ts";
export { DEFAULT_LIMITS } from "./types.ts";
