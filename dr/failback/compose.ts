/** What a failback does on real clusters, up to the switch. */
import {
  type Admin,
  KafkaError,
  type Library,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { forEachBounded } from "../cut/bounded.ts";
import { ensureCompacted } from "../cut/ensure_topics.ts";
import {
  askRepeatedly,
  ATTEMPT_MS,
  earliestOffsets,
  latestOffsets,
} from "../cut/requests.ts";
import { type ClusterClients, openClusters } from "../clusters.ts";
import type { EraOutputs } from "../failover/done_records.ts";
import { readDoneLog, writeDone } from "../failover/done_topic.ts";
import { partitionCounts, REQUEST_MS } from "../failover/target.ts";
import { type Flow, lanesTopic, replayTopic } from "../formats/mod.ts";
import { ensureOwnTopics } from "../mirror/own_topics.ts";
import { LaneFollower, type OffsetMap } from "../offset_map/mod.ts";
import {
  type ClusterName,
  ensureStateTopics,
  STATE_TIMINGS,
  STATE_TOPIC,
  StateStore,
} from "../state/mod.ts";
import { untilMirrored } from "./caught_up.ts";
import { FailbackError } from "./errors.ts";
import type { FailBackParts, StepReport } from "./fail_back.ts";
import { untilIdle } from "./idle_groups.ts";
import { readTail } from "./read_tail.ts";
import type { Chunk } from "./replay_records.ts";
import { replayPartition } from "./replay.ts";
import { readReplayLog } from "./replay_log_topic.ts";
import { doneAfterReplay } from "./replayed_done.ts";
import { reverseSeeds, writeSeeds } from "./seed.ts";
import { restingGroups } from "./stage.ts";
import { planTail, type TailRules, type TopicPlan } from "./tail_plan.ts";
import { ensureTargets } from "./targets.ts";

export interface OpenFailBackOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  readonly rules: TailRules;
  /** What the mirror from the primary takes. */
  readonly isMirrored: (topic: string) => boolean;
  /** What the one from the secondary takes. */
  readonly isMirroredBack: (topic: string) => boolean;
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
  readonly store: StateStore;
}

const PARTITIONS_AT_ONCE = 4;
const ALIVE_MS = 5_000;

/** @throws {PropertyError} where clients cannot be made. */
export function openFailBack(options: OpenFailBackOptions): OpenFailBack {
  const { library, log, onProgress, replicationFactor } = options;
  const flow: Flow = { source: "primary", target: "secondary" };
  const back: Flow = { source: "secondary", target: "primary" };
  const owned = new AsyncDisposableStack();
  const clients = owned.use(openClusters(options));
  const store = owned.use(
    new StateStore({ ...clients, timings: STATE_TIMINGS }),
  );
  const { primary, secondary } = clients.clusters;
  const { onClientEvent: onEvent } = clients;
  const reading = { library, flow, ...secondary };
  const writing = { library, properties: secondary.producer, onEvent };

  /** As it is: nobody mirrors from the primary any more. */
  const mapNow = async (signal: AbortSignal): Promise<OffsetMap> => {
    const topic = lanesTopic(flow.source);
    const counts = await partitionCounts(secondary.admin, signal);
    if (!counts.has(topic)) {
      throw new FailbackError("refused", "no mirror has ever run");
    }
    await using follower = await LaneFollower.open({
      library,
      properties: secondary.consumer,
      topic,
      signal,
    });
    await follower.load(signal);
    return follower.map;
  };
  const found = async (signal: AbortSignal): Promise<EraOutputs> =>
    (await readDoneLog(reading, signal)).newest() ??
      { era: 0, done: [], tail: [] };

  return {
    store,
    now: () => performance.now(),
    onStep: options.onStep,
    async newest(signal) {
      const counts = await partitionCounts(secondary.admin, signal);
      if (!counts.has(STATE_TOPIC)) return null;
      const copies = await store.read(signal);
      // The primary's copy alone does not say where it stands.
      if (copies.secondary.kind === "failed") throw copies.secondary.error;
      return copies.newest;
    },
    async change(decide, signal) {
      // A primary that died before the first state has no topic for its copy.
      await ensureStateTopics({
        admin: primary.admin,
        cluster: "primary",
        replicationFactor,
        timeoutMs: REQUEST_MS,
      }, signal);
      return await store.change(decide, { signal });
    },
    async tail(signal) {
      await expectAlive(primary.admin, signal);
      const [map, replays, { tail }] = await Promise.all([
        mapNow(signal),
        readReplayLog(reading, signal),
        found(signal),
      ]);
      const { problems, topics } = await readTail({
        library,
        admin: primary.admin,
        consumer: primary.consumer,
        map,
        log: replays,
        isMirrored: options.isMirrored,
      }, signal);
      const plan = planTail(topics, options.rules);
      return { plan, problems, resting: restingGroups(tail, plan) };
    },
    untilIdle: (groups, signal) => untilIdle(secondary.admin, groups, signal),
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
      let copied = 0;
      const parts = {
        ...reading,
        ...writing,
        oldConsumer: primary.consumer,
        oldClusterId: clusterId ?? "",
        onChunk: ({ next, partition, runs, topic }: Chunk) => {
          copied += runs.reduce((sum, [, , length]) => sum + length, 0);
          onProgress(`${topic} [${partition}] dealt with below ${next}`);
        },
      };
      await forEachBounded(
        plan.flatMap(workOf),
        PARTITIONS_AT_ONCE,
        (work) => replayPartition(parts, work, signal),
      );
      return copied;
    },
    async writeDone(era, signal) {
      const [replays, before] = await Promise.all([
        readReplayLog(reading, signal),
        found(signal),
      ]);
      await writeDone(
        { ...reading, replicationFactor },
        writing,
        doneAfterReplay(before, replays, era),
        signal,
      );
    },
    async seed(era, signal) {
      const own = await ensureOwnTopics({
        admin: primary.admin,
        flow: back,
        lanes: options.lanes,
        replicationFactor,
        log,
      });
      const map = await mapNow(signal);
      const partitions: TopicPartition[] = Array.from(
        map.partitions(),
        ({ partition, topic }) => ({ topic, partition }),
      );
      const topics = [...new Set(partitions.map(({ topic }) => topic))];
      const [activeBegins, oldEnds, summaries] = await Promise.all([
        earliestOffsets(secondary.admin, partitions, REQUEST_MS, signal),
        latestOffsets(primary.admin, partitions, false, REQUEST_MS, signal),
        topics.length === 0 ? [] : secondary.admin.topics.summarize(topics, {
          timeoutMs: REQUEST_MS,
          signal,
        }),
      ]);
      const activeIds = new Map(
        summaries.filter(({ error }) => error === null)
          .map(({ topic, topicId }) => [topic, topicId]),
      );
      const returns = options.isMirroredBack;
      const sides = { map, returns, activeIds, activeBegins, oldEnds };
      const { deltas, problems } = reverseSeeds(sides);
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

const workOf = ({ partitions, target, topic, topicId, treatment }: TopicPlan) =>
  treatment === "reconcile" ? [] : partitions
    .filter(({ end, start }) => start < end)
    .map(({ end, partition, start }) => ({
      topic,
      topicId,
      partition,
      start,
      end,
      action: treatment,
      target: target ?? topic,
    }));
