/** A source and a target, each one real broker, and the way between them. */
import type { KafkaJSError } from "kafkajs";
import {
  type GuardedProcess,
  startGuarded,
} from "../../tests/support/guarded_process.ts";
import {
  type KafkaCluster,
  withCluster,
} from "../../tests/support/kafka_cluster.ts";
import { eventually } from "../../tests/support/wait.ts";
import { BenchTopics } from "../bench_topics.ts";
import { projectFolder, resultsFolder } from "../paths.ts";

/** Disjoint ids, as clusters that fail over to one another must have. */
const SOURCE_NODE_ID = 1;
const TARGET_NODE_ID = 101;
/** Kafka's own, and those of groups and transactions. */
const KEPT_TOPIC = /^__/;

export interface TwoClustersOptions {
  readonly brokerHeapMb: number;
  /** Which of them is reached through the distance. */
  readonly farCluster: "source" | "target";
}

/** The addresses that a system under test gets. */
export interface Route extends AsyncDisposable {
  readonly primaryBrokers: string;
  readonly secondaryBrokers: string;
}

export class TwoClusters {
  readonly source: BenchTopics;
  readonly target: BenchTopics;
  readonly #sourceCluster: KafkaCluster;
  readonly #targetCluster: KafkaCluster;
  readonly #farCluster: "source" | "target";

  constructor(
    clusters: { readonly source: KafkaCluster; readonly target: KafkaCluster },
    topics: { readonly source: BenchTopics; readonly target: BenchTopics },
    farCluster: "source" | "target",
  ) {
    this.#sourceCluster = clusters.source;
    this.#targetCluster = clusters.target;
    this.source = topics.source;
    this.target = topics.target;
    this.#farCluster = farCluster;
  }

  /** Whether the target has a topic of this name, and leaders for it. */
  async hasCopy(topic: string): Promise<boolean> {
    const { topics } = await this.#targetCluster.metadata();
    const partitions = topics.get(topic) ?? [];
    return partitions.length > 0 &&
      partitions.every(({ leader }) => leader >= 0);
  }

  /**
   * Asks for the high watermarks of a topic of the target; 0 before it is made,
   * for each system makes its own.
   */
  copied(topic: string): () => Promise<number> {
    let isReady = false;
    return async () => {
      isReady ||= await this.hasCopy(topic) && await this.#answersFor(topic);
      return isReady ? await this.target.outputs(topic) : 0;
    };
  }

  /** A broker names itself leader a moment before it acts as one. */
  async #answersFor(topic: string): Promise<boolean> {
    try {
      await this.target.outputs(topic);
      return true;
    } catch (error) {
      if ((error as KafkaJSError).retriable) return false;
      throw error;
    }
  }

  /** Deletes everything that a system left, so that the next one begins anew. */
  async clear(sourceTopics: readonly string[]): Promise<void> {
    await deleteTopics(this.#targetCluster, this.target, []);
    await deleteTopics(this.#sourceCluster, this.source, sourceTopics);
  }

  /** @param roundTripMs null: no proxy; 0: a proxy that delays nothing. */
  async route(roundTripMs: number | null): Promise<Route> {
    const far = this.#farCluster === "source"
      ? this.#sourceCluster
      : this.#targetCluster;
    const process = roundTripMs === null
      ? null
      : await startDistance(far, roundTripMs / 2);
    const addressOf = (cluster: KafkaCluster) =>
      process !== null && cluster === far
        ? cluster.proxiedServers
        : cluster.bootstrapServers;
    return {
      primaryBrokers: addressOf(this.#sourceCluster),
      secondaryBrokers: addressOf(this.#targetCluster),
      async [Symbol.asyncDispose]() {
        process?.signal("SIGKILL");
        await process?.status;
      },
    };
  }
}

/** Logs are kept when `use` throws. */
export async function withTwoClusters<T>(
  { brokerHeapMb, farCluster }: TwoClustersOptions,
  use: (clusters: TwoClusters) => Promise<T>,
): Promise<T> {
  const options = {
    brokers: 1,
    heapMb: brokerHeapMb,
    proxied: true,
    optimizeFor: "throughput",
    config: { "log.segment.delete.delay.ms": "1000" },
  } as const;
  return await withCluster(
    { ...options, nodeIdBase: SOURCE_NODE_ID },
    (source) =>
      withCluster(
        { ...options, nodeIdBase: TARGET_NODE_ID },
        async (target) => {
          await using sourceTopics = await BenchTopics.connect(source);
          await using targetTopics = await BenchTopics.connect(target);
          return await use(
            new TwoClusters(
              { source, target },
              { source: sourceTopics, target: targetTopics },
              farCluster,
            ),
          );
        },
      ),
  );
}

async function deleteTopics(
  cluster: KafkaCluster,
  topics: BenchTopics,
  kept: readonly string[],
): Promise<void> {
  const left = async () =>
    [...(await cluster.metadata()).topics.keys()]
      .filter((name) => !KEPT_TOPIC.test(name) && !kept.includes(name));
  const names = await left();
  if (names.length === 0) return;
  await topics.delete(...names);
  await eventually(async () => (await left()).length === 0, {
    what: "rid of the topics of the last system",
  });
}

async function startDistance(
  cluster: KafkaCluster,
  delayMs: number,
): Promise<GuardedProcess> {
  const [route] = cluster.routes;
  const process = startGuarded([
    ...[Deno.execPath(), "run", "-A", "--no-check"],
    "bench/mirror/distance.ts",
    ...[route!.listenPort, route!.targetPort, delayMs].map(String),
  ], { cwd: projectFolder, logFile: `${resultsFolder}/distance.log` });
  await eventually(async () => {
    if (!process.alive) return "ended";
    using _ = await Deno.connect({
      hostname: "127.0.0.1",
      port: route!.listenPort,
    });
    return "ready";
  }, { what: "reached the far cluster" });
  return process;
}
