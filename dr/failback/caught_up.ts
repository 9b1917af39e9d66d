/** How far the mirror back is, by its lanes' logs. */
import {
  type Admin,
  type ConsumerProperties,
  type Library,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { latestOffsets } from "../cut/requests.ts";
import { partitionCounts } from "../failover/target.ts";
import { type Flow, lanesTopic } from "../formats/mod.ts";
import { inMapTime, LaneFollower, type OffsetMap } from "../offset_map/mod.ts";
import { partitionsIn } from "../partitions.ts";
import { pause } from "../waits.ts";
import { FailbackError, failed } from "./errors.ts";

export interface CaughtUpParts {
  readonly library: Library;
  /** From the active cluster to the one that has returned. */
  readonly flow: Flow;
  /** Of the active one. */
  readonly admin: Admin;
  /** Of the other, which has the lanes' logs. */
  readonly consumer: ConsumerProperties;
  readonly isMirrored: (topic: string) => boolean;
  /** What is still missing, when that changes; 0 in the end. */
  readonly onLag: (offsets: number) => void;
  /** How long it may stand still; default: two minutes. */
  readonly patienceMs?: number | undefined;
}

const REQUEST_MS = 10_000;
const LOOK_MS = 200;
/** Mirrors are started by people, and lanes begin anew after a fault. */
const PATIENCE_MS = 120_000;

/**
 * Resolves when all that was committed when it was called has been mirrored.
 * @throws {FailbackError} where nothing more is mirrored for so long.
 * @throws {KafkaError | FollowError} where a cluster refuses; the signal's reason.
 */
export async function untilMirrored(
  parts: CaughtUpParts,
  signal: AbortSignal,
): Promise<void> {
  const { admin, consumer, flow, isMirrored, library, onLag } = parts;
  const { patienceMs = PATIENCE_MS } = parts;
  const counts = await partitionCounts(admin, signal);
  const partitions = partitionsIn(counts, isMirrored);
  const ends = await latestOffsets(
    admin,
    partitions,
    true,
    REQUEST_MS,
    signal,
  );
  const topic = lanesTopic(flow.source);
  const wait = { topic, patienceMs, failed };
  const opening = { library, properties: consumer, topic };
  await using follower = await inMapTime(
    wait,
    (its) => LaneFollower.open({ ...opening, signal: its }),
    signal,
  );
  const stall = new Stall(patienceMs, performance.now());
  for (let before = -1;;) {
    await inMapTime(wait, (its) => follower.load(its), signal);
    const behind = behindOf(partitions, ends, follower.map);
    const lag = behind.reduce((sum, each) => sum + each.lag, 0);
    if (lag !== before) onLag(lag);
    if (lag === 0) return;
    before = lag;
    if (stall.lasts(lag, performance.now())) {
      throw new FailbackError("failed", stalled(flow, behind, ends));
    }
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
}

/** Whether a lag has not lessened for too long. */
export class Stall {
  readonly #patienceMs: number;
  #least = Infinity;
  #sinceMs: number;

  constructor(patienceMs: number, nowMs: number) {
    this.#patienceMs = patienceMs;
    this.#sinceMs = nowMs;
  }

  lasts(lag: number, nowMs: number): boolean {
    if (lag < this.#least) {
      this.#least = lag;
      this.#sinceMs = nowMs;
    }
    return nowMs - this.#sinceMs >= this.#patienceMs;
  }
}

export interface Behind extends TopicPartition {
  /** In offsets; at least 1. */
  readonly lag: number;
}

/** An end that is not known is as one that was not come to. Pure. */
export const behindOf = (
  partitions: readonly TopicPartition[],
  ends: OffsetTable,
  map: Pick<OffsetMap, "position">,
): Behind[] =>
  partitions.flatMap((tp) => {
    const end = offsetIn(ends, tp);
    const position = map.position(tp)?.position ?? 0;
    const lag = end === null ? 1 : end - position;
    return lag > 0 ? [{ ...tp, lag }] : [];
  });

const NAMED = 5;

/** What is missing, and what is to be done. Pure. */
export function stalled(
  { source }: Flow,
  behind: readonly Behind[],
  ends: OffsetTable,
): string {
  const named = behind.slice(0, NAMED).map((each) => {
    const { lag, partition, topic } = each;
    return offsetIn(ends, each) === null
      ? `${topic} [${partition}], whose end is not known`
      : `${topic} [${partition}] by ${lag} offsets`;
  });
  const more = behind.length > NAMED
    ? ` and ${behind.length - NAMED} more partitions`
    : "";
  return `the mirror from the ${source} gets no further; behind is ${
    named.join(", ")
  }` +
    `${more}. See that deno task mirror --from ${source} runs and what its ` +
    "log says of these, that their partitions have leaders, and run it again";
}
