/**
 * Two embedded clusters, and a pool, a mirror and a sentinel that work on them:
 * what the commands run, in this process.
 */
import { fileURLToPath } from "node:url";
import { replicationPolicy } from "../../../dr/formats/mod.ts";
import type {
  DrillWorld,
  Fault,
  Load,
  Observed,
  Sent,
  View,
} from "../../../dr/drill/mod.ts";
import type { Mirror } from "../../../dr/mirror/mod.ts";
import type { Sentinel } from "../../../dr/sentinel/mod.ts";
import type { ClusterName } from "../../../dr/state/mod.ts";
import { pause } from "../../../dr/waits.ts";
import {
  type ClusterSettings,
  loadSettings,
  type Settings,
} from "../../config/mod.ts";
import { type Admin, KafkaError, type Library } from "../../kafka/mod.ts";
import { ReadError } from "../../kafka/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import { clientSettings } from "../client_properties.ts";
import type { FollowingPool } from "../following/following_pool.ts";
import { followingJob } from "../run_job.ts";
import { newMirror } from "../run_mirror.ts";
import { clusterOf, newSentinel } from "../run_sentinel.ts";
import { sentinelFailOver } from "../sentinel_fail_over.ts";
import { EmbeddedClusters } from "./embedded_clusters.ts";
import { Generator } from "./generator.ts";
import { adminOf, endOf, observe, type ObserverOptions } from "./observer.ts";

const INPUT = "drill";
const OUTPUT = "drill-results";
const DEAD_LETTERS = "drill.dlq";
const PROCESSOR = fileURLToPath(
  new URL("../../../workers/processors/drill.ts", import.meta.url),
);

const LIMITS: readonly string[] = [
  "the clusters are embedded: they live in memory and only simulate " +
  "transactions, so the pool's sessions and transactions are given 60 s and " +
  "not 10: what begins anew on the same cluster is not tried here",
  "an embedded cluster does not list its groups, so no group positions are " +
  "released: the pool of the new cluster begins at the beginning, and leaves " +
  "out what the failover has found done",
];

/**
 * Of sessions and transactions, instead of 10 s: the embedded cluster shows
 * records that were aborted, and forgets positions that are committed in
 * transactions, so a pool that had to begin anew on it would repeat everything.
 */
const PATIENCE_MS = 60_000;
const READY_LOOK_MS = 50;
const DRAIN_MS = 3_000;

export class EmbeddedWorld implements DrillWorld, AsyncDisposable {
  readonly name = "embedded";
  readonly limits = LIMITS;
  readonly failed: Promise<string>;
  readonly #clusters: EmbeddedClusters;
  readonly #pool: FollowingPool;
  readonly #mirror: Mirror;
  readonly #sentinel: Sentinel;
  readonly #generator: Generator;
  readonly #observers: Readonly<Record<ClusterName, ObserverOptions>>;
  readonly #watchers: Readonly<Record<ClusterName, Admin>>;
  readonly #owned: AsyncDisposableStack;

  private constructor(library: Library, log: Log) {
    const owned = new AsyncDisposableStack();
    this.#owned = owned;
    this.#clusters = owned.use(
      new EmbeddedClusters(library, [INPUT, OUTPUT, DEAD_LETTERS]),
    );
    const { servers } = this.#clusters;
    const settings = drillSettings(servers);
    const clients = (name: ClusterName) =>
      clientSettings(settings, settings[name], servers[name]);
    this.#observers = {
      primary: observerOf(library, clients("primary").consumer),
      secondary: observerOf(library, clients("secondary").consumer),
    };
    this.#watchers = {
      primary: owned.use(adminOf(this.#observers.primary)),
      secondary: owned.use(adminOf(this.#observers.secondary)),
    };
    const parts = {
      library,
      settings,
      clusters: {
        primary: clusterOf(settings, settings.primary, servers.primary),
        secondary: clusterOf(settings, settings.secondary, servers.secondary),
      },
      log: log.child({ role: "sentinel" }),
    };
    this.#sentinel = owned.use(newSentinel(parts, sentinelFailOver(parts)));
    this.#mirror = owned.use(
      newMirror(library, settings, {
        brokers: servers,
        from: "primary",
        log: log.child({ role: "mirror" }),
      }),
    );
    this.#pool = owned.use(
      followingJob({
        library,
        settings,
        instanceId: settings.instanceId,
        samples: false,
        log: log.child({ role: "pool" }),
      }, servers),
    );
    this.#generator = owned.use(
      new Generator({
        library,
        clusters: {
          primary: { "bootstrap.servers": servers.primary, log_level: 0 },
          secondary: { "bootstrap.servers": servers.secondary, log_level: 0 },
        },
        topic: INPUT,
        active: () => this.#active(),
      }),
    );
    this.failed = Promise.race([
      this.#sentinel.failed,
      this.#mirror.failed,
      this.#pool.failed,
    ]);
  }

  /** Everybody begins to work; see `ready`. */
  static async open(
    library: Library,
    log: Log,
    signal: AbortSignal,
  ): Promise<EmbeddedWorld> {
    await using stack = new AsyncDisposableStack();
    const world = stack.use(new EmbeddedWorld(library, log));
    await world.#sentinel.start(signal);
    await world.#mirror.start();
    await world.#pool.start();
    stack.move();
    return world;
  }

  async ready(signal: AbortSignal): Promise<void> {
    while (!this.#isReady()) {
      await pause(READY_LOOK_MS, signal);
      signal.throwIfAborted();
    }
  }

  begin(fault: Fault): void {
    this.#clusters.begin(fault);
  }

  end(fault: Fault): void {
    this.#clusters.end(fault);
  }

  view(): View {
    const { health, state } = this.#sentinel.status();
    return {
      state,
      health: health === null ? null : {
        primary: health.primary.health,
        secondary: health.secondary.health,
      },
    };
  }

  startLoad(load: Load, seed: number): void {
    this.#generator.start(load, seed);
  }

  stopLoad(): Promise<readonly Sent[]> {
    return this.#generator.stop();
  }

  async outputEnd(
    cluster: ClusterName,
    signal: AbortSignal,
  ): Promise<number | null> {
    try {
      return await endOf(this.#watchers[cluster], OUTPUT);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof KafkaError) return null;
      throw error;
    }
  }

  async observe(cluster: ClusterName, signal: AbortSignal): Promise<Observed> {
    for (;;) {
      try {
        return await observe(this.#observers[cluster], signal);
      } catch (error) {
        signal.throwIfAborted();
        const mayPass = error instanceof ReadError ||
          error instanceof KafkaError && error.retriable;
        if (!mayPass) throw error;
      }
      await pause(READY_LOOK_MS, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#generator.stop();
    await this.#pool.drain(DRAIN_MS);
    await this.#owned.disposeAsync();
  }

  #active(): ClusterName | null {
    const { state } = this.#sentinel.status();
    return state?.phase === "steady" ? state.active : null;
  }

  #isReady(): boolean {
    const { health, isVoting, lagMs, state } = this.#sentinel.status();
    const { lanes } = this.#mirror.status();
    return isVoting && state?.phase === "steady" && lagMs !== null &&
      health?.primary.health === "healthy" &&
      health.secondary.health === "healthy" &&
      lanes.length > 0 && lanes.every((lane) => lane.state === "running") &&
      this.#pool.status().phase === "running";
  }
}

const observerOf = (
  library: Library,
  properties: ObserverOptions["properties"],
): ObserverOptions => ({
  library,
  properties,
  inputTopic: INPUT,
  outputTopic: OUTPUT,
});

/** As those of the commands would be, whatever this process' environment is. */
function drillSettings(
  servers: Readonly<Record<ClusterName, string>>,
): Settings {
  const policy = replicationPolicy({
    kind: "identity",
    sourceAlias: "primary",
  });
  const env = {
    PRIMARY_BROKERS: servers.primary,
    SECONDARY_BROKERS: servers.secondary,
    INPUT_TOPIC: INPUT,
    OUTPUT_TOPIC: OUTPUT,
    DLQ_TOPIC: DEAD_LETTERS,
    GROUP_ID: "drill",
    INSTANCE_ID: "drill",
    GUARANTEE: "exactly-once",
    COORDINATES: "on",
    PROCESSOR,
    WORKERS: "1",
    MIRROR_TOPICS: [INPUT, OUTPUT, DEAD_LETTERS, policy.heartbeatsTopic].join(),
    MIRROR_LANES: "1",
    MIRROR_POLICY: policy.kind,
    STATE_REPLICATION_FACTOR: "1",
    SENTINELS: "1",
    DRAIN_MS: "3000",
    TRANSACTION_TIMEOUT_MS: String(PATIENCE_MS),
  };
  const { settings } = loadSettings({
    env,
    readTextFile: () => "",
    hardwareConcurrency: navigator.hardwareConcurrency,
    hostname: "drill",
  });
  const patient = (cluster: ClusterSettings): ClusterSettings => ({
    ...cluster,
    consumer: { ...cluster.consumer, "session.timeout.ms": PATIENCE_MS },
  });
  return {
    ...settings,
    primary: patient(settings.primary),
    secondary: patient(settings.secondary),
    // No client of the drill is led by it, so any port will do.
    gatewayListen: "127.0.0.1:0",
  };
}
