/** Two real clusters and topics on them, for tests of what a mirror makes of these. */
import assert from "node:assert/strict";
import { Admin } from "../../src/kafka/mod.ts";
import { laneOf } from "../../dr/mirror/names.ts";
import { checkMirror, type MirroredTopic } from "../mirror/checker.ts";
import { anomalyText, type MirrorReport } from "../mirror/report.ts";
import { library } from "./embedded.ts";
import { IndependentClient } from "./independent_client.ts";
import { KafkaCluster, type KafkaClusterOptions } from "./kafka_cluster.ts";
import { MirrorRun } from "./mirror_run.ts";
import { realKafkaTest } from "./require_java.ts";
import { eventually } from "./wait.ts";

export interface PairSide {
  readonly cluster: KafkaCluster;
  readonly client: IndependentClient;
  readonly admin: Admin;
}

export interface MirrorPairOptions {
  /** Of the source; the target has one. Default 1. */
  readonly sourceBrokers?: KafkaClusterOptions["brokers"];
  /** Settings of the brokers. */
  readonly source?: KafkaClusterOptions["config"];
  readonly target?: KafkaClusterOptions["config"];
  readonly heapMb?: number;
  /** Of both: see `KafkaClusterOptions`. */
  readonly users?: KafkaClusterOptions["users"];
  /** To either cluster, beside the open one: see `KafkaClusterOptions`. */
  readonly sourceWays?: readonly string[];
  readonly targetWays?: readonly string[];
}

const adminOptions = { timeoutMs: 60_000 };
const targetFirstId = 101;
/** Of its mirrors, unless their settings say otherwise. */
const lanes = 2;
/** Of each mirror's log, where a test failed. */
const toldLines = 60;

/** That of the first two partitions which is in another lane than heartbeats. */
export const besideHeartbeats = (topic: string): 0 | 1 =>
  laneOf({ topic, partition: 0 }, lanes) ===
      laneOf({ topic: "heartbeats", partition: 0 }, lanes)
    ? 1
    : 0;

export class MirrorPair implements AsyncDisposable {
  /** Both clients share a JVM. */
  static async start(options: MirrorPairOptions = {}): Promise<MirrorPair> {
    await using stack = new AsyncDisposableStack();
    const { heapMb = 384, sourceWays = [], targetWays = [], users } = options;
    const common = { heapMb, ...users === undefined ? {} : { users } };
    const clusters = await Promise.allSettled([
      KafkaCluster.start({
        ...options.sourceBrokers === undefined
          ? {}
          : { brokers: options.sourceBrokers },
        ...common,
        ways: sourceWays,
        config: options.source ?? {},
      }),
      KafkaCluster.start({
        ...common,
        ways: targetWays,
        nodeIdBase: targetFirstId,
        config: {
          // What the mirror has written must stay, for it to be judged.
          "log.cleaner.enable": "false",
          ...options.target,
        },
      }),
    ]);
    for (const each of clusters) {
      if (each.status === "fulfilled") stack.use(each.value);
    }
    const [one, other] = clusters;
    if (one.status === "rejected") throw one.reason;
    if (other.status === "rejected") throw other.reason;
    const source = await sideOf(stack, one.value);
    const target = await sideOf(stack, other.value, source.client);
    return new MirrorPair(source, target, stack.move());
  }

  readonly source: PairSide;
  readonly target: PairSide;
  readonly #stack: AsyncDisposableStack;
  readonly #runs: MirrorRun[] = [];

  private constructor(
    source: PairSide,
    target: PairSide,
    stack: AsyncDisposableStack,
  ) {
    this.source = source;
    this.target = target;
    this.#stack = stack;
  }

  /**
   * A mirror of these topics; `env` says more of it.
   * @param module what is run instead of the task.
   * @param args of the task.
   */
  mirror(
    topics: readonly string[],
    env: Readonly<Record<string, string>> = {},
    module?: string,
    args: readonly string[] = [],
  ): MirrorRun {
    const run = MirrorRun.start(
      {
        PRIMARY_BROKERS: this.source.cluster.bootstrapServers,
        SECONDARY_BROKERS: this.target.cluster.bootstrapServers,
        MIRROR_TOPICS: topics.map((each) => each.replaceAll(".", "\\."))
          .join(","),
        MIRROR_LANES: `${lanes}`,
        MIRROR_REFRESH_MS: "500",
        MIRROR_GROUP_SYNC: "false",
        // However slow the machine is, nothing is given up for that.
        TRANSACTION_TIMEOUT_MS: "120000",
        ...env,
      },
      module,
      args,
    );
    this.#runs.push(run);
    return run;
  }

  /**
   * Resolves when the positions of these mirrors, taken together, are the ends of
   * the source's logs, behind all control records.
   */
  async caughtUp(
    topics: readonly string[],
    runs: readonly MirrorRun[],
    timeoutMs = 90_000,
  ): Promise<void> {
    await eventually(async () => {
      const statuses = await Promise.all(runs.map((each) => each.status()));
      const positions = new Map<string, number>();
      const all = statuses.flatMap(({ lanes }) => lanes)
        .flatMap((each) => each.partitions);
      for (const { topic, partition, position } of all) {
        const key = `${topic}-${partition}`;
        positions.set(key, Math.max(position, positions.get(key) ?? 0));
      }
      for (const topic of topics) {
        const ends = await this.source.client.watermarks(topic);
        for (const [partition, { high }] of ends.entries()) {
          const position = positions.get(`${topic}-${partition}`) ?? "nowhere";
          if (position === high) continue;
          throw new Error(`${topic} [${partition}] at ${position} of ${high}`);
        }
      }
      return true;
    }, { what: "mirrored to the end", timeoutMs, everyMs: 250 });
  }

  /**
   * Copies all that these topics have, and no others.
   * @param released awaited before the mirror is stopped
   */
  async copy(
    topics: readonly string[],
    env: Readonly<Record<string, string>> = {},
    released: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
    await using mirror = this.mirror(topics, env);
    await mirror.running();
    await this.caughtUp(topics, [mirror]);
    await released();
    await mirror.stop();
  }

  /** Everything record by record, and nothing may be wrong. No mirror may run. */
  async isExact(topics: readonly MirroredTopic[]): Promise<MirrorReport> {
    const report = await checkMirror({
      source: this.source.client,
      target: this.target.client,
      topics,
      isDrained: true,
    });
    assert.deepEqual(report.anomalies.flatMap(anomalyText), []);
    return report;
  }

  /** Sets configs of a topic on the source. */
  async configure(
    topic: string,
    configs: Readonly<Record<string, string>>,
  ): Promise<void> {
    const changes = Object.entries(configs).map(([name, value]) => ({
      operation: "set" as const,
      name,
      value,
    }));
    const [answer] = await this.source.admin.configs.alter([
      { type: "topic", name: topic, changes },
    ], adminOptions);
    if (answer!.error !== null) throw answer!.error;
  }

  async grow(topic: string, partitions: number): Promise<void> {
    const [answer] = await this.source.admin.topics.grow(
      [{ topic, partitions }],
      adminOptions,
    );
    if (answer!.error !== null) throw answer!.error;
    const client = this.source.client;
    await eventually(
      async () => (await client.watermarks(topic)).length === partitions,
      { what: `led: ${partitions} partitions of ${topic}` },
    );
  }

  /** Deletes it on the source. */
  async delete(topic: string): Promise<void> {
    const [answer] = await this.source.admin.topics.delete(
      [topic],
      adminOptions,
    );
    if (answer!.error !== null) throw answer!.error;
  }

  /** On the source; tried again while one of that name is still being deleted. */
  async create(
    topic: string,
    partitions: number,
    config: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await eventually(async () => {
      const [answer] = await this.source.admin.topics.create(
        [{ topic, partitions, config }],
        adminOptions,
      );
      if (answer!.error !== null) throw answer!.error;
      return true;
    }, { what: `created: ${topic}` });
    await eventually(
      async () =>
        (await this.source.client.watermarks(topic)).length === partitions,
      { what: `led: ${topic}`, timeoutMs: 120_000 },
    );
  }

  async idOf(topic: string): Promise<string> {
    const [summary] = await this.source.admin.topics.summarize(
      [topic],
      adminOptions,
    );
    return summary!.topicId;
  }

  /** Call it when a test failed: what is of use then is kept and printed. */
  tellFailure(): void {
    for (const { child } of this.#runs.slice(-2)) {
      const lines = child.lines("stderr").slice(-toldLines);
      console.log(`mirror ${child.pid}:\n${lines.join("\n")}`);
    }
    this.source.cluster.keepLogs();
    this.target.cluster.keepLogs();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function sideOf(
  stack: AsyncDisposableStack,
  cluster: KafkaCluster,
  sharing?: IndependentClient,
): Promise<PairSide> {
  const { bootstrapServers } = cluster;
  const client = stack.use(
    await IndependentClient.connect(
      bootstrapServers,
      sharing === undefined ? {} : { sharing },
    ),
  );
  const admin = stack.use(
    new Admin(library, { "bootstrap.servers": bootstrapServers }),
  );
  return { cluster, client, admin };
}

/** @param topic no other step has it. */
export type MirrorStep = (pair: MirrorPair, topic: string) => Promise<void>;

/** One test with a step for each entry, on the same clusters; see `clusterSteps`. */
export function mirrorSteps(
  name: string,
  options: MirrorPairOptions,
  steps: Readonly<Record<string, MirrorStep>>,
): void {
  realKafkaTest(name, async (context) => {
    await using pair = await MirrorPair.start(options);
    for (const [index, [name, step]] of Object.entries(steps).entries()) {
      const passed = await context.step(
        name,
        () => step(pair, `shape-${index + 1}`),
      );
      if (!passed) pair.tellFailure();
    }
  });
}
