/**
 * Makes what a coordinator leaves behind that skips a partition's marker: records
 * of a transactional producer that no transaction knows of.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { quietKafka } from "./quiet_kafkajs.ts";

/** Brokers would ask the coordinator, and refuse the records. */
export const ALLOW_HANGING = {
  "transaction.partition.verification.enable": "false",
} as const;

/** What is used of kafkajs 2.2.4's own insides. */
interface InnerBroker {
  initProducerId(request: {
    readonly transactionalId: string;
    readonly transactionTimeout: number;
  }): Promise<{ readonly producerId: string; readonly producerEpoch: number }>;
  produce(request: {
    readonly transactionalId: string;
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly topicData: readonly unknown[];
  }): Promise<unknown>;
  txnOffsetCommit(request: {
    readonly transactionalId: string;
    readonly groupId: string;
    readonly producerId: string;
    readonly producerEpoch: number;
    readonly topics: readonly unknown[];
  }): Promise<unknown>;
}

interface InnerCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  findGroupCoordinator(request: {
    readonly groupId: string;
    readonly coordinatorType: number;
  }): Promise<InnerBroker>;
  findLeaderForPartitions(
    topic: string,
    partitions: readonly number[],
  ): Record<string, readonly number[]>;
  findBroker(request: { readonly nodeId: string }): Promise<InnerBroker>;
}

const GROUP = 0;
const TRANSACTION = 1;

/**
 * A record in each of the partitions, by the producer that has the id.
 * @param group has a position in each of them as well, left open in the same way
 */
export async function leaveHanging(
  bootstrapServers: string,
  transactionalId: string,
  partitions: readonly TopicPartition[],
  group?: string,
): Promise<void> {
  const cluster = innerCluster(bootstrapServers);
  await cluster.connect();
  try {
    const coordinator = await cluster.findGroupCoordinator({
      groupId: transactionalId,
      coordinatorType: TRANSACTION,
    });
    const identity = await coordinator.initProducerId({
      transactionalId,
      transactionTimeout: 10_000,
    });
    for (const { topic, partition } of partitions) {
      await cluster.addTargetTopic(topic);
      const [nodeId] = Object.keys(
        cluster.findLeaderForPartitions(topic, [partition]),
      );
      const leader = await cluster.findBroker({ nodeId: nodeId! });
      const messages = [{ key: "hanging", value: "hanging", headers: {} }];
      await leader.produce({
        transactionalId,
        ...identity,
        topicData: [{
          topic,
          partitions: [{ partition, firstSequence: 0, messages }],
        }],
      });
    }
    if (group === undefined) return;
    const keeper = await cluster.findGroupCoordinator({
      groupId: group,
      coordinatorType: GROUP,
    });
    await keeper.txnOffsetCommit({
      transactionalId,
      ...identity,
      groupId: group,
      topics: partitions.map(({ topic, partition }) => ({
        topic,
        partitions: [{ partition, offset: "1", metadata: "" }],
      })),
    });
  } finally {
    await cluster.disconnect();
  }
}

function innerCluster(bootstrapServers: string): InnerCluster {
  const kafka = quietKafka(bootstrapServers);
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
    description === "private:Kafka:createCluster"
  );
  const create = Reflect.get(kafka, name!) as (options: object) => InnerCluster;
  return create.call(kafka, { allowAutoTopicCreation: false });
}
