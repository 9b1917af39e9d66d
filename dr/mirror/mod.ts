/** Copies a cluster to another one, exactly and fenced. */
export { Mirror, type MirrorOptions } from "./mirror.ts";
export type { MirrorPhase, MirrorStatus } from "./status.ts";
