/** The topics on the target in which a mirror keeps where it stands. */
import { type Admin, isTopicExisting } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import {
  connectOffsetsTopic,
  doneTopic,
  type Flow,
  lanesTopic,
} from "../formats/mod.ts";

/** Connect's default, `offset.storage.partitions`. */
const POSITIONS_PARTITIONS = 25;
/** A broker that is being restarted is not a wrong address. */
const REACH_MS = 30_000;
const REQUEST_MS = 30_000;

export interface OwnTopicsOptions {
  /** Of the target. */
  readonly admin: Admin;
  readonly flow: Flow;
  /** Of a lane topic that has yet to be made. */
  readonly lanes: number;
  /** At the most; no more than there are brokers. */
  readonly replicationFactor: number;
  readonly log: Log;
}

/**
 * Makes what is missing.
 * @returns the number of lanes, which the topic decides once it is there, and
 * the replicas that topics of the mirror can have.
 * @throws {KafkaError} where the target does not answer, or refuses.
 */
export async function ensureOwnTopics(
  { admin, flow, lanes, log, replicationFactor }: OwnTopicsOptions,
): Promise<{ readonly lanes: number; readonly replicas: number }> {
  const { brokers } = await admin.describeCluster({ timeoutMs: REACH_MS });
  const replicas = Math.min(replicationFactor, brokers.length);
  const laneTopic = lanesTopic(flow.source);
  const before = await admin.partitionCounts(REQUEST_MS);
  const wanted = [
    {
      topic: laneTopic,
      partitions: lanes,
      replicationFactor: replicas,
      // It is shortened by snapshots alone.
      config: {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
      },
    },
    {
      topic: connectOffsetsTopic(flow.source),
      partitions: POSITIONS_PARTITIONS,
      replicationFactor: replicas,
      config: { "cleanup.policy": "compact" },
    },
    {
      // A failover has no time to make it.
      topic: doneTopic(flow.source),
      partitions: 1,
      replicationFactor: replicas,
      config: { "cleanup.policy": "compact" },
    },
  ];
  // What is there needs no right to create.
  const answers = await admin.topics.create(
    wanted.filter(({ topic }) => !before.has(topic)),
    { timeoutMs: REQUEST_MS },
  );
  for (const { error, topic } of answers) {
    if (error !== null && !isTopicExisting(error.code)) throw error;
    if (error === null) log.info("topic created", { topic });
  }
  const counts = await admin.partitionCounts(REQUEST_MS);
  const known = counts.get(laneTopic) ?? lanes;
  if (known !== lanes) {
    log.warn("the lane topic decides how many lanes there are", {
      topic: laneTopic,
      lanes: known,
    });
  }
  return { lanes: known, replicas };
}
