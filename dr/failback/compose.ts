/** What a failback does on real clusters, up to the switch. */
import { type Admin, KafkaError, type Library } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { ensureCompacted } from "../cut/ensure_topics.ts";
import { askRepeatedly, ATTEMPT_MS } from "../cut/requests.ts";
import { type ClusterClients, openClusters } from "../clusters.ts";
import { allow } from "../denials.ts";
import type { EraOutputs } from "../failover/done_records.ts";
import { readDoneLog, writeDone } from "../failover/done_topic.ts";
import {
  newestState,
  partitionCounts,
  REQUEST_MS,
} from "../failover/target.ts";
import { inTransactions } from "../failover/transactions.ts";
import { type Flow, lanesTopic, replayTopic } from "../formats/mod.ts";
import { NAMESPACE } from "../formats/namespace.ts";
import { ensureOwnTopics } from "../mirror/own_topics.ts";
import { type OffsetMap, readMap } from "../offset_map/mod.ts";
import {
  type ClusterName,
  type DrState,
  ensureStateTopics,
  STATE_TIMINGS,
  type StateClusters,
  StateStore,
  Votes,
} from "../state/mod.ts";
import { untilMirrored } from "./caught_up.ts";
import { FailbackError, failed } from "./errors.ts";
import type { FailBackParts, StepReport } from "./fail_back.ts";
import { giveUp, type GiveUpParts, type GiveUpRequest } from "./give_up.ts";
import { untilIdle } from "./idle_groups.ts";
import { endLeftOpen } from "./left_open.ts";
import { readSides } from "./read_sides.ts";
import { readTail } from "./read_tail.ts";
import type { Chunk } from "./replay_records.ts";
import { replayablePartitions } from "./replayable.ts";
import { replayPartition, replayTransactionalId } from "./replay.ts";
import { readReplayLog } from "./replay_log_topic.ts";
import { doneAfterReplay } from "./replayed_done.ts";
import { reverseSeeds, type Seeds, writeSeeds } from "./seed.ts";
import { restingGroups } from "./stage.ts";
import {
  compactedNotes,
  misnamedTails,
  planTail,
  type TailRules,
} from "./tail_plan.ts";
import { ensureTargets, workOf } from "./targets.ts";
import { topicIdsNow, topicsNow } from "../topics_now.ts";
import { whileAlive } from "./while_alive.ts";

export interface OpenFailBackOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  readonly rules: TailRules;
  /** What the mirror from the primary takes. */
  readonly isMirrored: (topic: string) => boolean;
  /** What the one from the secondary takes. */
  readonly isMirroredBack: (topic: string) => boolean;
  /** How long pools may take to finish what they have. */
  readonly drainMs: number;
  /** Of lanes of the mirror back that have yet to be made. */
  readonly lanes: number;
  /** Of topics that have yet to be made; no more than there are brokers. */
  readonly replicationFactor: number;
  readonly onStep: (report: StepReport) => void;
  /** Progress within a step, as a user reads it. */
  readonly onProgress: (text: string) => void;
  readonly log: Log;
}

export interface OpenFailBack extends FailBackParts, AsyncDisposable {
  /** Of both clusters, for the switch as well. */
  readonly clients: StateClusters;
  readonly store: StateStore;
  /** Whatever stands: see `giveUp`. */
  readonly cancel: (
    request: GiveUpRequest,
    signal: AbortSignal,
  ) => Promise<DrState | null>;
}

const PARTITIONS_AT_ONCE = 4;
const IDS_AT_ONCE = 64;
/** Whoever gives up has failed at something, and does not wait for long. */
const GIVE_UP_MS = 60_000;
const PRUNE_ID = `${NAMESPACE}-replay`;
const ALIVE_MS = 5_000;
/** Of a copy of the state: nobody waits for the way home, as for a failover. */
const READ_MS = 10_000;

/** @throws {PropertyError} where clients cannot be made. */
export function openFailBack(options: OpenFailBackOptions): OpenFailBack {
  const { library, log, onProgress, replicationFactor } = options;
  const flow: Flow = { source: "primary", target: "secondary" };
  const back: Flow = { source: "secondary", target: "primary" };
  const owned = new AsyncDisposableStack();
  const clients = owned.use(openClusters(options));
  const store = owned.use(
    new StateStore({
      ...clients,
      timings: { ...STATE_TIMINGS, readMs: READ_MS },
    }),
  );
  const { primary, secondary } = clients.clusters;
  const { onClientEvent: onEvent } = clients;
  const reading = { library, flow, ...secondary };
  const writing = { library, properties: secondary.producer, onEvent };

  let hasTopics = false;
  /** As it is: nobody mirrors from the primary any more. */
  const mapNow = async (signal: AbortSignal): Promise<OffsetMap> => {
    const topic = lanesTopic(flow.source);
    const counts = await partitionCounts(secondary.admin, signal);
    if (!counts.has(topic)) {
      throw new FailbackError("refused", "no mirror has ever run");
    }
    const properties = secondary.consumer;
    return await readMap({ library, properties, topic, failed, signal });
  };
  const found = async (signal: AbortSignal): Promise<EraOutputs> =>
    (await readDoneLog(reading, signal)).newest() ??
      { era: 0, done: [], tail: [] };

  const seedsNow = async (
    map: OffsetMap,
    signal: AbortSignal,
  ): Promise<Seeds> => {
    const { isMirroredBack } = options;
    const sides = { ...reading, oldAdmin: primary.admin, isMirroredBack };
    return reverseSeeds(await readSides(sides, map, signal));
  };
  const keepReplayed = async (era: number, signal: AbortSignal) => {
    const [replays, before] = await Promise.all([
      readReplayLog(reading, signal),
      found(signal),
    ]);
    const topicIds = await topicIdsNow(
      secondary.admin,
      replays.targets(),
      signal,
    );
    await writeDone(
      { ...reading, replicationFactor },
      writing,
      () => Promise.resolve(doneAfterReplay(before, replays, topicIds, era)),
      signal,
    );
  };
  const votes = async (signal: AbortSignal) => {
    await using reading = new Votes({
      library,
      cluster: secondary,
      onClientEvent: onEvent,
      requestMs: REQUEST_MS,
      onUnreadable: () => {},
      onFailure: () => {}, // then they are not read in time, which is told
    });
    return (await reading.current(signal)).votes;
  };
  const giveUpParts: GiveUpParts = {
    // The primary may be gone.
    change: (decide, signal) => store.change(decide, { force: true, signal }),
    latest: (signal) => store.latest(signal),
    expectPrimary: (signal) => expectAlive(primary.admin, signal),
    async endReplay(signal) {
      const counts = await partitionCounts(secondary.admin, signal);
      if (!counts.has(replayTopic(flow.source))) return;
      const partitions = replayablePartitions(
        (await mapNow(signal)).partitions(),
        counts,
        options.isMirrored,
      );
      await forEachBounded(
        partitions,
        IDS_AT_ONCE,
        (tp) =>
          inTransactions(writing, replayTransactionalId(tp), () => [], signal),
      );
    },
    allow: (active, signal) => allow(clients.clusters[active].admin, signal),
    async keepDone(active, era, signal) {
      if (active === "secondary") return await keepReplayed(era, signal);
      const there = { library, flow: back, ...primary };
      const known = (await readDoneLog(there, signal)).newest();
      if (known === null) return;
      await writeDone(
        { ...there, replicationFactor },
        { library, properties: primary.producer, onEvent },
        () => Promise.resolve({ ...known, era }),
        signal,
      );
    },
  };

  return {
    clients,
    store,
    now: () => performance.now(),
    onStep: options.onStep,
    latest: giveUpParts.latest,
    giveUp: (why, epoch) =>
      giveUp(giveUpParts, { why, epoch }, AbortSignal.timeout(GIVE_UP_MS)),
    cancel: (request, signal) => giveUp(giveUpParts, request, signal),
    whileAlive: (work, signal) =>
      whileAlive(primary.admin, "the primary", work, signal),
    newest: (signal) => newestState(secondary.admin, store, signal),
    async change(decide, signal) {
      // A primary that died before the first state has no topic for its copy.
      if (!hasTopics) {
        await ensureStateTopics({
          admin: primary.admin,
          cluster: "primary",
          replicationFactor,
          timeoutMs: REQUEST_MS,
        }, signal);
        hasTopics = true;
      }
      return await store.change(decide, { signal });
    },
    async tail(signal) {
      await expectAlive(primary.admin, signal);
      const [map, replays, { tail: outputs }] = await Promise.all([
        mapNow(signal),
        readReplayLog(reading, signal),
        found(signal),
      ]);
      const tail = await readTail({
        library,
        admin: primary.admin,
        consumer: primary.consumer,
        map,
        log: replays,
        isMirrored: options.isMirrored,
        endHanging: (open, each) =>
          endLeftOpen({ library, ...primary, votes, log }, open, each),
      }, signal);
      const { names, topics } = tail;
      const plan = planTail(topics, options.rules);
      const seeds = await seedsNow(map, signal);
      const misnamed = misnamedTails(options.rules, names);
      return {
        plan,
        problems: [...misnamed, ...tail.problems, ...seeds.problems],
        notes: [...tail.notes, ...seeds.notes, ...compactedNotes(plan)],
        resting: restingGroups(outputs, plan),
      };
    },
    untilIdle: (groups, signal) =>
      untilIdle(
        { ...secondary, cluster: "secondary", drainMs: options.drainMs },
        groups,
        signal,
      ),
    async replay(plan, signal) {
      const described = (admin: Admin) =>
        askRepeatedly(
          () => admin.describeCluster({ timeoutMs: ATTEMPT_MS, signal }),
          REQUEST_MS,
          signal,
        );
      const [{ clusterId }, { brokers }] = await Promise.all([
        described(primary.admin),
        described(secondary.admin),
      ]);
      const replicas = Math.min(replicationFactor, brokers.length);
      await ensureCompacted({
        admin: secondary.admin,
        topics: [replayTopic(flow.source)],
        replicationFactor: replicas,
        timeoutMs: REQUEST_MS,
      }, signal);
      await ensureTargets(secondary.admin, plan, replicas, signal);
      const targets = await topicsNow(
        secondary.admin,
        plan.flatMap(({ target }) => target ?? []),
        signal,
      );
      const map = await mapNow(signal);
      const mirrored = new Set(
        Array.from(map.partitions(), ({ topic }) => topic),
      );
      const activeIds = await topicIdsNow(
        secondary.admin,
        [...mirrored],
        signal,
      );
      const stale = (await readReplayLog(reading, signal))
        .stale((chunk) => map.position(chunk)?.position ?? null);
      const forgotten = stale.map((key) => ({
        topic: replayTopic(flow.source),
        partition: 0,
        key,
        value: null,
      }));
      if (forgotten.length > 0) {
        await inTransactions(writing, PRUNE_ID, () => forgotten, signal);
      }
      let copied = 0;
      const parts = {
        ...reading,
        ...writing,
        oldConsumer: primary.consumer,
        oldClusterId: clusterId ?? "",
        inputs: {
          map,
          activeIds,
          oldClusterId: clusterId ?? "",
        },
        onChunk: ({ next, partition, runs, topic }: Chunk) => {
          copied += runs.reduce((sum, [, , length]) => sum + length, 0);
          onProgress(`${topic} [${partition}] dealt with below ${next}`);
        },
      };
      await forEachBounded(
        plan.flatMap((each) => workOf(each, targets)),
        PARTITIONS_AT_ONCE,
        (work) => replayPartition(parts, work, signal),
      );
      return copied;
    },
    writeDone: keepReplayed,
    async seed(era, signal) {
      const own = await ensureOwnTopics({
        admin: primary.admin,
        flow: back,
        lanes: options.lanes,
        replicationFactor,
        log,
      });
      const { deltas, problems } = await seedsNow(await mapNow(signal), signal);
      if (problems.length > 0) {
        throw new FailbackError("failed", problems.join("; "));
      }
      await writeSeeds(
        {
          library,
          flow: back,
          ...primary,
          writing: { library, properties: primary.producer, onEvent },
          lanes: own.lanes,
        },
        deltas,
        era,
        signal,
      );
      return deltas.length;
    },
    untilCaughtUp: (signal) =>
      untilMirrored({
        library,
        flow: back,
        admin: secondary.admin,
        consumer: primary.consumer,
        isMirrored: options.isMirroredBack,
        onLag: (lag) =>
          onProgress(
            `${lag} offsets to go; deno task mirror --from secondary copies them`,
          ),
      }, signal),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Else each question would wait for its own time-out. */
async function expectAlive(
  admin: Pick<Admin, "describeCluster">,
  signal: AbortSignal,
): Promise<void> {
  try {
    await admin.describeCluster({ timeoutMs: ALIVE_MS, signal });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof KafkaError)) throw error;
    throw new FailbackError(
      "refused",
      `the primary does not answer (${error.message}): there is nothing to ` +
        "come back to yet",
    );
  }
}
