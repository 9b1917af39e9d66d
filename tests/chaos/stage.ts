/**
 * Everything that a chaos test needs, started and ended as one: three brokers
 * behind proxies, instances of the job, continuous load, a watcher of progress.
 */
import { checkTopics, HistoryWriter, type Report } from "../checker/mod.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { topicsOf } from "../support/job.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { seededRandom } from "../support/load.ts";
import { eventually } from "../support/wait.ts";
import { Generator, idName } from "./generator.ts";
import { Instances, type UnaskedEnd } from "./instances.ts";
import { KafkaProxy } from "./proxy.ts";
import { SmallDisk } from "./small_disk.ts";
import { Watcher } from "./watcher.ts";
import type { World } from "./world.ts";

export type Guarantee = "at-least-once" | "exactly-once";
export type Ordering = "partition" | "key" | "none";

export interface StageOptions {
  /** Of topics and group. */
  readonly name: string;
  readonly seed: number;
  readonly guarantee: Guarantee;
  readonly instances: number;
  readonly partitions: number;
  /** Default 3. */
  readonly brokers?: 1 | 3;
  /** Default partition, as the job has it. */
  readonly ordering?: Ordering | undefined;
  /** Whether the group knows instances by their names. Default false. */
  readonly isStatic?: boolean;
  /** More settings of the instances. */
  readonly env?: Readonly<Record<string, string>>;
  /** Size of the file system of one broker; default: none is made. */
  readonly diskBytes?: number;
  readonly log: (text: string) => void;
}

export interface LoadOptions {
  readonly recordsPerSecond: number;
  /** Default: until it is stopped. */
  readonly records?: number;
}

interface Parts {
  readonly cluster: KafkaCluster;
  readonly client: IndependentClient;
  readonly instances: Instances;
  readonly watcher: Watcher;
  readonly world: World;
  readonly history: HistoryWriter;
}

/** As `src` has it for the classic protocol. */
const sessionTimeoutMs = 10_000;
const processor = new URL("./processors/commanded.ts", import.meta.url);

export class Stage implements AsyncDisposable {
  /** Without instances and load, which the caller starts. */
  static async start(options: StageOptions): Promise<Stage> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "switchyard-chaos-" });
    const stage = new Stage(options, folder);
    stack.defer(() => stage.#cleanUp());
    await stage.#start(stack);
    stage.#stack = stack.move();
    return stage;
  }

  readonly options: StageOptions;
  readonly topics: ReturnType<typeof topicsOf>;
  readonly historyFile: string;
  readonly unaskedEnds: UnaskedEnd[] = [];
  readonly #folder: string;
  #stack = new AsyncDisposableStack();
  #isKept = false;
  #parts: Parts | undefined;

  private constructor(options: StageOptions, folder: string) {
    this.options = options;
    this.#folder = folder;
    this.topics = topicsOf(options.name);
    this.historyFile = `${folder}/history.jsonl`;
  }

  get cluster(): KafkaCluster {
    return this.#started.cluster;
  }
  get client(): IndependentClient {
    return this.#started.client;
  }
  get instances(): Instances {
    return this.#started.instances;
  }
  get watcher(): Watcher {
    return this.#started.watcher;
  }
  get world(): World {
    return this.#started.world;
  }

  /** One at a time. Its client serves nothing else before it has ended. */
  load(options: LoadOptions): Generator {
    const { client, history } = this.#started;
    return this.#stack.use(
      new Generator({
        ...options,
        client,
        topic: this.topics.input,
        seed: this.options.seed,
        history: (operations) => history.write(operations),
      }),
    );
  }

  /** Resolves when everything that was sent is committed. */
  async drained(records: number, timeoutMs: number): Promise<void> {
    const { watcher } = this.#started;
    const before = watcher.looks;
    await eventually(
      // Records of unknown end may be there, or not.
      () =>
        watcher.looks > before && watcher.lag === 0 &&
        watcher.committed >= records,
      { what: `committed ${records} records`, timeoutMs, everyMs: 100 },
    ).catch(async (error: Error) => {
      const { lag, committed, offsets } = watcher;
      const left = offsets.filter((each) => each.committed < each.end);
      throw new Error(
        `${error.message}; committed ${committed}, lag ${lag}: ${
          JSON.stringify(left)
        }\n${await this.#statuses()}`,
      );
    });
  }

  /** What each instance says of itself, a line each. */
  async #statuses(): Promise<string> {
    const lines = this.#started.instances.all.map(async (instance) => {
      const { id } = instance;
      try {
        return `${id}: ${JSON.stringify(await instance.status())}`;
      } catch (error) {
        return `${id}: ${(error as Error).message}`;
      }
    });
    return (await Promise.all(lines)).join("\n");
  }

  /** Reads everything. The load must have ended. */
  async check(): Promise<Report> {
    const { client } = this.#started;
    const { guarantee, ordering = "partition", log } = this.options;
    const { input, output, deadLetter, group } = this.topics;
    return await checkTopics({
      client,
      topics: {
        input,
        outputs: [output],
        deadLetters: [deadLetter],
        group,
      },
      history: this.historyFile,
      options: {
        guarantee,
        ordering,
        id: [
          { kind: "header", name: idName },
          { kind: "json", path: [idName] },
        ],
      },
      onProgress: (text) => log(`reading ${text}`),
    });
  }

  /** Call it when a test failed: logs and history then stay. */
  keep(): void {
    this.#isKept = true;
    this.#parts?.cluster.keepLogs();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  get #started(): Parts {
    if (this.#parts === undefined) throw new Error("the stage is not set");
    return this.#parts;
  }

  async #start(stack: AsyncDisposableStack): Promise<void> {
    const { name, seed, guarantee, ordering, isStatic, env = {}, log } =
      this.options;
    const { cluster, disk } = await this.#startCluster(stack);
    const random = seededRandom(seed);
    const proxies = cluster.routes.map((route) =>
      stack.use(new KafkaProxy({ ...route, random }))
    );
    const client = stack.use(
      await IndependentClient.connect(cluster.bootstrapServers),
    );
    await this.#createTopics(cluster);
    const history = stack.use(HistoryWriter.open(this.historyFile));
    const commandFolder = `${this.#folder}/commands`;
    await Deno.mkdir(commandFolder);
    const instances = stack.use(
      new Instances({
        count: this.options.instances,
        brokers: cluster.proxiedServers,
        name,
        folder: this.#folder,
        isStatic,
        env: {
          GUARANTEE: guarantee,
          ...(ordering === undefined ? {} : { ORDERING: ordering }),
          PROCESSOR: processor.pathname,
          CHAOS_COMMANDS: commandFolder,
          // A busy machine must not look like a hang; one on command is longer.
          WATCHDOG_MS: "5000",
          // Partitions that are added are to be found within the run.
          PRIMARY_CONSUMER_TOPIC_METADATA_REFRESH_INTERVAL_MS: "5000",
          ...env,
        },
        onEnd: (end) => {
          this.unaskedEnds.push(end);
          log(end.what);
        },
      }),
    );
    const { input, group } = this.topics;
    const watcher = stack.use(new Watcher({ cluster, topic: input, group }));
    const world: World = {
      cluster,
      proxies,
      instances: instances.all,
      input,
      group,
      disk,
      sessionTimeoutMs,
      commandFolder,
      log,
    };
    this.#parts = { cluster, client, instances, watcher, world, history };
  }

  async #startCluster(stack: AsyncDisposableStack) {
    const { diskBytes, brokers = 3 } = this.options;
    let disk: World["disk"] = { missing: "no small disk was asked for" };
    const cluster = stack.use(
      await KafkaCluster.start({
        brokers,
        proxied: true,
        heapMb: 384,
        optimizeFor: "throughput",
        config: { "min.insync.replicas": brokers === 1 ? "1" : "2" },
        async prepareData(nodeId, folder) {
          if (nodeId !== 1 || diskBytes === undefined) return;
          try {
            disk = await SmallDisk.mount(folder, nodeId, diskBytes);
            return disk;
          } catch (error) {
            disk = { missing: (error as Error).message };
          }
        },
      }),
    );
    return { cluster, disk };
  }

  async #createTopics(cluster: KafkaCluster): Promise<void> {
    const { input, output, deadLetter } = this.topics;
    const { partitions } = this.options;
    await cluster.createTopic(input, partitions);
    await cluster.createTopic(output, partitions);
    await cluster.createTopic(deadLetter, 4);
  }

  async #cleanUp(): Promise<void> {
    if (!this.#isKept) {
      await Deno.remove(this.#folder, { recursive: true });
      return;
    }
    Deno.stderr.writeSync(
      new TextEncoder().encode(
        `logs of instances and history kept in ${this.#folder}\n`,
      ),
    );
  }
}
