/**
 * A pool for two clusters: it works on the one that the state of disaster
 * recovery names, and follows it to the other one.
 */
import { type ClusterClients, openClusters } from "../../../dr/clusters.ts";
import { readDone } from "../../../dr/failover/mod.ts";
import {
  type ClusterName,
  LeaseClock,
  LeaseKeeper,
  STATE_TIMINGS,
  type StateClusters,
  StateStore,
} from "../../../dr/state/mod.ts";
import { KafkaError, type Library, ReadError } from "../../kafka/mod.ts";
import { within } from "../../pool/deadline.ts";
import type { DoneOutputs, Pool, PoolStatus, Rates } from "../../pool/mod.ts";
import type { Log } from "../../telemetry/log.ts";
import type { FitCluster } from "../fit_cluster.ts";
import { PreflightError } from "../preflight.ts";
import { LeaseNews } from "./lease_news.ts";
import { PoolSession } from "./session.ts";
import { Sessions } from "./sessions.ts";
import { statesOf } from "./states.ts";
import { Voter } from "./voter.ts";

/** What a session's pool is made of, beside what the settings say. */
export interface SessionPoolParts {
  readonly cluster: FitCluster;
  readonly done: Promise<DoneOutputs | null>;
  readonly firstWorkerId: number;
  readonly workers: number;
  readonly rates: Rates;
  /** Asked right before a commit. */
  readonly mayCommit: () => boolean;
  readonly log: Log;
}

export interface FollowingPoolParts {
  readonly library: Library;
  /** How the state and the votes are reached. */
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  /** Among all that vote. */
  readonly voter: string;
  readonly workers: number;
  readonly rates: Rates;
  readonly drainMs: number;
  /** It works only under leases of this length; null: without. */
  readonly leaseMs: number | null;
  readonly log: Log;
  /** @throws {PreflightError} where the cluster is not fit for the job. */
  readonly prepare: (cluster: ClusterName, log: Log) => Promise<FitCluster>;
  /** Whose results are looked for on the cluster that is promoted. */
  readonly group: string;
  readonly newPool: (parts: SessionPoolParts) => Pool;
}

/** A restart must not wait long for a cluster that is dead. */
const TIMINGS = { ...STATE_TIMINGS, readMs: 1_500 };
/** What the end of the process grants to what follows and votes. */
const CLOSE_MS = 2_000;

export class FollowingPool implements AsyncDisposable {
  readonly #parts: FollowingPoolParts;
  readonly #sessions: Sessions;
  readonly #owned = new AsyncDisposableStack();
  readonly #stop = new AbortController();
  readonly #failed = Promise.withResolvers<string>();
  readonly #leaseClock = new LeaseClock();
  /** From the start on. */
  #clients: StateClusters | undefined;
  #workers: number;
  #rates: Rates;
  #draining: Promise<boolean> | undefined;

  constructor(parts: FollowingPoolParts) {
    this.#parts = parts;
    this.#workers = parts.workers;
    this.#rates = parts.rates;
    this.#sessions = new Sessions({
      open: (cluster, firstWorkerId) => {
        const { group, library, newPool, prepare } = parts;
        const log = parts.log.child({ cluster });
        return new PoolSession({
          firstWorkerId,
          prepare: () => prepare(cluster, log),
          // Its connections are there already.
          readDone: (assignment, signal) => {
            const { admin, consumer } = this.#clients!.clusters[cluster];
            const reached = { library, admin, consumer };
            return readDone(reached, assignment, group, signal);
          },
          mayWork: (assignment) => this.#sessions.mayWork(assignment),
          newPool: (cluster, done, firstWorkerId, mayCommit) =>
            newPool({
              cluster,
              done,
              firstWorkerId,
              workers: this.#workers,
              rates: this.#rates,
              mayCommit,
              log,
            }),
        });
      },
      mayPass,
      ...(parts.leaseMs === null ? {} : { leaseClock: this.#leaseClock }),
      drainMs: parts.drainMs,
      log: parts.log,
    });
    this.#sessions.failed.then(this.#failed.resolve);
  }

  /**
   * Learns which cluster is in use and begins to work there, or to wait for it.
   * @throws {PreflightError | PoolStartError | PropertyError}
   */
  async start(): Promise<void> {
    const { library, log, voter } = this.#parts;
    const clusters = this.#owned.use(openClusters(this.#parts));
    this.#clients = clusters;
    const store = this.#owned.use(
      new StateStore({ ...clusters, timings: TIMINGS }),
    );
    const following = this.#follow({ ...clusters, store, log });
    following.catch((error) => this.#failed.resolve(String(error)));
    this.#owned.defer(() => following.catch(() => {}));
    this.#owned.use(
      new Voter({
        ...clusters,
        library,
        voter,
        progress: () => ({
          epoch: this.#sessions.state?.epoch ?? 0,
          working: this.#sessions.working,
        }),
        log,
      }),
    );
    if (this.#parts.leaseMs !== null) {
      this.#owned.use(this.#keepLease(clusters, this.#parts.leaseMs));
    }
    await this.#sessions.begun;
  }

  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  status(): PoolStatus {
    return this.#sessions.status();
  }

  setWorkers(workers: number): void {
    this.#workers = workers;
    this.#sessions.setWorkers(workers);
  }

  setRates(rates: Rates): void {
    this.#rates = rates;
    this.#sessions.setRates(rates);
  }

  /**
   * As `Pool.drain`. The state is followed until the session has ended: what
   * another cluster would have to do is not finished here.
   */
  drain(deadlineMs: number): Promise<boolean> {
    this.#draining ??= this.#drain(deadlineMs);
    return this.#draining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }

  async #drain(deadlineMs: number): Promise<boolean> {
    const isClean = await this.#sessions.drain(deadlineMs);
    this.#stop.abort(new Error("the pool ends"));
    return await within(this.#owned.disposeAsync(), CLOSE_MS) && isClean;
  }

  #keepLease(
    { clusters, onClientEvent }: StateClusters,
    leaseMs: number,
  ): LeaseKeeper {
    const { library, log } = this.#parts;
    const news = new LeaseNews(this.#leaseClock, log);
    return new LeaseKeeper({
      library,
      cluster: clusters.secondary,
      onClientEvent,
      leaseMs,
      clock: this.#leaseClock,
      onState: (state) => this.#sessions.take(state),
      onLease: (lease) => {
        news.took(lease);
        this.#sessions.takeLease(lease);
      },
      onFailure: (error) => news.missed(error),
    });
  }

  async #follow(parts: Parameters<typeof statesOf>[0]): Promise<void> {
    for await (const state of statesOf(parts, this.#stop.signal)) {
      this.#sessions.take(state);
    }
  }
}

/**
 * A cluster that does not answer may be on its way to be left, and what lacks on
 * one that was just promoted may be put there; a pool that ended over it would
 * have to be started again.
 */
function mayPass(error: unknown, isFirst: boolean): boolean {
  if (error instanceof PreflightError) return error.isUnanswered || !isFirst;
  return error instanceof KafkaError || error instanceof ReadError;
}
