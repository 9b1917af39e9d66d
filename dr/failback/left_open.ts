/**
 * Transactions that pools left open on the old cluster when it died, and that no
 * time-out ends.
 *
 * A pool that is in the middle of a commit leaves a decision whose markers have
 * yet to be written. The coordinator that comes back carries it out, and skips
 * partitions that have no leader again by then (`dr/mirror/hanging.ts`): for it
 * the transaction has ended, and there it is open for ever. Whoever has the
 * transactional id can end it, and the pools that had it work elsewhere now.
 * Their names are in their votes, their ids in the coordinators' own log.
 */
import {
  type Admin,
  type ConsumerProperties,
  KafkaError,
  type Library,
  type ProducerProperties,
  ReadError,
  readTopics,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { earliestOffsets, latestOffsets } from "../cut/requests.ts";
import { offsetIn } from "../cut/mod.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import { abortIn } from "../mirror/hanging.ts";
import { idOf } from "../mirror/names.ts";
import { partitionsOf } from "../partitions.ts";
import { transactional } from "../sender.ts";
import { StateError, type Vote } from "../state/mod.ts";

export interface LeftOpenParts {
  readonly library: Library;
  /** All of the old cluster. */
  readonly admin: Admin;
  readonly consumer: ConsumerProperties;
  readonly producer: ProducerProperties;
  readonly votes: (
    signal: AbortSignal,
  ) => Promise<readonly Pick<Vote, "kind" | "voter">[]>;
  readonly log: Log;
}

/** Of a worker of a pool. */
export interface PoolId {
  readonly group: string;
  readonly transactionalId: string;
}

const COORDINATORS = "__transaction_state";
const AT_ONCE = 8;
const decoder = new TextDecoder();

/**
 * Fences the pools that are known, and aborts what they have in these partitions,
 * and in the positions of their groups. What cannot be ended is logged.
 * @throws the signal's reason.
 */
export async function endLeftOpen(
  parts: LeftOpenParts,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<void> {
  const { library, log, producer } = parts;
  const tried = async (what: string, work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      signal.throwIfAborted();
      if (!isOfCluster(error)) throw error;
      log.warn(`${what}; what is open is told in the end`, { error });
    }
  };
  let ids: PoolId[] = [];
  await tried("which pools were there is not known", async () => {
    const votes = await parts.votes(signal);
    ids = poolIds(votes, await transactionalIds(parts, signal));
  });
  if (ids.length === 0) return;
  log.warn("transactions of pools were left open and are aborted", {
    partitions: partitions.map(idOf),
    ids: ids.map(({ transactionalId }) => transactionalId),
  });
  await forEachBounded(
    ids,
    AT_ONCE,
    ({ group, transactionalId }) =>
      tried(`${transactionalId} cannot be taken over`, async () => {
        const properties = transactional(producer, transactionalId);
        const its = { library, producer: properties, group };
        await abortIn(its, partitions, signal);
      }),
  );
}

/** Those of the ids that pools have which vote, or did within the hour. Pure. */
export function poolIds(
  votes: Iterable<Pick<Vote, "kind" | "voter">>,
  ids: ReadonlySet<string>,
): PoolId[] {
  const found = new Map<string, PoolId>();
  for (const { kind, voter } of votes) {
    // <group>/<instance>/<one of its lives>
    const named = /^(.+)\/([^/]+)\/[^/]+$/.exec(voter);
    if (kind !== "pool" || named === null) continue;
    const [, group, instance] = named;
    const prefix = `${group}-${instance}-`;
    for (const transactionalId of ids) {
      const isIts = transactionalId.startsWith(prefix) &&
        /^\d+$/.test(transactionalId.slice(prefix.length));
      if (isIts) found.set(transactionalId, { group: group!, transactionalId });
    }
  }
  return [...found.values()];
}

/**
 * The id of a record of the coordinators' log; null: it is of a later version
 * than that of Kafka 0.11 to 4.3. Pure.
 */
export function transactionalIdIn(key: Uint8Array): string | null {
  const view = new DataView(key.buffer, key.byteOffset, key.byteLength);
  if (key.length < 4 || view.getInt16(0) !== 0) return null;
  const length = view.getInt16(2);
  return length === key.length - 4 ? decoder.decode(key.subarray(4)) : null;
}

const isOfCluster = (error: unknown): boolean =>
  error instanceof KafkaError || error instanceof ReadError ||
  error instanceof StateError;

async function transactionalIds(
  { admin, consumer, library }: LeftOpenParts,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const counts = await partitionCounts(admin, signal);
  const partitions = partitionsOf(COORDINATORS, counts.get(COORDINATORS) ?? 0);
  const [begins, ends] = await Promise.all([
    earliestOffsets(admin, partitions, REQUEST_MS, signal),
    latestOffsets(admin, partitions, false, REQUEST_MS, signal),
  ]);
  const ranges = partitions.map((tp) => ({
    ...tp,
    start: offsetIn(begins, tp) ?? 0,
    end: offsetIn(ends, tp) ?? 0,
  })).filter(({ end, start }) => start < end);
  const ids = new Set<string>();
  const properties = consumer;
  for await (
    const batch of readTopics({ library, properties, ranges, signal })
  ) {
    for (let at = 0; at < batch.count; at++) {
      const key = batch.key(at);
      const id = key && transactionalIdIn(key);
      if (id !== null) ids.add(id);
    }
  }
  signal.throwIfAborted();
  return ids;
}
