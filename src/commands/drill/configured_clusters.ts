/**
 * The clusters of the settings, with topics of one drill, which go with it. What
 * breaks is the links of the drill, or what a command of the user breaks.
 */
import { createMissing } from "../../../dr/cut/ensure_topics.ts";
import { DRILL_NAMESPACE } from "../../../dr/formats/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import { type Admin, KafkaError } from "../../kafka/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import type { ClusterFault } from "./cluster_fault.ts";
import type { DrillClusters } from "./roles_world.ts";
import type { UserCommands } from "./user_commands.ts";

export interface ConfiguredClustersOptions {
  readonly servers: Readonly<Record<ClusterName, string>>;
  /** Owned by it. */
  readonly admins: Readonly<Record<ClusterName, Admin>>;
  /** What the names of all of the drill's topics have in them. */
  readonly namespace: string;
  readonly jobTopics: readonly string[];
  /** Owned by it. */
  readonly commands: UserCommands;
  readonly log: Log;
}

const PARTITIONS = 4;
const MOST_REPLICAS = 3;
const REQUEST_MS = 15_000;
const NAMES: readonly ClusterName[] = ["primary", "secondary"];

export class ConfiguredClusters implements DrillClusters {
  readonly #options: ConfiguredClustersOptions;

  private constructor(options: ConfiguredClustersOptions) {
    this.#options = options;
  }

  /** @throws {KafkaError} where topics cannot be made. */
  static async open(
    options: ConfiguredClustersOptions,
    signal: AbortSignal,
  ): Promise<ConfiguredClusters> {
    const { namespace } = options;
    if (!namespace.startsWith(DRILL_NAMESPACE)) throw new TypeError(namespace);
    const clusters = new ConfiguredClusters(options);
    try {
      for (const name of NAMES) await clusters.#create(name, signal);
      return clusters;
    } catch (error) {
      await clusters[Symbol.asyncDispose]();
      throw error;
    }
  }

  get servers(): Readonly<Record<ClusterName, string>> {
    return this.#options.servers;
  }

  get failed(): Promise<string> {
    return this.#options.commands.failed;
  }

  begin(fault: ClusterFault): boolean {
    return this.#options.commands.begin(fault);
  }

  end(fault: ClusterFault): boolean {
    return this.#options.commands.end(fault);
  }

  /** What was broken is mended, and all topics of the drill are deleted. */
  async [Symbol.asyncDispose](): Promise<void> {
    const { admins, commands, log } = this.#options;
    await commands[Symbol.asyncDispose]();
    for (const name of NAMES) {
      try {
        await this.#delete(admins[name]);
      } catch (error) {
        if (!(error instanceof KafkaError)) throw error;
        log.error(`topics of the drill are left on the ${name}; delete those`, {
          beginning: this.#options.namespace,
          error: error.message,
        });
      }
      await admins[name][Symbol.asyncDispose]();
    }
  }

  async #create(name: ClusterName, signal: AbortSignal): Promise<void> {
    const { admins, jobTopics } = this.#options;
    const admin = admins[name];
    const { brokers } = await admin.describeCluster({
      timeoutMs: REQUEST_MS,
      signal,
    });
    const topics = jobTopics.map((topic) => ({
      topic,
      partitions: PARTITIONS,
      replicationFactor: Math.min(MOST_REPLICAS, brokers.length),
      // Copies have the timestamps of their originals.
      config: { "message.timestamp.type": "CreateTime" },
    }));
    await createMissing({ admin, topics, timeoutMs: REQUEST_MS }, signal);
  }

  async #delete(admin: Admin): Promise<void> {
    const { namespace } = this.#options;
    const counts = await admin.partitionCounts(REQUEST_MS);
    const own = [...counts.keys()].filter((each) => each.includes(namespace));
    const answers = await admin.topics.delete(own, { timeoutMs: REQUEST_MS });
    const failed = answers.find(({ error }) => error !== null);
    if (failed !== undefined) throw failed.error;
  }
}
