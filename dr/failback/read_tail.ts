/** Looks at the old cluster: what it has that was never mirrored. */
import {
  type Admin,
  type ConsumerProperties,
  type Library,
  readTopics,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import { drained, type DrainTimings } from "../failover/drained.ts";
import { outputAt } from "../failover/read_outputs.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import type { ReplayLog } from "./replay_records.ts";
import { type Known, tailBounds } from "./tail_bounds.ts";
import type { PartitionTail, TopicTail } from "./tail_plan.ts";
import { topicsNow } from "../topics_now.ts";

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
  /** See `endLeftOpen`. */
  readonly endHanging: (
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ) => Promise<void>;
  readonly timings?: DrainTimings;
}

export interface Tail {
  readonly topics: readonly TopicTail[];
  /**
   * As a user reads them, with what is to be done: why the old cluster is not
   * what was mirrored.
   */
  readonly problems: readonly string[];
  /** The same of what is missing, and will be. */
  readonly notes: readonly string[];
  /** All that were looked at, by name. */
  readonly names: readonly string[];
}

const REQUEST_MS = 30_000;
const TIMINGS: DrainTimings = {
  hangingMs: 1_000,
  /** Those of others who died with the cluster end by their time-outs. */
  patienceMs: 90_000,
  lookMs: 100,
};

/**
 * @throws {FailoverError} where transactions stay open.
 * @throws {KafkaError | ReadError} where the old cluster does not answer; the
 * signal's reason.
 */
export async function readTail(
  parts: ReadTailParts,
  signal: AbortSignal,
): Promise<Tail> {
  const { admin, consumer, endHanging, library, log, timings = TIMINGS } =
    parts;
  const { known, problems } = await partitionsOf(parts, signal);
  await drained({
    admin,
    partitions: known,
    requestMs: REQUEST_MS,
    endHanging,
    timings,
  }, signal);
  const [ends, begins] = await Promise.all([
    latestOffsets(admin, known, true, REQUEST_MS, signal),
    earliestOffsets(admin, known, REQUEST_MS, signal),
  ]);
  const bounds = tailBounds(known, begins, ends, (each) => log.next(each));
  problems.push(...bounds.problems);
  const tails = bounds.partitions.map((each) => ({
    ...each,
    records: 0,
    outputs: 0,
    first: nowhere,
    last: nowhere,
  }));
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
      if (outputAt(batch, at) !== null) tail.outputs++;
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
    notes: bounds.notes,
    names: [...new Set(known.map(({ topic }) => topic))],
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
  const topics = await topicsNow(admin, names, signal);
  const known: Known[] = [];
  const problems: string[] = [];
  for (const { partitions, topic, topicId } of topics.values()) {
    const itsId = mirrored.get(topic) ?? topicId;
    if (itsId !== topicId) {
      problems.push(
        `"${topic}" of the primary was created anew: it is not the one that ` +
          "was mirrored. Save what is wanted of it, delete it there, and run " +
          "it again: then it is mirrored back whole",
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
