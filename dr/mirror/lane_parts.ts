/** How a lane does its work on the two clusters. */
import type {
  Admin,
  Library,
  ProducerProperties,
  TopicPartition,
} from "../../src/kafka/mod.ts";
import type { MirrorJob } from "../../src/pool/protocol.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import { connectOffsetsTopic, type Flow, lanesTopic } from "../formats/mod.ts";
import type { DamageChecker, Evidence, MirroredTopic } from "../topics/mod.ts";
import type { ClusterClients } from "../clusters.ts";
import { partitionsOf } from "../partitions.ts";
import { batchLimit } from "./batch_limit.ts";
import { endHanging } from "./hanging.ts";
import { LaneSealedError, readLaneEra } from "./lane_era.ts";
import { LaneLogKeeper } from "./lane_log_keeper.ts";
import type { LanePartition, PartitionsParts } from "./lane_partition.ts";
import { Partitions } from "./lane_partitions.ts";
import { type LaneState, readLaneState } from "./lane_state.ts";
import { transactionalId } from "./names.ts";
import { neededFrom } from "./needed_from.ts";
import type { SourceClient, SourceClients } from "./source_clients.ts";

export interface LaneParts {
  readonly library: Library;
  /** Of the source, without a group; all lanes of the process share them. */
  readonly source: Pick<SourceClients, "take">;
  /** Of the target, with the lane's transactional id. */
  readonly producer: (lane: number) => ProducerProperties;
  readonly job: Omit<MirrorJob, "lane">;
  readonly rateLimit: SharedArrayBuffer;
  /** Of the target: where a lane says how far it is. */
  readonly statePartitions: (lane: number) => Promise<TopicPartition[]>;
  /**
   * See `endHanging`: of partitions of the target.
   * @param foreign kept for the lane, over its lives.
   */
  readonly endHanging: (
    lane: number,
    partitions: readonly TopicPartition[],
    foreign: Set<string>,
    signal: AbortSignal,
  ) => Promise<boolean>;
  readonly readState: (lane: number, signal: AbortSignal) => Promise<LaneState>;
  /**
   * To be called before the lane's id is initialised.
   * @throws {LaneSealedError} where the era of the job has ended.
   */
  readonly expectUnsealed: (lane: number, signal: AbortSignal) => Promise<void>;
  /** Topics that are there on both sides, of all lanes. */
  readonly topics: () => readonly MirroredTopic[];
  /** `batch.size` of its producer as it should be now: see `batchLimit`. */
  readonly batchBytes: (lane: number) => number;
  /** What of the topics belongs to this lane, and where each partition stands. */
  readonly partitions: (
    lane: number,
    state: LaneState,
    source: SourceClient,
  ) => Partitions;
  readonly keeper: (
    lane: number,
    state: LaneState,
    partitions: Partitions,
  ) => LaneLogKeeper;
  readonly log: Log;
  /** Null: nobody takes spans. */
  readonly spans: SpanRecorder | null;
}

/** What a process has for all of its lanes. */
export interface LaneWorld {
  readonly library: Library;
  readonly flow: Flow;
  readonly job: Pick<MirrorJob, "era" | "limits" | "transaction" | "logLevel">;
  /** How many there are. */
  readonly lanes: number;
  /** Without a group; all lanes of the process share them. */
  readonly source: Pick<SourceClients, "take">;
  readonly target: ClusterClients;
  readonly targetAdmin: Admin;
  readonly checker: DamageChecker;
  readonly describe: PartitionsParts["describe"];
  /** See `PartitionsParts`. */
  readonly doubts: Map<string, Evidence>;
  /** See `PartitionsParts`. */
  readonly known: Map<string, LanePartition>;
  readonly rateLimit: SharedArrayBuffer;
  readonly readReturned: (
    signal: AbortSignal,
  ) => Promise<Pick<LaneState, "kept" | "returned">>;
  /** Topics that are there on both sides, of all lanes. */
  readonly topics: () => readonly MirroredTopic[];
  /** See `TopicSync`. */
  readonly batchLimitOf: (topic: string) => number | null;
  /** Of all groups' positions in a source partition; null: not known. */
  readonly lowest: (tp: TopicPartition) => number | null;
  readonly nextEpoch: () => number;
  readonly log: Log;
  /** Null: nobody takes spans. */
  readonly spans: SpanRecorder | null;
}

const DELETE_MS = 30_000;
const REQUEST_MS = 10_000;

export function laneParts(world: LaneWorld): LaneParts {
  const { flow, job, lanes, library, log, source, target } = world;
  const admin = world.targetAdmin;
  const reading = { library, flow, consumer: target.consumer, admin };
  const { era } = job;
  const producerOf = (lane: number) => ({
    ...target.producer,
    "transactional.id": transactionalId(flow, lane),
  });
  return {
    library,
    source,
    producer: producerOf,
    job: {
      ...job,
      source: flow.source,
      laneTopic: lanesTopic(flow.source),
      offsetsTopic: connectOffsetsTopic(flow.source),
    },
    rateLimit: world.rateLimit,
    topics: world.topics,
    batchBytes: (lane) =>
      batchLimit({
        lane,
        lanes,
        topics: world.topics(),
        wanted: target.producer["batch.size"],
        limitOf: world.batchLimitOf,
      }),
    statePartitions: (lane) => statePartitions(world, lane),
    endHanging: (lane, partitions, foreign, signal) =>
      endHanging(
        { library, admin, producer: producerOf(lane), foreign, log },
        partitions,
        signal,
      ),
    async readState(lane, signal) {
      const [state, returned] = await Promise.all([
        readLaneState({ ...reading, era }, lane, signal),
        world.readReturned(signal),
      ]);
      return { ...state, ...returned };
    },
    async expectUnsealed(lane, signal) {
      const newest = await readLaneEra(reading, lane, signal);
      if (newest > era) throw new LaneSealedError(lane, newest, era);
    },
    partitions: (lane, state, source) =>
      new Partitions({
        lane,
        lanes,
        state,
        era,
        source,
        checker: world.checker,
        describe: world.describe,
        doubts: world.doubts,
        known: world.known,
        nextEpoch: world.nextEpoch,
      }),
    keeper: (lane, state, partitions) =>
      new LaneLogKeeper({
        lane,
        lanes,
        state,
        neededFrom: (each) =>
          neededFrom(
            partitions.logStart(each, each.topicId),
            world.lowest(each),
          ),
        deleteBelow: (each, offset) => deleteBelow(world, each, offset),
        log,
      }),
    log,
    spans: world.spans,
  };
}

/** Of the target: the lane's log, and all of MirrorMaker 2's positions. */
async function statePartitions(
  { flow, targetAdmin }: LaneWorld,
  lane: number,
): Promise<TopicPartition[]> {
  const topic = connectOffsetsTopic(flow.source);
  const counts = await targetAdmin.partitionCounts(REQUEST_MS);
  return [
    { topic: lanesTopic(flow.source), partition: lane },
    ...partitionsOf(topic, counts.get(topic) ?? 0),
  ];
}

async function deleteBelow(
  { flow, targetAdmin }: LaneWorld,
  lane: number,
  offset: number,
): Promise<void> {
  const topic = lanesTopic(flow.source);
  const [answer] = await targetAdmin.partitions.deleteRecords(
    [{ topic, partition: lane, offset }],
    { timeoutMs: DELETE_MS },
  );
  if (answer?.error) throw answer.error;
}
