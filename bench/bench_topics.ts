/** The bench's own view of the broker: topics, watermarks, commits. */
import { quietKafka } from "../tests/support/quiet_kafkajs.ts";
import type { KafkaCluster } from "../tests/support/kafka_cluster.ts";
import { eventually } from "../tests/support/wait.ts";

type Admin = ReturnType<ReturnType<typeof quietKafka>["admin"]>;

export class BenchTopics implements AsyncDisposable {
  static async connect(cluster: KafkaCluster): Promise<BenchTopics> {
    const admin = quietKafka(cluster.bootstrapServers).admin();
    await admin.connect();
    return new BenchTopics(cluster, admin);
  }

  readonly brokers: string;
  #cluster: KafkaCluster;
  #admin: Admin;

  private constructor(cluster: KafkaCluster, admin: Admin) {
    this.brokers = cluster.bootstrapServers;
    this.#cluster = cluster;
    this.#admin = admin;
  }

  async create(name: string, partitions: number): Promise<void> {
    await this.#cluster.createTopic(name, partitions);
    // A broker names itself leader a moment before it acts as one.
    await eventually(async () => await this.outputs(name) === 0, {
      what: `answered for the partitions of ${name}`,
    });
  }

  async delete(...names: readonly string[]): Promise<void> {
    await this.#admin.deleteTopics({ topics: [...names] });
  }

  /** The sum of all partitions' high watermarks. */
  async outputs(topic: string): Promise<number> {
    const offsets = await this.#admin.fetchTopicOffsets(topic);
    return sum(offsets.map(({ high }) => Number(high)));
  }

  /** The sum of the group's committed offsets; partitions without one count 0. */
  async committed(group: string, topic: string): Promise<number> {
    const [found] = await this.#admin.fetchOffsets({
      groupId: group,
      topics: [topic],
    });
    const offsets = found?.partitions ?? [];
    return sum(offsets.map(({ offset }) => Math.max(0, Number(offset))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#admin.disconnect();
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}
