/**
 * Hanging transactions: their coordinator has ended them, and a partition has
 * not heard of it.
 *
 * Kafka's coordinator skips the marker of a partition that has no leader just
 * then ("likely deleted already", says TransactionMarkerChannelManager of Kafka
 * 4.3.1; seen with partitions of one replica whose broker was killed). The
 * records stay open there until the same producer ends its next transaction in
 * that partition, and share its fate: committed with the copies that replace
 * them they would be there twice. So an owner ends them before it begins, by a
 * transaction that it aborts.
 */
import {
  type Admin,
  GroupMembership,
  isLeaderless,
  KafkaError,
  type Library,
  type OffsetAnswer,
  Outbox,
  Producer,
  type ProducerProperties,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { maySettle } from "../cut/requests.ts";
import { pause } from "../waits.ts";
import { idOf } from "./names.ts";

export interface HangingParts {
  readonly library: Library;
  /** Of the target. */
  readonly admin: Admin;
  /** With the transactional id that was initialised. */
  readonly producer: ProducerProperties;
  /** What was open after an abort: not ours. Of the lane, over its lives. */
  readonly foreign: Set<string>;
  readonly log: Log;
}

/** Of other producers; ours are ended within `transaction.timeout.ms`. */
const PATIENCE_MS = 5_000;
/** Until a partition that was just made, or whose broker died, is led. */
const UNLED_MS = 30_000;
const LOOK_MS = 50;
const REQUEST_MS = 10_000;
const WAIT_MS = 100;
/** Nobody reads it; compacted topics want one. */
const KEY = new TextEncoder().encode("switchyard-abort");

/**
 * Aborts what hangs in the partitions. This fences the producer that has the
 * id: where something was aborted, its owner has to begin anew.
 * @returns whether something was.
 * @throws {KafkaError} where the cluster does not answer.
 */
export async function endHanging(
  parts: HangingParts,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<boolean> {
  const { admin, foreign, log } = parts;
  const hanging = await hangingIn(admin, partitions, signal);
  const ours = hanging.filter((tp) => !foreign.has(idOf(tp)));
  if (ours.length === 0) return false;
  log.warn("transactions were left open and are aborted", {
    partitions: ours.map(idOf),
  });
  const aborted = await abortIn(parts, ours, signal);
  for (const tp of aborted) foreign.add(idOf(tp));
  return true;
}

/**
 * Those whose last stable offset does not come to what is their end now.
 * Without transactions that hang, nobody's are open for long.
 */
async function hangingIn(
  admin: Admin,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<TopicPartition[]> {
  const sinceMs = performance.now();
  let waiting = partitions.map((tp): Waiting => ({
    tp,
    end: null,
    openMs: null,
  }));
  while (waiting.length > 0) {
    const ends = await latest(admin, waiting, false);
    const stable = await latest(admin, waiting, true);
    const nowMs = performance.now();
    const isLate = nowMs - sinceMs > UNLED_MS;
    let isOver = true;
    waiting = waiting.flatMap((each, at) => {
      const { error, offset } = stable[at]!;
      if (error !== null && (isLate || !maySettle(error))) throw error;
      const end = each.end ?? ends[at]!.offset;
      if (end === null || offset === null) {
        isOver &&= isLate;
        return { ...each, end };
      }
      if (offset >= end) return [];
      const openMs = each.openMs ?? nowMs;
      isOver &&= nowMs - openMs > PATIENCE_MS;
      return { ...each, end, openMs };
    });
    if (isOver) break;
    await pause(LOOK_MS, signal);
    signal.throwIfAborted();
  }
  return waiting.map(({ tp }) => tp);
}

interface Waiting {
  readonly tp: TopicPartition;
  /** What is to become stable; null: not known yet. */
  readonly end: number | null;
  /** When it was first seen that there is more than what is stable. */
  readonly openMs: number | null;
}

interface End {
  /** Null where it is not known, for `error` or none. */
  readonly offset: number | null;
  readonly error: KafkaError | null;
}

/** In the order of the partitions. */
async function latest(
  admin: Admin,
  partitions: readonly { readonly tp: TopicPartition }[],
  readCommitted: boolean,
): Promise<End[]> {
  const queries = partitions.map(({ tp }) => ({
    ...tp,
    at: "latest" as const,
  }));
  const options = { timeoutMs: REQUEST_MS, readCommitted };
  let answers: readonly OffsetAnswer[];
  try {
    answers = await admin.partitions.offsets(queries, options);
  } catch (error) {
    if (!(error instanceof KafkaError && isLeaderless(error.code))) throw error;
    return partitions.map(() => ({ offset: null, error }));
  }
  const byId = new Map(answers.map((each) => [idOf(each), each]));
  return partitions.map(({ tp }) =>
    byId.get(idOf(tp)) ?? { offset: null, error: null }
  );
}

/** Of a transactional id that is taken over. */
export interface AbortParts extends Pick<HangingParts, "library" | "producer"> {
  /** Whose positions it may have left open as well. */
  readonly group?: string;
}

/**
 * Ends what the id has open, and what hangs, by a transaction that is aborted.
 * @returns where; elsewhere it was not possible and is found again.
 * @throws {KafkaError} where the cluster does not answer; the signal's reason.
 */
export async function abortIn(
  { group, library, producer: properties }: AbortParts,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<TopicPartition[]> {
  await using producer = new Producer(library, {
    ...properties,
    "linger.ms": 0,
  });
  await producer.initTransactions(REQUEST_MS);
  producer.beginTransaction();
  const failed = new Set<number>();
  using outbox = new Outbox(library, producer.port, (...[, , code]) => {
    if (code !== 0) failed.add(code);
  });
  partitions.forEach((tp, index) =>
    outbox.add(0, index, { ...tp, key: KEY, value: null })
  );
  outbox.send();
  while (outbox.pendingRecords > 0) {
    await outbox.waitAndCollect(WAIT_MS);
    signal.throwIfAborted();
  }
  if (group !== undefined) {
    const outside = GroupMembership.outside(library, group);
    const offsets = partitions.map((tp) => ({ ...tp, offset: 0 }));
    const sent = producer.sendOffsets(outside, offsets, REQUEST_MS);
    // A group that has members ends this by itself. The call may outlive the wait.
    await sent.catch((error) => {
      if (!(error instanceof KafkaError)) throw error;
    }).finally(() => outside[Symbol.dispose]());
  }
  await producer.abortTransaction(REQUEST_MS);
  return partitions.filter((_, index) => !failed.has(index));
}
