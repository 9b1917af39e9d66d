import type { Settings } from "./table.ts";

/** MiB for the runtime, the coordinator, librdkafka and fetches under way. */
export const processMib = 256;

/**
 * MiB for a worker's isolate (13 idle, measured on Deno 2.9) with the batch in
 * hand, decoded.
 */
export const isolateMib = 32;

/**
 * Resident memory in MiB that the process stays within while processors keep
 * nothing for themselves: 256 + 64 a worker with the default limits.
 */
export function memoryBudgetMib(
  settings: Pick<Settings, "workers" | "fetchQueueKbytes" | "pendingKbytes">,
): number {
  const buffersMib = (settings.fetchQueueKbytes + settings.pendingKbytes) /
    1024;
  return Math.ceil(processMib + settings.workers * (isolateMib + buffersMib));
}
