import type { Settings } from "./table.ts";

/** MiB for the runtime, the coordinator, librdkafka and fetches under way. */
export const processMib = 256;

/**
 * MiB for a worker's isolate (13 idle, measured on Deno 2.9) with the batch in
 * hand, decoded.
 */
export const isolateMib = 40;

/**
 * What a buffered byte of a record takes in memory: librdkafka keeps some 330
 * bytes beside each record (measured on 2.15.1), which is more than a login of
 * 255 bytes itself, and malloc rounds up.
 */
export const bytesPerByte = 3;

/**
 * Resident memory in MiB that the process stays within while processors keep
 * nothing for themselves: 256 + 64 a worker with the default limits.
 */
export function memoryBudgetMib(
  settings: Pick<Settings, "workers" | "fetchQueueKbytes" | "pendingKbytes">,
): number {
  const buffersMib = bytesPerByte *
    (settings.fetchQueueKbytes + settings.pendingKbytes) / 1024;
  return Math.ceil(processMib + settings.workers * (isolateMib + buffersMib));
}
