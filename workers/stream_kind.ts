/** The kind of worker that runs a user's processor. */
import { BatchKind } from "./batch_kind.ts";
import type { StreamParts } from "./handlers.ts";
import type { WorkerKind } from "./kind.ts";
import type { Processor } from "./processor.ts";
import { RecordKind } from "./record_kind.ts";

export function streamKind(
  processor: Processor,
  parts: StreamParts,
): WorkerKind {
  return "process" in processor
    ? new RecordKind(processor, parts)
    : new BatchKind(processor, parts);
}
