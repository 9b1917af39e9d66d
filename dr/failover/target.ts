/** What the cluster that is promoted has, as a failover asks it. */
import {
  type Admin,
  KafkaError,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { cutsTopic, CutStore } from "../cut/mod.ts";
import { askRepeatedly, ATTEMPT_MS, maySettle } from "../cut/requests.ts";
import { type LaneStateParts, readTexts } from "../mirror/lane_state.ts";
import { idOf } from "../mirror/names.ts";
import type { OffsetMap } from "../offset_map/mod.ts";
import { partitionsOf } from "../partitions.ts";
import { withDeadline } from "../state/deadline.ts";
import {
  type ClusterName,
  type DrState,
  ensureStateTopics,
  STATE_TOPIC,
  type StateClusters,
  type StateStore,
} from "../state/mod.ts";
import { pause } from "../waits.ts";
import type { Committed } from "./find_outputs.ts";

/** Of each question, repeated attempts included. */
export const REQUEST_MS = 10_000;
const UNSTABLE_MS = 10;
const AGAIN_MS = 100;
/** Of the primary, which may be dead. */
const PRIMARY_MS = 1_000;

/** By topic. @throws {KafkaError}; the signal's reason. */
export const partitionCounts = (
  admin: Pick<Admin, "partitionCounts">,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, number>> =>
  askRepeatedly(() => admin.partitionCounts(ATTEMPT_MS), REQUEST_MS, signal);

/**
 * What there is now, null where nothing was ever written.
 * @param admin of the secondary
 * @throws {KafkaError | ReadError | StateError} where that cannot be read; the
 * signal's reason.
 */
export async function newestState(
  admin: Pick<Admin, "partitionCounts">,
  store: Pick<StateStore, "read">,
  signal: AbortSignal,
): Promise<DrState | null> {
  const counts = await partitionCounts(admin, signal);
  if (!counts.has(STATE_TOPIC)) return null;
  const deadlineMs = performance.now() + REQUEST_MS;
  for (;;) {
    const { newest, secondary } = await store.read(signal);
    // The primary's copy alone does not say where it stands.
    if (secondary.kind === "read") return newest;
    const { error } = secondary;
    const isVain = error instanceof KafkaError && !maySettle(error);
    if (isVain || performance.now() > deadlineMs) throw error;
    await pause(AGAIN_MS, signal);
    signal.throwIfAborted();
  }
}

/**
 * The state's topics, where no sentinel has made them. On the primary as well as
 * that can be done: else writing the copy there might make one as brokers do.
 * @throws as `ensureStateTopics`, of the secondary.
 */
export async function ensureState(
  { clusters }: StateClusters,
  replicationFactor: number,
  signal: AbortSignal,
): Promise<void> {
  const ensure = (cluster: ClusterName, its: AbortSignal) => {
    const { admin } = clusters[cluster];
    const timeoutMs = REQUEST_MS;
    return ensureStateTopics(
      { admin, cluster, replicationFactor, timeoutMs },
      its,
    );
  };
  const primary = withDeadline(
    PRIMARY_MS,
    "make the state's topic on the primary",
    signal,
    (limited) => ensure("primary", limited),
  );
  const [secondary] = await Promise.allSettled([
    ensure("secondary", signal),
    primary,
  ]);
  if (secondary.status === "rejected") throw secondary.reason;
}

/**
 * Of all topics that lanes have spoken of.
 * @throws {KafkaError}; the signal's reason.
 */
export async function mirroredPartitions(
  admin: Admin,
  map: OffsetMap,
  targetTopic: (topic: string) => string,
  signal: AbortSignal,
): Promise<TopicPartition[]> {
  const counts = await partitionCounts(admin, signal);
  const topics = new Set(
    Array.from(map.partitions(), ({ topic }) => targetTopic(topic)),
  );
  return [...topics].flatMap((topic) =>
    partitionsOf(topic, counts.get(topic) ?? 0)
  );
}

/**
 * Which S groups stand at.
 * @throws {KafkaError | ReadError}; the signal's reason.
 */
export async function readCuts(
  parts: LaneStateParts,
  signal: AbortSignal,
): Promise<CutStore> {
  const topic = cutsTopic(parts.flow.source);
  const cuts = new CutStore(topic);
  await readTexts(parts, topic, (...each) => cuts.read(...each), signal);
  return cuts;
}

/**
 * Groups that have no members. A broker that does not answer has none, or they
 * are moved to another one, which has them then.
 * @throws {KafkaError}; the signal's reason.
 */
export async function idleGroups(
  admin: Admin,
  signal: AbortSignal,
): Promise<string[]> {
  const { groups } = await askRepeatedly(
    () => admin.groups.list({ timeoutMs: ATTEMPT_MS, signal }),
    REQUEST_MS,
    signal,
  );
  return groups
    // Older brokers do not tell.
    .filter(({ state }) => state === "Empty" || state === "Unknown")
    .map(({ groupId }) => groupId);
}

/**
 * A group's positions; what an open transaction may still change is waited for.
 * @throws {KafkaError}; the signal's reason.
 */
export async function committedOf(
  admin: Admin,
  group: string,
  signal: AbortSignal,
): Promise<Committed> {
  const deadlineMs = performance.now() + REQUEST_MS;
  for (;;) {
    const answers = await askRepeatedly(
      () =>
        admin.groups.offsets(group, "all", {
          timeoutMs: ATTEMPT_MS,
          requireStable: true,
          signal,
        }),
      REQUEST_MS,
      signal,
    );
    const failed = answers.find(({ error }) => error !== null)?.error ?? null;
    if (failed === null) {
      return new Map(
        answers.flatMap((each) =>
          each.offset === null ? [] : [[idOf(each), each.offset] as const]
        ),
      );
    }
    if (!failed.retriable || performance.now() > deadlineMs) throw failed;
    await pause(UNSTABLE_MS, signal);
    signal.throwIfAborted();
  }
}
