/** Finds out where the source partitions go on that a lane takes over. */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { resetOffsets } from "../../src/pool/start_offsets.ts";
import type { Run } from "../offset_map/mod.ts";
import type { MirroredTopic } from "../topics/mod.ts";
import type { CheckedStart } from "./checked_assign.ts";
import {
  type Known,
  type PartitionsParts,
  type Start,
  TopicChangedError,
} from "./lane_partition.ts";
import { idOf } from "./names.ts";
import type { Stretch } from "./stretch.ts";

export interface Missing {
  readonly tp: TopicPartition;
  readonly topicId: string;
}

/** Where it goes on; how it is fetched has yet to be said. */
interface Judged extends Omit<Start, "from" | "runs"> {
  /** MirrorMaker 2 has gone on from where we were. */
  readonly isTheirs: boolean;
}

type Parts = Pick<
  PartitionsParts,
  "checker" | "describe" | "doubts" | "era" | "source" | "state"
>;

/**
 * @throws {KafkaError} when the source does not answer.
 * @throws {TopicChangedError} where it cannot be said how a partition is, or
 * where the client has read another topic of its name.
 */
export async function startsOf(
  parts: Parts,
  missing: Iterable<Missing>,
  topics: readonly MirroredTopic[],
  signal: AbortSignal,
): Promise<Start[]> {
  const known: Known[] = [];
  const unknown: Missing[] = [];
  for (const each of missing) {
    const recorded = recordedOf(parts, each);
    if (recorded === null) unknown.push(each);
    else known.push(recorded);
  }
  const judged = [
    ...await beginningsOf(parts, unknown, signal),
    ...await examine(parts, known, topics, signal),
  ];
  const anew = judged.find(({ isOpen, topicId, tp }) =>
    isOpen && !parts.source.reads(tp.topic, topicId)
  );
  if (anew !== undefined) {
    throw new TopicChangedError(
      `"${anew.tp.topic}" was created anew, which takes another client`,
    );
  }
  const runs = await describe(parts, judged, topics, signal);
  const logStarts = await logStartsOf(parts, judged, signal);
  return judged.map((each): Start => {
    const id = idOf(each.tp);
    const logStart = each.logStart ?? logStarts.get(id) ?? null;
    const start = { ...each, logStart };
    const from = fetchedFrom(start, recordsEnd(parts, start));
    return { ...start, runs: runs.get(id) ?? [], from };
  });
}

/** Where it stood; MirrorMaker 2 may have been at work since. */
function recordedOf(
  { doubts, state }: Parts,
  { tp, topicId }: Missing,
): Known | null {
  const ours = state.map.position(tp);
  const theirs = state.positions.get(idOf(tp)) ?? null;
  if (ours === null && theirs === null) return null;
  const isTheirs = (theirs ?? 0) > (ours?.position ?? 0);
  return {
    ...tp,
    topicId: ours?.topicId ?? topicId,
    position: isTheirs ? theirs! : ours?.position ?? 0,
    leaderEpoch: isTheirs ? null : ours?.leaderEpoch ?? null,
    isTheirs,
    evidence: doubts.get(idOf(tp)) ?? null,
  };
}

/** Of partitions that were never mirrored. */
async function beginningsOf(
  { source }: Parts,
  partitions: readonly Missing[],
  signal: AbortSignal,
): Promise<Judged[]> {
  const offsets = await resetOffsets(
    source.consumer,
    partitions.map(({ tp }) => tp),
    () => "earliest",
    signal,
  );
  return partitions.map((each) => ({
    ...each,
    next: offsets.get(idOf(each.tp))!,
    leaderEpoch: null,
    logStart: null,
    isOpen: true,
    isUnrecorded: true,
    isTheirs: false,
  }));
}

async function examine(
  { checker, era = 0, state }: Parts,
  examinees: readonly Known[],
  topics: readonly MirroredTopic[],
  signal: AbortSignal,
): Promise<Judged[]> {
  if (examinees.length === 0) return [];
  const ids = new Map(topics.map(({ topic, topicId }) => [topic, topicId]));
  const findings = await checker.examine(examinees, signal);
  return findings.map((finding, at): Judged => {
    const { isTheirs, leaderEpoch, position: next, topicId } = examinees[at]!;
    const { tp } = finding;
    switch (finding.kind) {
      case "sound":
        return {
          tp,
          topicId,
          next,
          leaderEpoch,
          logStart: finding.log.start,
          isOpen: true,
          isUnrecorded: isTheirs ||
            (state.map.position(tp)?.era ?? era) < era,
          isTheirs,
        };
      case "unknown":
        throw new TopicChangedError(
          `${tp.topic} [${tp.partition}]: ${finding.reason}`,
        );
      case "damaged": {
        const { remedy } = finding;
        if (remedy.kind === "stop") {
          return {
            tp,
            topicId,
            next,
            leaderEpoch,
            logStart: null,
            isOpen: false,
            isUnrecorded: false,
            isTheirs: false,
          };
        }
        if (ids.get(tp.topic) !== remedy.topicId) {
          throw new TopicChangedError(`"${tp.topic}" is being created anew`);
        }
        return {
          tp,
          topicId: remedy.topicId,
          next: remedy.position,
          leaderEpoch: remedy.leaderEpoch,
          logStart: null,
          isOpen: true,
          isUnrecorded: true,
          isTheirs: isTheirs && remedy.topicId === topicId,
        };
      }
    }
  });
}

/** What is to be said of records that MirrorMaker 2 has mirrored. */
async function describe(
  { describe, state }: Parts,
  judged: readonly Judged[],
  topics: readonly MirroredTopic[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Run[]>> {
  const theirs = judged.filter(({ isOpen, isTheirs }) => isOpen && isTheirs);
  if (theirs.length === 0) return new Map();
  const targets = new Map(topics.map(({ topic, target }) => [topic, target]));
  const stretches = theirs.map(({ tp, topicId, next }): Stretch => ({
    ...tp,
    target: targets.get(tp.topic)!,
    after: state.map.end({ ...tp, topicId }),
    end: next,
  }));
  const runs = await describe(stretches, signal);
  return new Map(theirs.map(({ tp }, at) => [idOf(tp), runs[at]!]));
}

/**
 * Of those that have no record right below where they stand, as far as no
 * examination has told.
 */
async function logStartsOf(
  parts: Parts,
  judged: readonly Judged[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> {
  const asked = judged.filter((each) =>
    each.isOpen && each.logStart === null &&
    recordsEnd(parts, each) < each.next
  );
  return await resetOffsets(
    parts.source.consumer,
    asked.map(({ tp }) => tp),
    () => "earliest",
    signal,
  );
}

/**
 * Behind the record that has the leader epoch. What lies between that and
 * `next` are markers, which may be of a later epoch.
 */
function recordsEnd(
  { state }: Parts,
  { tp, topicId, next, leaderEpoch }: Judged,
): number {
  if (leaderEpoch === null) return next;
  const { upstream } = state.map.end({ ...tp, topicId });
  return upstream === 0 ? next : Math.min(next, upstream);
}

function fetchedFrom(
  { tp, next, leaderEpoch, logStart }: Judged,
  offset: number,
): CheckedStart {
  // A record that is gone has nothing that could be compared.
  return (logStart ?? 0) > offset
    ? { ...tp, offset: next, leaderEpoch: null }
    : { ...tp, offset, leaderEpoch };
}
