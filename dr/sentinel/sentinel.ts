/**
 * Watches both clusters, votes, and decides whether to move everybody to the
 * other one, which another carries out. It keeps the gateway in step with the
 * state.
 *
 *     probes ──> health ──> vote ──┐
 *     others' votes ───────────────┼──> decide ──> log, status, fail over
 *     mirror's heartbeats ── lag ──┤
 *     state topic ── state ────────┴──> gateway
 */
import type { Library } from "../../src/kafka/mod.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import { reachedTopic } from "../formats/mod.ts";
import {
  Gateway,
  type GatewayAddress,
  type GatewayLimits,
} from "../gateway/mod.ts";
import { Prober } from "../health/mod.ts";
import {
  type ClusterName,
  type DrState,
  type FollowEvent,
  isWorkedIn,
  type StateClusters,
  StateStore,
} from "../state/mod.ts";
import { pause } from "../waits.ts";
import { abandoned, dueNow } from "./abandoned.ts";
import { BallotBox } from "./ballot_box.ts";
import { BrokerIdWatch } from "./broker_id_watch.ts";
import { type ClusterClients, openClusters } from "../clusters.ts";
import { decide, type Decision, type Switch } from "./decide.ts";
import { decided } from "./decided.ts";
import { keepCopy } from "./keep_copy.ts";
import { mirrorLag } from "./mirror_lag.ts";
import { checkPolicy, type SentinelPolicy } from "./policy.ts";
import { ensureState, ensureTopics, persist } from "./prepare.ts";
import { Problems } from "./problems.ts";
import { ReachWatch } from "./reach_watch.ts";
import { decisionKey, gatewayTarget, type SentinelStatus } from "./status.ts";
import { type FailOver, Switcher } from "./switcher.ts";

export interface SentinelOptions {
  readonly library: Library;
  readonly clusters: Readonly<Record<ClusterName, ClusterClients>>;
  /** Its name among the voters; unique. */
  readonly voter: string;
  readonly policy: SentinelPolicy;
  readonly failOver: FailOver;
  /**
   * Told in each round which cluster a failover may soon lead to; null: none.
   * Default: nobody wants to know.
   */
  readonly expect?: (to: ClusterName | null) => void;
  readonly watchedTopics: readonly string[];
  /** Of the topics of the state and of the probes; no more than brokers. */
  readonly replicationFactor: number;
  /** Of the gateway. */
  readonly addresses: readonly GatewayAddress[];
  readonly limits: Partial<GatewayLimits>;
  readonly log: Log;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
}

const REACH = "read how far the mirror is";
const VOTE_MS = 1_000;
/** While the active cluster does not look healthy, and nothing is done about it. */
const URGENT_VOTE_MS = 250;
const CLUSTERS = ["primary", "secondary"] as const;

export class Sentinel implements AsyncDisposable {
  /** Resolves with the reason when it cannot go on. */
  readonly failed: Promise<string>;
  readonly #options: SentinelOptions;
  readonly #log: Log;
  readonly #switcher: Switcher;
  readonly #problems: Problems;
  readonly #ballots: BallotBox;
  readonly #failed = Promise.withResolvers<string>();
  readonly #owned = new AsyncDisposableStack();
  /** Ends the loops, each after what it does just now. */
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #news = new AbortController();
  #parts: Parts | null = null;
  #state: DrState | null = null;
  /** Since when, by the process's own clock. */
  #stateSeenMs = 0;
  #decision: Decision | null = null;
  #phase: SentinelStatus["phase"] = "starting";
  #failure: string | null = null;

  /** @throws {RangeError} for a policy that cannot work. */
  constructor(options: SentinelOptions) {
    const { failOver, log, policy } = options;
    checkPolicy(policy);
    this.#options = options;
    this.#log = log;
    this.#switcher = new Switcher({
      failOver,
      isUnderWay: (decision) => this.#isUnderWay(decision),
      log,
      spans: options.spans ?? null,
    });
    this.#problems = new Problems(options.log);
    this.#ballots = new BallotBox(this.#problems);
    this.failed = this.#failed.promise;
  }

  /**
   * Resolves when it watches; clusters that are down are waited for.
   * @throws {ClusterPairError} where the clusters share broker ids, or are one.
   * @throws {ListenError} when the gateway cannot listen.
   * @throws {PropertyError} where clients cannot be made; the signal's reason.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { addresses, library, limits, log } = this.#options;
    const clusters = this.#owned.use(openClusters(this.#options));
    const brokerIds = new BrokerIdWatch(clusters, log);
    await brokerIds.check(signal);
    const gateway = this.#owned.use(
      await Gateway.open({ addresses, limits, log }),
    );
    const store = this.#owned.use(new StateStore(clusters));
    this.#owned.use(this.#ballots);
    const reach = new ReachWatch({
      library,
      cluster: clusters.clusters.secondary,
      topic: reachedTopic("primary"),
      onClientEvent: clusters.onClientEvent,
      onFailure: (error) => this.#problems.say(REACH, error.message),
      onRead: () => this.#problems.over(REACH),
    });
    const probers = {
      primary: this.#owned.use(this.#prober("primary")),
      secondary: this.#owned.use(this.#prober("secondary")),
    };
    const parts = {
      brokerIds,
      clusters,
      gateway,
      probers,
      reach,
      store,
    };
    this.#parts = parts;
    this.#phase = "running";
    for (
      const loop of [
        this.#follow(parts),
        this.#prepare(parts),
        this.#vote(parts),
        keepCopy(store, () => this.#state, this.#log, this.#stop.signal),
        brokerIds.run(this.#stop.signal),
        reach.run(this.#stop.signal),
      ]
    ) this.#track(loop);
    for (const name of CLUSTERS) {
      probers[name].ended.catch((error) => this.#fail(error));
    }
  }

  status(): SentinelStatus {
    const probers = this.#parts?.probers;
    return {
      phase: this.#phase,
      failure: this.#failure,
      voter: this.#options.voter,
      policy: this.#options.policy,
      state: this.#state,
      health: probers === undefined ? null : {
        primary: probers.primary.report,
        secondary: probers.secondary.report,
      },
      votes: this.#ballots.ballot.votes,
      isVoting: this.#ballots.isVoting,
      decision: this.#decision,
      switching: this.#switcher.current,
      lagMs: this.#lagMs(),
      brokerIds: this.#parts?.brokerIds.last ?? null,
      gateway: this.#parts?.gateway.status() ?? null,
    };
  }

  /**
   * Ends its work, a switch in the middle of it first, and takes back its vote;
   * others count without it then.
   */
  async drain(): Promise<void> {
    if (this.#phase !== "failing") this.#phase = "draining";
    await this.#end();
    const reason = await this.#ballots.withdraw(this.#options.voter);
    if (reason !== null) {
      this.#log.warn("the vote is not withdrawn and counts until it is old", {
        reason,
      });
    }
    this.#phase = "stopped";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#owned.disposeAsync();
  }

  async #end(): Promise<void> {
    await this.#switcher[Symbol.asyncDispose]();
    this.#stop.abort();
    await Promise.all(this.#loops);
  }

  #prober(cluster: ClusterName): Prober {
    const { clusters, library, log, voter, watchedTopics } = this.#options;
    return new Prober({
      library,
      cluster,
      clients: clusters[cluster],
      watchedTopics: () => watchedTopics,
      replicationFactor: null,
      prober: voter,
      onChange: () => this.#news.abort(),
      log,
    });
  }

  async #prepare({ clusters, store }: Parts): Promise<void> {
    const { signal } = this.#stop;
    const { replicationFactor } = this.#options;
    const topicsOn = (cluster: ClusterName) =>
      persist(
        `make the state's topics on the ${cluster}`,
        () => ensureTopics(clusters, cluster, replicationFactor, signal),
        this.#problems,
        signal,
      );
    const primary = topicsOn("primary");
    await topicsOn("secondary");
    if (!signal.aborted) {
      this.#ballots.open(clusters);
      this.#news.abort();
    }
    await persist(
      "write the first state",
      () => ensureState(store, signal),
      this.#problems,
      signal,
    );
    await primary;
  }

  async #follow({ gateway, store }: Parts): Promise<void> {
    const onEvent = (event: FollowEvent) =>
      this.#problems.say(
        `follow the state on the ${event.cluster}`,
        event.kind === "failed"
          ? event.error.message
          : `the record at offset ${event.record.offset} is no state: ` +
            event.record.reason,
      );
    for await (const state of store.follow(this.#stop.signal, { onEvent })) {
      this.#state = state;
      this.#stateSeenMs = performance.now();
      gateway.setActive(gatewayTarget(state));
      this.#log.info("the state", { ...state });
      this.#news.abort();
    }
  }

  async #vote(parts: Parts): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#news = new AbortController();
      await this.#round(parts);
      const state = this.#state;
      const health = state && parts.probers[state.active].health;
      const isUrgent = state?.phase === "steady" && health !== "healthy" &&
        this.#switcher.current === null;
      const { expect, policy } = this.#options;
      // A process that has just begun, or woken up, knows nothing yet.
      const isExpected = isUrgent && health !== "unknown" &&
        state.active === "primary" && policy.mode === "automatic";
      expect?.(isExpected ? "secondary" : null);
      await pause(
        isUrgent ? URGENT_VOTE_MS : VOTE_MS,
        AbortSignal.any([signal, this.#news.signal]),
      );
    }
  }

  async #round({ probers }: Parts): Promise<void> {
    const { voter } = this.#options;
    const state = this.#state;
    const healthNow = () => ({
      primary: probers.primary.health,
      secondary: probers.secondary.health,
    });
    await this.#ballots.vote({
      voter,
      kind: "sentinel",
      epoch: state?.epoch ?? 0,
      health: healthNow(),
      isProgressing: false,
    });
    // Votes were for another state: the next round follows at once.
    if (state === null || this.#state !== state) return;
    const { brokerNowMs, votes } = this.#ballots.ballot;
    const nowMs = brokerNowMs ?? Date.now();
    const decision = decide({
      state,
      votes,
      health: healthNow(),
      lagMs: this.#lagMs(),
      nowMs,
    }, this.#options.policy);
    this.#tell(decision);
    const left = abandoned(state, performance.now() - this.#stateSeenMs);
    const due = dueNow(decision, left, this.#options.policy.mode);
    if (due !== null) this.#switcher.begin(due);
  }

  #isUnderWay({ epoch }: Switch): boolean {
    const state = this.#state;
    return state !== null && state.epoch > epoch && !isWorkedIn(state.phase);
  }

  #tell(decision: Decision): void {
    const before = this.#decision ?? { kind: "stay" };
    this.#decision = decision;
    if (decisionKey(decision) === decisionKey(before)) return;
    decided(this.#options.spans, decision);
    switch (decision.kind) {
      case "stay":
        this.#log.info("nothing speaks for failing over any more");
        return;
      case "fail-over":
        return; // whoever carries it out tells more
      case "advise":
        this.#log.warn(`advises failing over to the ${decision.to}`, {
          reason: decision.reason,
          epoch: decision.epoch,
          lagMs: this.#lagMs(),
        });
        return;
      case "refuse":
        this.#log.warn("does not advise failing over", {
          because: decision.because,
          reason: decision.reason,
        });
        return;
    }
  }

  /** Of the mirror to the secondary: a sentinel fails over nowhere else. */
  #lagMs(): number | null {
    if (this.#parts === null || this.#state?.active !== "primary") return null;
    const { probers, reach } = this.#parts;
    const nowMs = Date.now();
    const { sincePassedMs } = probers.primary.report;
    return mirrorLag({
      reachedMs: reach.reachedMs,
      answeredMs: sincePassedMs === null ? null : nowMs - sincePassedMs,
      nowMs,
    });
  }

  #track(loop: Promise<void>): void {
    this.#loops.push(loop.catch((error) => this.#fail(error)));
  }

  /** A bug: clusters that do not answer are no reason to end. */
  #fail(error: unknown): void {
    this.#phase = "failing";
    this.#failure = error instanceof Error ? error.message : String(error);
    this.#log.error("the sentinel cannot go on", { error });
    this.#failed.resolve(this.#failure);
  }
}

interface Parts {
  readonly brokerIds: BrokerIdWatch;
  readonly clusters: StateClusters;
  readonly gateway: Gateway;
  readonly store: StateStore;
  readonly probers: Readonly<Record<ClusterName, Prober>>;
  readonly reach: ReachWatch;
}
