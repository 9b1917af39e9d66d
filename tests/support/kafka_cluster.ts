/**
 * Real Apache Kafka clusters for tests: one to three JVMs on loopback, each
 * broker also a controller (KRaft), each cluster with its own data.
 */
import { existsSync } from "node:fs";
import { KafkaBroker, lastErrors } from "./kafka_broker.ts";
import {
  fastStartFlags,
  type KafkaRuntime,
  kafkaRuntime,
} from "./kafka_runtime.ts";
import {
  type ClusterView,
  ledEverywhere,
  readMetadata,
} from "./kafka_metadata.ts";
import {
  type ServerAddress,
  serverAddresses,
  serverProperties,
  writeProperties,
} from "./kafka_properties.ts";
import { withKafkaAdmin } from "./quiet_kafkajs.ts";
import { eventually } from "./wait.ts";

/** Generous: test machines are often busy with other builds. */
const readyTimeoutMs = 120_000;
/** The listener of the option `proxied`. */
const PROXIED = "PROXIED";

export interface KafkaClusterOptions {
  /** Default 1. */
  readonly brokers?: 1 | 2 | 3;
  /** Id of the first broker, default 1. Two clusters of a drill must differ. */
  readonly nodeIdBase?: number;
  /** Lines of server.properties that add to or replace ours. */
  readonly config?: Readonly<Record<string, string>>;
  /** Largest heap of each broker in MiB, default 384. */
  readonly heapMb?: number;
  /**
   * Names and passwords (SASL PLAIN) for `loginServers`, where nothing is allowed
   * without an ACL. `bootstrapServers` stay open to everybody.
   */
  readonly users?: Readonly<Record<string, string>>;
  /** Adds a listener for clients behind proxies: see `routes`. */
  readonly proxied?: boolean;
  /**
   * Adds such a listener for each of these names, in capitals: see `routesOf`.
   * What connects by one of them is reached by that one alone.
   */
  readonly ways?: readonly string[];
  /**
   * Called with the empty folder of each broker's data before anything is in it,
   * for example to mount something there. What it returns is disposed of when
   * the brokers have ended and before the data is deleted.
   */
  readonly prepareData?: (
    nodeId: number,
    folder: string,
  ) => Promise<AsyncDisposable | undefined>;
  /**
   * `start` (default) compiles less and starts in half the time; `throughput`
   * is for loads of more than some seconds.
   */
  readonly optimizeFor?: "start" | "throughput";
}

/** The way through a proxy to one broker, which the test must provide. */
export interface ProxyRoute {
  readonly nodeId: number;
  /** The broker tells its clients to connect here. */
  readonly listenPort: number;
  /** The broker itself listens here. */
  readonly targetPort: number;
}

export interface TopicOptions {
  /** Default: as many as there are brokers. */
  readonly replicationFactor?: number;
  readonly config?: Readonly<Record<string, string>>;
}

export class KafkaCluster implements AsyncDisposable {
  /** Resolves when every broker answers and names all the others. */
  static async start(options: KafkaClusterOptions = {}): Promise<KafkaCluster> {
    const runtime = await kafkaRuntime();
    const folder = await Deno.makeTempDir({ prefix: "switchyard-kafka-" });
    const cluster = new KafkaCluster(options, runtime, folder);
    try {
      await cluster.#format(options, runtime);
      for (const broker of cluster.brokers) broker.launch();
      await Promise.all(cluster.brokers.map((each) => cluster.#ready(each)));
      return cluster;
    } catch (error) {
      cluster.keepLogs();
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  readonly brokers: readonly KafkaBroker[];
  /** `bootstrap.servers` with every broker, dead or alive. */
  readonly bootstrapServers: string;
  /** `bootstrap.servers` for the `users` of the options. */
  readonly loginServers: string;
  /** `bootstrap.servers` of the proxies; with the option `proxied` alone. */
  readonly proxiedServers: string;
  /** By broker; of use with the option `proxied` alone. */
  readonly routes: readonly ProxyRoute[];
  /** Where `keepLogs` leaves server.properties and log of each broker. */
  readonly folder: string;
  #servers: readonly ServerAddress[];
  readonly #data = new AsyncDisposableStack();
  #logsAreKept = false;
  #disposed: Promise<void> | undefined;

  private constructor(
    options: KafkaClusterOptions,
    runtime: KafkaRuntime,
    folder: string,
  ) {
    this.folder = folder;
    const { brokers, nodeIdBase, proxied = false, ways = [] } = options;
    this.#servers = serverAddresses(
      brokers,
      nodeIdBase,
      proxied ? [PROXIED, ...ways] : ways,
    );
    this.brokers = this.#servers.map(({ nodeId, port }) =>
      new KafkaBroker({
        nodeId,
        port,
        command: javaCommand(
          options,
          runtime,
          this.#file(nodeId, "properties"),
        ),
        logFile: this.#file(nodeId, "log"),
        ready: (broker) => this.#ready(broker),
      })
    );
    this.bootstrapServers = addresses(this.brokers);
    this.loginServers = addresses(
      this.#servers.map(({ loginPort: port }) => ({ port })),
    );
    this.routes = this.routesOf(PROXIED);
    this.proxiedServers = addresses(
      this.routes.map(({ listenPort: port }) => ({ port })),
    );
  }

  /** By broker: those of one of the option's `ways`. */
  routesOf(way: string): readonly ProxyRoute[] {
    return this.#servers.flatMap(({ nodeId, ways }) =>
      ways.filter(({ name }) => name === way)
        .map(({ advertisedPort, proxiedPort }) => ({
          nodeId,
          listenPort: advertisedPort,
          targetPort: proxiedPort,
        }))
    );
  }

  /** Call it when a test failed: disposal then leaves the logs and says where. */
  keepLogs(): void {
    this.#logsAreKept = true;
  }

  /**
   * What the first broker that answers believes.
   *
   * @throws {AggregateError} when none answers within 2 s.
   */
  async metadata(): Promise<ClusterView> {
    const asked = this.#answering().map(({ port }) => readMetadata(port));
    // No answer is left behind, for the sanitizers of the test.
    await Promise.allSettled(asked);
    return await Promise.any(asked);
  }

  /**
   * Resolves when every partition is led, and every answering broker knows by
   * whom.
   */
  async createTopic(
    name: string,
    partitions: number,
    options: TopicOptions = {},
  ): Promise<void> {
    const servers = addresses(this.#answering());
    await withKafkaAdmin(servers, async (admin) => {
      await admin.createTopics({
        waitForLeaders: false,
        // Less than the 30 s after which kafkajs gives the request up.
        timeout: 25_000,
        topics: [{
          topic: name,
          numPartitions: partitions,
          replicationFactor: options.replicationFactor ?? this.brokers.length,
          configEntries: Object.entries(options.config ?? {})
            .map(([name, value]) => ({ name, value })),
        }],
      });
      // A broker names itself as the leader a little before it leads. If a
      // producer hits on that moment, its first batch is refused, the second is
      // taken, and the first is then out of sequence for ever (KAFKA-15591).
      await eventually(() => admin.fetchTopicOffsets(name), {
        what: `led: ${name}`,
      });
    });
    await ledEverywhere(servers, name, partitions);
  }

  /** Kills every process, then deletes the data, and the logs unless kept. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#disposed ??= this.#dispose();
  }

  async #dispose(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.kill()));
    await this.#data.disposeAsync();
    if (!this.#logsAreKept) {
      await Deno.remove(this.folder, { recursive: true });
      return;
    }
    for (const { name } of [...Deno.readDirSync(this.folder)]) {
      if (!name.endsWith(".data")) continue;
      await Deno.remove(`${this.folder}/${name}`, { recursive: true });
    }
    // Said as well, because who reads it may not have the files.
    const errors = this.brokers.map(({ logFile }) => logFile)
      .filter(existsSync)
      .flatMap((file) => lastErrors(Deno.readTextFileSync(file)));
    const said = [`Kafka logs kept in ${this.folder}`, ...errors].join("\n");
    Deno.stderr.writeSync(new TextEncoder().encode(`${said}\n`));
  }

  /** Does what `StorageTool format` does, without a JVM for each broker. */
  async #format(options: KafkaClusterOptions, runtime: KafkaRuntime) {
    const clusterId = randomKafkaId();
    await Promise.all(this.#servers.map(async (server) => {
      const dataFolder = this.#file(server.nodeId, "data");
      await Deno.mkdir(dataFolder);
      this.#data.use(await options.prepareData?.(server.nodeId, dataFolder));
      await Deno.copyFile(
        runtime.bootstrapCheckpoint,
        `${dataFolder}/bootstrap.checkpoint`,
      );
      await writeProperties(`${dataFolder}/meta.properties`, {
        version: "1",
        "cluster.id": clusterId,
        "node.id": String(server.nodeId),
        "directory.id": randomKafkaId(),
      });
      await writeProperties(
        this.#file(server.nodeId, "properties"),
        serverProperties(server, {
          servers: this.#servers,
          dataFolder,
          users: options.users,
          config: options.config,
        }),
      );
    }));
  }

  async #ready(broker: KafkaBroker): Promise<void> {
    const outcome = await eventually(
      async () => {
        if (!broker.alive) return "ended";
        const { brokers } = await readMetadata(broker.port);
        return this.#answering()
          .every(({ nodeId }) => brokers.includes(nodeId)) && "ready";
      },
      {
        what: `sees all brokers from broker ${broker.nodeId}`,
        timeoutMs: readyTimeoutMs,
        everyMs: 25,
      },
    );
    if (outcome === "ended") throw await startError(broker);
  }

  #answering(): readonly KafkaBroker[] {
    return this.brokers.filter(({ alive, paused }) => alive && !paused);
  }

  #file(nodeId: number, kind: "data" | "log" | "properties"): string {
    return `${this.folder}/broker-${nodeId}.${kind}`;
  }
}

/**
 * Runs `use` with a cluster of its own. The cluster's logs are deleted when
 * `use` returns; when it throws they stay and their path is printed.
 */
export async function withCluster<T>(
  options: KafkaClusterOptions,
  use: (cluster: KafkaCluster) => Promise<T>,
): Promise<T> {
  await using cluster = await KafkaCluster.start(options);
  try {
    return await use(cluster);
  } catch (error) {
    cluster.keepLogs();
    throw error;
  }
}

function addresses(servers: readonly { readonly port: number }[]): string {
  return servers.map(({ port }) => `127.0.0.1:${port}`).join(",");
}

function javaCommand(
  options: KafkaClusterOptions,
  runtime: KafkaRuntime,
  properties: string,
): string[] {
  return [
    "java",
    `-Xmx${options.heapMb ?? 384}m`,
    ...(options.optimizeFor === "throughput" ? [] : fastStartFlags),
    // A killed JVM would leave its performance data behind in /tmp.
    "-XX:-UsePerfData",
    "-XX:+ExitOnOutOfMemoryError",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    runtime.archiveFlag,
    "-cp",
    runtime.classPath,
    "kafka.Kafka",
    properties,
  ];
}

/** 16 random bytes as Kafka writes its UUIDs. */
function randomKafkaId(): string {
  // The first byte keeps the text from starting with "-", which Kafka refuses.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = 0;
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

async function startError({ nodeId, logFile }: KafkaBroker): Promise<Error> {
  const lines = (await Deno.readTextFile(logFile)).trimEnd().split("\n");
  const last = lines.slice(-15).join("\n");
  return new Error(`broker ${nodeId} ended (see ${logFile}):\n${last}`);
}
