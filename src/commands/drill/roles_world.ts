/**
 * A pool, a mirror and a sentinel on two clusters: the commands as users run
 * them, each a process of its own, with links of its own to both clusters.
 *
 *     load ───link───┐
 *     pool ───link───┤
 *     mirror ─link───┼── primary, secondary
 *     sentinel link──┘        │
 *     drill: state, ends, and in the end all records
 */
import type {
  Command,
  DrillWorld,
  Fault,
  Load,
  Observed,
  Party,
  RoleName,
  Sent,
  ShownAbort,
  TailRange,
  View,
} from "../../../dr/drill/mod.ts";
import { type ClusterName, isWorkedIn } from "../../../dr/state/mod.ts";
import { followStates } from "../../../dr/state/follow.ts";
import { pause } from "../../../dr/waits.ts";
import {
  type Admin,
  type ClientProperties,
  type ConsumerProperties,
  KafkaError,
  type Library,
  type ProducerProperties,
} from "../../kafka/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import type { DrillFolder } from "./drill_folder.ts";
import { Generator } from "./generator.ts";
import { type ClusterFault, modeOf, PASSING } from "./cluster_fault.ts";
import { Link, type LinkMode } from "./link.ts";
import {
  adminOf,
  mayAnswerYet,
  observe,
  type ObserverOptions,
  stableEndOf,
} from "./observer.ts";
import { Role } from "./role.ts";
import { abortIn, lacksOfAll, SENTINEL } from "./role_status.ts";
import { runCommand } from "./run_command.ts";

/** The clusters of a drill, and what is done to them. */
export interface DrillClusters extends AsyncDisposable {
  readonly servers: Readonly<Record<ClusterName, string>>;
  /** @returns false where the links are to do so instead. */
  begin(fault: ClusterFault): boolean;
  end(fault: ClusterFault): boolean;
  /** Resolves with the reason when it cannot. */
  readonly failed: Promise<string>;
}

export interface RolesWorldOptions {
  readonly name: string;
  readonly limits: readonly string[];
  /** Whether the clusters show what was aborted. */
  readonly showsAborts: boolean;
  readonly library: Library;
  readonly clusters: DrillClusters;
  /** Of each role, without the brokers. */
  readonly env: Readonly<Record<string, string>>;
  /** How the drill itself reaches the clusters, brokers included. */
  readonly clients: Readonly<
    Record<ClusterName, {
      readonly admin: ClientProperties;
      readonly consumer: ConsumerProperties;
      readonly producer: ProducerProperties;
    }>
  >;
  readonly inputTopic: string;
  readonly outputTopic: string;
  /** Of the roles. */
  readonly stateTopic: string;
  /** As in `DrillWorld`; without it nobody can be asked. */
  readonly tail?: DrillWorld["tail"];
  /** For so long roles may leave their groups in the end; without it none. */
  readonly stopMs?: number;
  /** Owned by it. */
  readonly folder: DrillFolder;
  readonly log: Log;
}

const LOOK_MS = 100;
const PARTIES: readonly Party[] = ["pool", "mirror", "sentinel", "load"];

type Links = Readonly<Record<Party, Readonly<Record<ClusterName, Link>>>>;

export class RolesWorld implements DrillWorld, AsyncDisposable {
  readonly name: string;
  readonly limits: readonly string[];
  readonly folder: DrillFolder;
  readonly #options: RolesWorldOptions;
  readonly #links: Links;
  readonly #roles: Readonly<Record<RoleName, Role>>;
  readonly #generator: Generator;
  readonly #observers: Readonly<Record<ClusterName, ObserverOptions>>;
  readonly #watchers: Readonly<Record<ClusterName, Admin>>;
  readonly #owned: AsyncDisposableStack;
  readonly #failed = Promise.withResolvers<string>();
  /** What operators have started is among them. */
  readonly #running: { readonly name: RoleName; readonly process: Role }[] = [];
  readonly #aborts: ShownAbort[] = [];
  #state: View["state"] = null;
  #health: View["health"] = null;
  #waiting: readonly string[] = [];

  private constructor(options: RolesWorldOptions, owned: AsyncDisposableStack) {
    this.#owned = owned;
    this.#options = options;
    const { clients, clusters, library, limits, name } = options;
    this.name = name;
    this.limits = limits;
    this.folder = owned.use(options.folder);
    owned.use(clusters);
    const link = (cluster: ClusterName) =>
      owned.use(new Link(clusters.servers[cluster]));
    const links = () => ({
      primary: link("primary"),
      secondary: link("secondary"),
    });
    this.#links = {
      pool: links(),
      mirror: links(),
      sentinel: links(),
      load: links(),
    };
    const { inputTopic, outputTopic } = options;
    const observer = (cluster: ClusterName): ObserverOptions => ({
      library,
      properties: clients[cluster].consumer,
      admin: clients[cluster].admin,
      inputTopic,
      outputTopic,
    });
    this.#observers = {
      primary: observer("primary"),
      secondary: observer("secondary"),
    };
    this.#roles = {
      sentinel: this.#start("sentinel", ["sentinel"]),
      mirror: this.#start("mirror", ["mirror"]),
      pool: this.#start("pool", ["start"]),
    };
    // After the roles: processes inherit what embedded brokers have accepted, and
    // a connection that somebody has open does not break with its broker.
    this.#watchers = {
      primary: owned.use(adminOf(this.#observers.primary)),
      secondary: owned.use(adminOf(this.#observers.secondary)),
    };
    const producer = (cluster: ClusterName): ProducerProperties => ({
      ...clients[cluster].producer,
      "bootstrap.servers": this.#links.load[cluster].servers,
    });
    this.#generator = owned.use(
      new Generator({
        library,
        clusters: {
          primary: producer("primary"),
          secondary: producer("secondary"),
        },
        topic: inputTopic,
        active: () =>
          this.#state !== null && isWorkedIn(this.#state.phase)
            ? this.#state.active
            : null,
      }),
    );
    void clusters.failed.then(this.#failed.resolve);
    this.#watch(owned);
  }

  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  /** Everybody begins to work; see `ready`. */
  static async open(options: RolesWorldOptions): Promise<RolesWorld> {
    const owned = new AsyncDisposableStack();
    try {
      return new RolesWorld(options, owned);
    } catch (error) {
      await owned.disposeAsync();
      throw error;
    }
  }

  async ready(signal: AbortSignal): Promise<void> {
    while (!await this.#isReady()) {
      await pause(LOOK_MS, signal);
      signal.throwIfAborted();
    }
  }

  waitingFor(): readonly string[] {
    return this.#waiting;
  }

  begin(fault: Fault): void {
    switch (fault.kind) {
      case "crash":
        return this.#each(fault.role, (each) => void each.kill());
      case "freeze":
        return this.#each(fault.role, (each) => each.freeze());
      case "cut":
      case "kill":
      case "hang":
      case "slow":
        if (this.#options.clusters.begin(fault)) return;
        return this.#link(fault, modeOf(fault));
    }
  }

  end(fault: Fault): void {
    switch (fault.kind) {
      case "crash":
        return this.#each(fault.role, (each) => each.start());
      case "freeze":
        return this.#each(fault.role, (each) => each.resume());
      case "cut":
      case "kill":
      case "hang":
      case "slow":
        if (this.#options.clusters.end(fault)) return;
        return this.#link(fault, PASSING);
    }
  }

  async run(command: Command, signal: AbortSignal): Promise<void> {
    const args = command.split(" ");
    if (command === "mirror --from secondary") {
      this.#start("mirror", args, "mirror-back");
      return;
    }
    const { clusters: { servers }, env } = this.#options;
    await runCommand({
      args: [...args, "--json"],
      env: {
        ...env,
        PRIMARY_BROKERS: servers.primary,
        SECONDARY_BROKERS: servers.secondary,
      },
      onLine: (line) => this.folder.add("operator.log", line),
    }, signal);
  }

  view(): View {
    return { state: this.#state, health: this.#health };
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
      return await stableEndOf(
        this.#watchers[cluster],
        this.#options.outputTopic,
      );
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
        if (!mayAnswerYet(error)) throw error;
      }
      await pause(LOOK_MS, signal);
    }
  }

  async tail(signal: AbortSignal): Promise<readonly TailRange[] | null> {
    return await this.#options.tail?.(signal) ?? null;
  }

  shownAborts(): readonly ShownAbort[] {
    return this.#options.showsAborts ? this.#aborts : [];
  }

  /** Without leave; all else is left to disposal. */
  killRoles(): void {
    for (const { process } of this.#running) void process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { stopMs } = this.#options;
    if (stopMs !== undefined) {
      await Promise.all(
        this.#running.map(({ process }) => process.stop(stopMs)),
      );
    }
    await this.#owned.disposeAsync();
  }

  /** Over the links of this role. */
  #start(role: RoleName, args: readonly string[], log: string = role): Role {
    const { primary, secondary } = this.#links[role];
    const started = this.#owned.use(
      new Role({
        args,
        env: {
          ...this.#options.env,
          PRIMARY_BROKERS: primary.servers,
          SECONDARY_BROKERS: secondary.servers,
        },
        onLine: (line) => this.#heard(role, log, line),
      }),
    );
    void started.failed.then(this.#failed.resolve);
    this.#running.push({ name: role, process: started });
    return started;
  }

  #each(role: RoleName, act: (process: Role) => void): void {
    this.#running.filter(({ name }) => name === role)
      .forEach(({ process }) => act(process));
  }

  #heard(role: RoleName, log: string, line: string): void {
    this.folder.add(`${log}.log`, line);
    const abort = role === "pool"
      ? abortIn(line, this.#options.inputTopic)
      : null;
    if (abort !== null) this.#aborts.push(abort);
    this.#options.log.info(line, { role: log });
  }

  #link(fault: ClusterFault, mode: LinkMode): void {
    const from = fault.kind === "cut" ? fault.from : PARTIES;
    for (const party of from) this.#links[party][fault.cluster].mode = mode;
  }

  #watch(owned: AsyncDisposableStack): void {
    const closing = new AbortController();
    const { signal } = closing;
    const watching = Promise.all([
      this.#watchState(signal),
      this.#watchHealth(signal),
    ]);
    owned.defer(async () => {
      closing.abort();
      await watching;
    });
  }

  async #watchState(signal: AbortSignal): Promise<void> {
    const { clients, library, stateTopic } = this.#options;
    const readers = {
      library,
      clusters: clients,
      topic: stateTopic,
      onClientEvent: () => {},
    };
    for await (const state of followStates(readers, {}, signal)) {
      this.#state = state;
    }
  }

  async #watchHealth(signal: AbortSignal): Promise<void> {
    for (; !signal.aborted; await pause(LOOK_MS, signal)) {
      const told = SENTINEL.safeParse(await this.#roles.sentinel.status());
      const health = told.data?.health ?? null;
      this.#health = health === null ? null : {
        primary: health.primary.health,
        secondary: health.secondary.health,
      };
    }
  }

  async #isReady(): Promise<boolean> {
    const lacks = await lacksOfAll((role) => this.#roles[role].status());
    this.#waiting = [
      ...this.#state?.phase === "steady" ? [] : ["there is no state"],
      ...lacks,
    ];
    return this.#waiting.length === 0;
  }
}
