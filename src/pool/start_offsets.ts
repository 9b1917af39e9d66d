/**
 * Where partitions start. The coordinator decides this itself, instead of
 * librdkafka, so that every ownership begins at a known offset and nothing is
 * ever skipped silently.
 */
import type { Consumer, TopicPartition } from "../kafka/mod.ts";
import type { Committed } from "./partitions.ts";
import { retryAnswers } from "./retry_answers.ts";

/** What to do where the group has no offset, or one that is gone. */
export type OffsetReset = "earliest" | "latest" | "error";

/** By topic. */
export type ResetOf = (topic: string) => OffsetReset;

export interface StartOffset {
  readonly tp: TopicPartition;
  readonly next: number;
  readonly committed: Committed | null;
  /** The topic's id; absent: nobody has asked. */
  readonly topicId?: string | undefined;
}

const TIMEOUT_MS = 10_000;
const RETRY_MS = 200;
/** A leader knows the end of its log this long after it was elected. */
const DOUBT_MS = 5000;
/** Kafka's protocol: these timestamps ask for the ends of a partition. */
const TIMESTAMP = { earliest: -2, latest: -1 } as const;

/** What the group has committed, in the order asked; null: nothing. */
export async function committedOffsets(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<(Committed | null)[]> {
  if (partitions.length === 0) return [];
  const answers = await retryAnswers(
    () => consumer.committed(partitions, TIMEOUT_MS),
    signal,
  );
  return answers.map(({ offset, metadata }) =>
    offset === null ? null : { offset, metadata }
  );
}

/** Committed offsets, and ends of the log where there are none. */
export async function startOffsets(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
  resetOf: ResetOf,
  signal: AbortSignal,
): Promise<StartOffset[]> {
  const committed = await committedOffsets(consumer, partitions, signal);
  const without = partitions.filter((_, index) => committed[index] === null);
  const resets = await resetOffsets(consumer, without, resetOf, signal);
  return partitions.map(({ topic, partition }, index) => ({
    tp: { topic, partition },
    next: committed[index]?.offset ?? resets.get(`${topic}-${partition}`)!,
    committed: committed[index] ?? null,
  }));
}

/** The end of the log that the policy names, by `topic-partition`. */
export async function resetOffsets(
  consumer: Consumer,
  partitions: readonly TopicPartition[],
  resetOf: ResetOf,
  signal: AbortSignal,
): Promise<Map<string, number>> {
  if (partitions.length === 0) return new Map();
  const queries: (TopicPartition & { readonly timestampMs: number })[] = [];
  const refused: string[] = [];
  for (const { topic, partition } of partitions) {
    const reset = resetOf(topic);
    if (reset === "error") refused.push(`${topic} [${partition}]`);
    else queries.push({ topic, partition, timestampMs: TIMESTAMP[reset] });
  }
  if (refused.length > 0) {
    throw new Error(
      `no valid committed offset for ${refused.join(", ")}, and ` +
        "auto.offset.reset is error",
    );
  }
  const answers = await retryAnswers(
    () => consumer.offsetsForTimes(queries, TIMEOUT_MS),
    signal,
  );
  return new Map(answers.map((each) => [
    `${each.topic}-${each.partition}`,
    each.offset ?? 0,
  ]));
}

/**
 * Where to go on with a partition that librdkafka does not fetch any more: at
 * `next` where the log has that offset. A leader that was elected just now may
 * not yet know how far its log reaches, and librdkafka then takes it for cut;
 * to believe that at once would process all of it again.
 */
export async function validOffset(
  consumer: Consumer,
  tp: TopicPartition,
  next: number,
  resetOf: ResetOf,
  signal: AbortSignal,
): Promise<number> {
  const offset = async (reset: ResetOf) => {
    const offsets = await resetOffsets(consumer, [tp], reset, signal);
    return offsets.get(`${tp.topic}-${tp.partition}`)!;
  };
  const doubtfulUntilMs = performance.now() + DOUBT_MS;
  for (;;) {
    if (next < await offset(() => "earliest")) break;
    if (next <= await offset(() => "latest")) return next;
    if (performance.now() >= doubtfulUntilMs) break;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  return await offset(resetOf);
}
