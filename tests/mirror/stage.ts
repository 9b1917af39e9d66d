/**
 * Everything that a test of the mirror needs, started and ended as one: a source
 * and a smaller target cluster behind proxies, processes of the mirror, topics of
 * every kind, and, where it is asked for, a job whose topics are mirrored too.
 */
import { KafkaProxy } from "../chaos/proxy.ts";
import { Instances, type UnaskedEnd } from "../chaos/instances.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { topicsOf } from "../support/job.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { seededRandom } from "../support/load.ts";
import { checkMirror, type MirroredTopic } from "./checker.ts";
import { CutCheck } from "./cut_check.ts";
import { Drain } from "./drain.ts";
import { idName, MirrorLoad } from "./load.ts";
import { MirrorProcesses } from "./mirror_process.ts";
import type { MirrorReport } from "./report.ts";
import { type StageTopic, stageTopics, topicConfig } from "./topics.ts";
import type { MirrorWorld } from "./world.ts";

export interface MirrorStageOptions {
  readonly seed: number;
  /** Of the source; the target has one. Default 1. */
  readonly brokers?: 1 | 3;
  /** Of the mirror; those beyond it are spare, for lanes to move to. */
  readonly mirrors: number;
  readonly spareMirrors?: number;
  /** Of each topic of the load, at the start. */
  readonly partitions: number;
  readonly lanes: number;
  /** More settings of the mirror. */
  readonly env?: Readonly<Record<string, string>>;
  /** Instances of a job on the source. Default 0: none. */
  readonly jobInstances?: number;
  readonly guarantee?: "at-least-once" | "exactly-once";
  /** For brokers that live longer than a minute or two. Default start. */
  readonly optimizeFor?: "start" | "throughput";
  readonly log: (text: string) => void;
}

interface Side {
  readonly cluster: KafkaCluster;
  readonly client: IndependentClient;
  readonly proxies: readonly KafkaProxy[];
}

interface Parts {
  readonly source: Side;
  readonly target: Side;
  readonly mirrors: MirrorProcesses;
  readonly job: Instances;
}

const jobName = "job";
const targetFirstId = 101;
/** As `src` has it for the classic protocol. */
const sessionTimeoutMs = 10_000;

export class MirrorStage implements AsyncDisposable {
  /** Without mirrors, job and load, which the caller starts. */
  static async start(options: MirrorStageOptions): Promise<MirrorStage> {
    await using stack = new AsyncDisposableStack();
    const folder = await Deno.makeTempDir({ prefix: "switchyard-mirror-" });
    const stage = new MirrorStage(options, folder);
    stack.defer(() => stage.#cleanUp());
    await stage.#start(stack);
    stage.#stack = stack.move();
    return stage;
  }

  readonly options: MirrorStageOptions;
  readonly topics: readonly StageTopic[];
  readonly unaskedEnds: UnaskedEnd[] = [];
  readonly #folder: string;
  #stack = new AsyncDisposableStack();
  #isKept = false;
  #parts: Parts | undefined;

  private constructor(options: MirrorStageOptions, folder: string) {
    this.options = options;
    this.#folder = folder;
    const { partitions, jobInstances = 0 } = options;
    const job = jobInstances > 0 ? topicsOf(jobName) : undefined;
    this.topics = stageTopics(partitions, job);
  }

  get source(): Side {
    return this.#started.source;
  }
  get target(): Side {
    return this.#started.target;
  }
  get mirrors(): MirrorProcesses {
    return this.#started.mirrors;
  }
  get job(): Instances {
    return this.#started.job;
  }

  /** Whose positions are mirrored. */
  get groups(): readonly string[] {
    return this.#hasJob ? [topicsOf(jobName).group] : [];
  }

  get world(): MirrorWorld {
    const { options: { mirrors: count, log }, mirrors } = this;
    return {
      source: this.source,
      target: this.target,
      mirrors: mirrors.all.slice(0, count),
      spares: mirrors.all.slice(count),
      growing: this.topics.find(({ kind }) => kind === "mixed")!.name,
      sessionTimeoutMs,
      log,
    };
  }

  startMirrors(): void {
    const { mirrors } = this.options;
    for (const each of this.mirrors.all.slice(0, mirrors)) each.start();
  }

  /**
   * One at a time. The source's client serves nothing else before it has ended,
   * and the target's does.
   */
  load(recordsPerSecond: number): MirrorLoad {
    return this.#stack.use(
      new MirrorLoad({
        client: this.source.client,
        topics: this.topics.filter(({ kind }) => kind !== "job output")
          .map(({ name, kind }) => ({
            name,
            isCompacted: kind === "compacted",
            hasLogins: kind === "job input",
          })),
        seed: this.options.seed,
        recordsPerSecond,
        name: "stage",
      }),
    );
  }

  /** Resolves when the mirror has copied what is there. The load must have ended. */
  async drained(timeoutMs: number, signal?: AbortSignal): Promise<void> {
    const drain = new Drain(
      this.source.client,
      this.target.client,
      this.#mirrored,
    );
    await drain.reached({
      timeoutMs,
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Reads everything. Load, job and mirrors must have ended. */
  async check({ isDrained }: { isDrained: boolean }): Promise<MirrorReport> {
    return await checkMirror({
      source: this.source.client,
      target: this.target.client,
      topics: this.#mirrored,
      groups: this.groups,
      isDrained,
      onProgress: (text) => this.options.log(`reading ${text}`),
    });
  }

  /** Of the job; undefined where there is none. */
  cutCheck(): CutCheck | undefined {
    if (!this.#hasJob) return undefined;
    const { input, output, deadLetter, group } = topicsOf(jobName);
    return new CutCheck(this.target.client, {
      group,
      input,
      outputs: [output],
      deadLetters: [deadLetter],
      id: [
        { kind: "header", name: idName },
        { kind: "json", path: [idName] },
      ],
    });
  }

  /** Call it when a test failed: logs then stay. */
  keep(): void {
    this.#isKept = true;
    this.#parts?.source.cluster.keepLogs();
    this.#parts?.target.cluster.keepLogs();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }

  get #started(): Parts {
    if (this.#parts === undefined) throw new Error("the stage is not set");
    return this.#parts;
  }

  get #hasJob(): boolean {
    return (this.options.jobInstances ?? 0) > 0;
  }

  get #mirrored(): MirroredTopic[] {
    return this.topics.map(({ name, kind }) => ({
      name,
      isCompacted: kind === "compacted",
    }));
  }

  async #start(stack: AsyncDisposableStack): Promise<void> {
    const random = seededRandom(this.options.seed);
    const [source, target] = await startClusters(stack, this.options);
    const sourceSide = await this.#side(stack, source, random);
    // With a load that goes on, both are needed side by side.
    const targetSide = await this.#side(
      stack,
      target,
      random,
      this.#hasJob ? undefined : sourceSide.client,
    );
    for (const topic of this.topics) {
      await source.createTopic(topic.name, topic.partitions, {
        config: topicConfig(topic.kind),
      });
    }
    const onEnd = (end: UnaskedEnd) => {
      this.unaskedEnds.push(end);
      this.options.log(end.what);
    };
    this.#parts = {
      source: sourceSide,
      target: targetSide,
      mirrors: stack.use(this.#makeMirrors(source, target, onEnd)),
      job: stack.use(this.#makeJob(source, onEnd)),
    };
  }

  async #side(
    stack: AsyncDisposableStack,
    cluster: KafkaCluster,
    random: () => number,
    sharing?: IndependentClient,
  ): Promise<Side> {
    const proxies = cluster.routes.map((route) =>
      stack.use(new KafkaProxy({ ...route, random }))
    );
    const client = stack.use(
      await IndependentClient.connect(
        cluster.bootstrapServers,
        sharing === undefined ? {} : { sharing },
      ),
    );
    return { cluster, client, proxies };
  }

  #makeMirrors(
    source: KafkaCluster,
    target: KafkaCluster,
    onEnd: (end: UnaskedEnd) => void,
  ): MirrorProcesses {
    const { options } = this;
    return new MirrorProcesses({
      count: options.mirrors + (options.spareMirrors ?? 0),
      folder: this.#folder,
      env: {
        PRIMARY_BROKERS: source.proxiedServers,
        SECONDARY_BROKERS: target.proxiedServers,
        MIRROR_TOPICS: this.topics.map(({ name }) =>
          name.replaceAll(".", "\\.")
        ).join(","),
        MIRROR_POLICY: "identity",
        MIRROR_LANES: String(options.lanes),
        MIRROR_GROUP_SYNC: String(this.#hasJob),
        MIRROR_CUT_INTERVAL_MS: "500",
        // Partitions that are added are to be found within the run.
        MIRROR_REFRESH_MS: "2000",
        MIRROR_TRANSACTION_MS: "100",
        ...options.env,
      },
      onEnd,
    });
  }

  #makeJob(
    source: KafkaCluster,
    onEnd: (end: UnaskedEnd) => void,
  ): Instances {
    const { jobInstances = 0, guarantee = "exactly-once" } = this.options;
    return new Instances({
      count: jobInstances,
      brokers: source.bootstrapServers,
      name: jobName,
      folder: this.#folder,
      env: { GUARANTEE: guarantee },
      onEnd,
    });
  }

  async #cleanUp(): Promise<void> {
    if (!this.#isKept) {
      await Deno.remove(this.#folder, { recursive: true });
      return;
    }
    Deno.stderr.writeSync(
      new TextEncoder().encode(`logs of mirrors kept in ${this.#folder}\n`),
    );
  }
}

async function startClusters(
  stack: AsyncDisposableStack,
  { brokers = 1, optimizeFor = "start" }: MirrorStageOptions,
): Promise<[source: KafkaCluster, target: KafkaCluster]> {
  const options = { proxied: true, optimizeFor, heapMb: 384 } as const;
  const started = await Promise.allSettled([
    KafkaCluster.start({
      ...options,
      brokers,
      config: {
        "min.insync.replicas": brokers === 1 ? "1" : "2",
        // Logs are compacted within the run.
        "log.cleaner.backoff.ms": "1000",
      },
    }),
    KafkaCluster.start({
      ...options,
      nodeIdBase: targetFirstId,
      config: {
        // What the mirror has written must stay, for it to be judged.
        "log.cleaner.enable": "false",
        // A killed mirror's transactions hold readers no longer than they must.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
      },
    }),
  ]);
  for (const each of started) {
    if (each.status === "fulfilled") stack.use(each.value);
  }
  const [source, target] = started;
  if (source.status === "rejected") throw source.reason;
  if (target.status === "rejected") throw target.reason;
  return [source.value, target.value];
}
