/** Topics of the source that differ in what mirrors find hard. */
import type { topicsOf } from "../support/job.ts";

export type TopicKind =
  /** Plain and transactional producers side by side; it may grow. */
  | "mixed"
  /** The same, and never grows. */
  | "steady"
  /** Its log has gaps. */
  | "compacted"
  | "job input"
  /** Written by the job alone. */
  | "job output";

export interface StageTopic {
  readonly name: string;
  readonly kind: TopicKind;
  readonly partitions: number;
}

export function stageTopics(
  partitions: number,
  job: ReturnType<typeof topicsOf> | undefined,
): StageTopic[] {
  return [
    { name: "load.mixed", kind: "mixed", partitions },
    { name: "load.steady", kind: "steady", partitions },
    {
      name: "load.compacted",
      kind: "compacted",
      partitions: Math.ceil(partitions / 2),
    },
    ...job === undefined ? [] : [
      { name: job.input, kind: "job input", partitions },
      { name: job.output, kind: "job output", partitions },
      { name: job.deadLetter, kind: "job output", partitions: 1 },
    ] as const,
  ];
}

const yearMs = 365 * 86_400_000;
/** The records' times lie so far apart. */
const mostMs = String(100 * yearMs);

export function topicConfig(kind: TopicKind): Record<string, string> {
  switch (kind) {
    case "compacted":
      return {
        "cleanup.policy": "compact",
        // The smallest that Kafka takes: only closed segments are compacted.
        "segment.bytes": String(2 ** 20),
        "segment.ms": "5000",
        "min.cleanable.dirty.ratio": "0.01",
        // A mirror that is away for longer than this misses tombstones for good.
        "delete.retention.ms": mostMs,
      };
    case "mixed":
    case "steady":
      return {
        "message.timestamp.after.max.ms": mostMs,
        "message.timestamp.before.max.ms": mostMs,
        // By the times of records: old ones would be deleted, and close segments.
        "retention.ms": "-1",
        "segment.ms": mostMs,
      };
    case "job input":
    case "job output":
      return { "retention.ms": "-1" };
  }
}
