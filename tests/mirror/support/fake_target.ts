/** The topics that a mirror makes on its target, by kafkajs. */
import type { Admin } from "kafkajs";
import { lanesTopic, positionsTopic } from "../checker.ts";

const topicResource = 2;
const setOnTopic = 1;

export class FakeTarget {
  readonly #source: Admin;
  readonly #target: Admin;
  readonly #patterns: readonly RegExp[];

  /** @param patterns of whole names. */
  constructor(source: Admin, target: Admin, patterns: readonly RegExp[]) {
    this.#source = source;
    this.#target = target;
    this.#patterns = patterns;
  }

  async createInternal(alias: string, lanes: number): Promise<void> {
    const there = await this.#target.listTopics();
    const topics = [
      { topic: lanesTopic(alias), numPartitions: lanes, configEntries: [] },
      {
        topic: positionsTopic(alias),
        numPartitions: 1,
        configEntries: [{ name: "cleanup.policy", value: "compact" }],
      },
    ].filter(({ topic }) => !there.includes(topic));
    if (topics.length > 0) await this.#target.createTopics({ topics });
  }

  /** Creates and grows what is needed; returns the names of all. */
  async follow(): Promise<string[]> {
    const names = (await this.#source.listTopics()).filter((name) =>
      this.#patterns.some((pattern) => pattern.test(name))
    );
    if (names.length === 0) return [];
    const there = await this.#counts(
      this.#target,
      (await this.#target.listTopics()).filter((name) => names.includes(name)),
    );
    for (const [topic, count] of await this.#counts(this.#source, names)) {
      const known = there.get(topic);
      if (known === undefined) {
        const configEntries = await this.#configs(topic);
        await this.#target.createTopics({
          waitForLeaders: true,
          topics: [{ topic, numPartitions: count, configEntries }],
        });
      } else if (known < count) {
        await this.#target.createPartitions({
          topicPartitions: [{ topic, count }],
        });
      }
    }
    return names;
  }

  async #counts(admin: Admin, topics: string[]): Promise<Map<string, number>> {
    if (topics.length === 0) return new Map();
    const metadata = await admin.fetchTopicMetadata({ topics });
    return new Map(
      metadata.topics.map(({ name, partitions }) => [name, partitions.length]),
    );
  }

  async #configs(topic: string): Promise<{ name: string; value: string }[]> {
    const { resources } = await this.#source.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: topicResource, name: topic }],
    });
    return (resources[0]?.configEntries ?? [])
      .filter(({ configSource }) => Number(configSource) === setOnTopic)
      .map(({ configName, configValue }) => ({
        name: configName,
        value: configValue,
      }));
  }
}
