/** Looks at the old cluster: what it has that was never mirrored. */
import {
  type Admin,
  type ConsumerProperties,
  isTopicUnknown,
  type Library,
  readTopics,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { offsetIn } from "../cut/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import { drained } from "../failover/drained.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import { isOutput } from "./origin.ts";
import type { ReplayLog } from "./replay_records.ts";
import type { PartitionTail, TopicTail } from "./tail_plan.ts";

export interface ReadTailParts {
  readonly library: Library;
  /** Both of the old cluster. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
  /** As the sealed lanes have it. */
  readonly map: Pick<OffsetMap, "partitions" | "position">;
  readonly log: Pick<ReplayLog, "next">;
  /** What the mirror would have taken had it had the time. */
  readonly isMirrored: (topic: string) => boolean;
}

export interface Tail {
  readonly topics: readonly TopicTail[];
  /** As a user reads them: why the old cluster is not what was mirrored. */
  readonly problems: readonly string[];
}

const REQUEST_MS = 30_000;
/** Transactions of those who died with the cluster end by their time-outs. */
const OPEN_MS = 90_000;
const HANGING_MS = 1_000;
const LOOK_MS = 100;

interface Known extends TopicPartition {
  readonly topicId: string;
  readonly position: number;
}

/**
 * @throws {FailoverError} where transactions stay open.
 * @throws {KafkaError | ReadError} where the old cluster does not answer; the
 * signal's reason.
 */
export async function readTail(
  parts: ReadTailParts,
  signal: AbortSignal,
): Promise<Tail> {
  const { admin, consumer, library, log } = parts;
  const { known, problems } = await partitionsOf(parts, signal);
  await drained({
    admin,
    partitions: known,
    requestMs: REQUEST_MS,
    endHanging: () => Promise.resolve(),
    timings: { hangingMs: HANGING_MS, patienceMs: OPEN_MS, lookMs: LOOK_MS },
  }, signal);
  const [ends, begins] = await Promise.all([
    latestOffsets(admin, known, true, REQUEST_MS, signal),
    earliestOffsets(admin, known, REQUEST_MS, signal),
  ]);
  const tails = known.map((each) => {
    const end = offsetIn(ends, each) ?? 0;
    if (end < each.position) {
      problems.push(
        `${each.topic} [${each.partition}] ends at ${end}, and was mirrored ` +
          `to ${each.position}: the primary has lost records that the ` +
          "secondary has",
      );
    }
    const start = Math.min(
      end,
      Math.max(each.position, log.next(each), offsetIn(begins, each) ?? 0),
    );
    const counts = { records: 0, outputs: 0 };
    return { ...each, ...counts, start, end, first: nowhere, last: nowhere };
  });
  const byId = new Map(tails.map((each) => [idOf(each), each]));
  const batches = readTopics({
    library,
    properties: consumer,
    ranges: tails.filter(({ end, start }) => start < end),
    signal,
  });
  for await (const batch of batches) {
    for (let at = 0; at < batch.count; at++) {
      const tail = byId.get(idOf(batch.tp(at)))!;
      tail.records++;
      if (isOutput(batch.headers(at))) tail.outputs++;
      tail.first ??= batch.offset(at);
      tail.last = batch.offset(at);
    }
  }
  // Reading ends early then, and says nothing.
  signal.throwIfAborted();
  const compacted = await compactedOf(
    admin,
    new Set(tails.map(({ topic }) => topic)),
    signal,
  );
  const topics = Map.groupBy(tails, ({ topic }) => topic);
  return {
    problems,
    topics: Array.from(topics, ([topic, partitions]) => ({
      topic,
      topicId: partitions[0]!.topicId,
      isCompacted: compacted.has(topic),
      partitions: partitions.map((
        { end, first, last, outputs, partition, records, start },
      ): PartitionTail => ({
        partition,
        start,
        end,
        records,
        outputs,
        first,
        last,
      })),
    })),
  };
}

const nowhere = null as number | null;

/** Of topics that were mirrored, or should have been. */
async function partitionsOf(
  { admin, isMirrored, map }: ReadTailParts,
  signal: AbortSignal,
): Promise<{ readonly known: Known[]; readonly problems: string[] }> {
  const counts = await askRepeatedly(
    () => admin.partitionCounts(ATTEMPT_MS),
    REQUEST_MS,
    signal,
  );
  const mirrored = new Map(
    Array.from(map.partitions(), ({ topic, topicId }) => [topic, topicId]),
  );
  const names = [...counts.keys()]
    .filter((topic) => mirrored.has(topic) || isMirrored(topic));
  const summaries = names.length === 0 ? [] : await askRepeatedly(
    () => admin.topics.summarize(names, { timeoutMs: ATTEMPT_MS, signal }),
    REQUEST_MS,
    signal,
  );
  const known: Known[] = [];
  const problems: string[] = [];
  for (const { error, partitions, topic, topicId } of summaries) {
    if (error !== null) {
      if (isTopicUnknown(error.code)) continue;
      throw error;
    }
    const itsId = mirrored.get(topic) ?? topicId;
    if (itsId !== topicId) {
      problems.push(
        `"${topic}" of the primary was created anew: it is not the one that ` +
          "was mirrored",
      );
      continue;
    }
    for (let partition = 0; partition < partitions; partition++) {
      const tp = { topic, topicId, partition };
      known.push({ ...tp, position: map.position(tp)?.position ?? 0 });
    }
  }
  return { known, problems };
}

async function compactedOf(
  admin: Admin,
  topics: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  if (topics.size === 0) return new Set();
  const answers = await askRepeatedly(
    () =>
      admin.configs.describe(
        Array.from(topics, (name) => ({ type: "topic" as const, name })),
        { timeoutMs: ATTEMPT_MS, signal },
      ),
    REQUEST_MS,
    signal,
  );
  return new Set(
    answers.flatMap(({ entries, error, name }) => {
      if (error !== null) throw error;
      const policy = entries.find((each) => each.name === "cleanup.policy");
      return policy?.value?.includes("compact") ? [name] : [];
    }),
  );
}
