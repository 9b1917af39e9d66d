/**
 * A mirror's process: takes lanes as the group on the target gives them, works on
 * them while the state says that its source is in use, keeps the target's topics
 * in step, and watches the threads.
 */
import {
  Admin,
  Consumer,
  type Library,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { within } from "../../src/pool/deadline.ts";
import type { MirrorJob } from "../../src/pool/protocol.ts";
import { RateLimit, type Rates } from "../../src/pool/rate_limit.ts";
import { Serial } from "../../src/pool/serial.ts";
import { Watchdog } from "../../src/pool/watchdog.ts";
import type { Log } from "../../src/telemetry/log.ts";
import type { SpanRecorder } from "../../src/telemetry/span_recorder.ts";
import { CUT_TIMINGS } from "../cut/mod.ts";
import { readReturned } from "../failback/replay_log_topic.ts";
import {
  type Flow,
  lanesTopic,
  type ReplicationPolicy,
} from "../formats/mod.ts";
import type { ClusterName } from "../state/mod.ts";
import {
  DamageChecker,
  type DamageRule,
  type Evidence,
  type MirroredTopic,
  type PlanOptions,
  TopicSync,
} from "../topics/mod.ts";
import type { Duty } from "./duty.ts";
import { examineLanes } from "./examination.ts";
import { obeyState } from "./follow_duty.ts";
import { Leader } from "./leader.ts";
import { Lane } from "./lane.ts";
import { LaneGroup } from "./lane_group.ts";
import type { ClusterClients } from "../clusters.ts";
import { laneParts } from "./lane_parts.ts";
import type { LanePartition } from "./lane_partition.ts";
import { Lanes } from "./lanes.ts";
import { lookAgain } from "./look_again.ts";
import { laneOf } from "./names.ts";
import { ensureOwnTopics } from "./own_topics.ts";
import { serve } from "./serve.ts";
import { SourceClients } from "./source_clients.ts";
import { describerOf } from "./stretches.ts";
import { type MirrorPhase, type MirrorStatus, mirrorStatus } from "./status.ts";

export interface MirrorOptions {
  readonly library: Library;
  /** By the names that the state has for the clusters. */
  readonly flow: Flow & { readonly source: ClusterName };
  readonly source: ClusterClients;
  readonly target: ClusterClients;
  readonly plan: PlanOptions;
  readonly damage: readonly DamageRule[];
  readonly policy: ReplicationPolicy;
  readonly isGroupMirrored: (group: string) => boolean;
  /** Whether groups on the target get positions, besides MM2's checkpoints. */
  readonly setsGroupOffsets: boolean;
  /** Between two looks at the positions of groups. */
  readonly cutIntervalMs: number;
  /** Of a lane topic that has yet to be made. */
  readonly lanes: number;
  readonly job: Pick<MirrorJob, "limits" | "transaction" | "logLevel">;
  /** Between two looks at the topics. */
  readonly refreshMs: number;
  readonly rates: Rates;
  readonly watchdogMs: number;
  readonly drainMs: number;
  readonly log: Log;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
}

const TICK_MS = 250;
const FILL_MS = 20;
const LEAVE_MS = 5000;
/** After it the state is waited for without lanes. */
const STATE_MS = 10_000;

export class Mirror implements AsyncDisposable {
  readonly #options: MirrorOptions;
  readonly #source: SourceClients;
  readonly #group: Consumer;
  readonly #sourceAdmin: Admin;
  readonly #targetAdmin: Admin;
  readonly #rateLimit: RateLimit;
  readonly #watchdog: Watchdog;
  readonly #topicSync: TopicSync;
  readonly #refreshes = new Serial();
  readonly #checker: DamageChecker;
  readonly #lanes: Lanes;
  /** By lane: see `PartitionsParts`. */
  readonly #doubts = new Map<number, Map<string, Evidence>>();
  readonly #failed = Promise.withResolvers<string>();
  /** Resolves when it knows whether it has anything to do. */
  readonly #known = Promise.withResolvers<void>();
  readonly #stop = new AbortController();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #loops: Promise<void>[] = [];
  #laneGroup: LaneGroup | undefined;
  #serving: Promise<void> | undefined;
  #topics: readonly MirroredTopic[] = [];
  #laneCount = 0;
  #replicas = 1;
  #epoch = 0;
  #phase: MirrorPhase = "starting";
  #failure: string | undefined;
  #draining: Promise<boolean> | undefined;
  #hangs = false;

  constructor(options: MirrorOptions) {
    const { damage, library, log, plan, source, target } = options;
    this.#options = options;
    this.#source = new SourceClients({
      open: () =>
        new Consumer(library, {
          ...source.consumer,
          "auto.offset.reset": "error",
          "enable.partition.eof": true,
          "isolation.level": "read_committed",
        }),
      serve: (consumer, signal) =>
        serve(consumer, log, AbortSignal.any([signal, this.#stop.signal])),
    });
    this.#group = new Consumer(library, target.consumer);
    this.#sourceAdmin = new Admin(library, source.admin);
    this.#targetAdmin = new Admin(library, target.admin);
    this.#rateLimit = new RateLimit(options.rates, performance.now());
    this.#watchdog = new Watchdog(options.watchdogMs, TICK_MS);
    this.#topicSync = new TopicSync({
      ...plan,
      source: this.#sourceAdmin,
      target: this.#targetAdmin,
      log,
    });
    this.#checker = new DamageChecker({
      admin: this.#sourceAdmin,
      log,
      rules: damage,
    });
    this.#lanes = new Lanes({
      openLane: (lane, era) => this.#openLane(lane, era),
      openLeader: (era) => this.#openLeader(era),
      drainMs: options.drainMs,
    });
  }

  /**
   * Makes what is missing on the target, then joins the group of mirrors.
   * @throws {KafkaError} where one of the clusters does not answer.
   */
  async start(): Promise<void> {
    const { flow, lanes, log, plan, refreshMs } = this.#options;
    const { signal } = this.#stop;
    for (const client of [this.#sourceAdmin, this.#targetAdmin]) {
      this.#loops.push(serve(client, log, signal));
    }
    const own = await ensureOwnTopics({
      admin: this.#targetAdmin,
      flow,
      lanes,
      replicationFactor: plan.replicationFactor,
      log,
    });
    this.#laneCount = own.lanes;
    this.#replicas = own.replicas;
    this.#loops.push(this.#follow(signal));
    await within(this.#known.promise, STATE_MS);
    if (this.#lanes.duty.kind === "mirror") await this.#synchronise(signal);
    this.#every(FILL_MS, () => this.#rateLimit.fill(performance.now()));
    this.#every(TICK_MS, () => this.#tick());
    const looks = {
      "topics cannot be looked at": () => this.#refresh(signal),
      "source partitions cannot be examined": () =>
        examineLanes(this.#lanes.all, this.#checker, signal),
    };
    this.#loops.push(
      lookAgain(looks, { everyMs: refreshMs, log, signal }),
    );
    this.#laneGroup = new LaneGroup({
      consumer: this.#group,
      topic: lanesTopic(flow.source),
      log,
      open: (lane) => this.#lanes.give(lane),
      close: (lane, isLost) => this.#lanes.take(lane, isLost),
      onFatal: (message) => this.#fail(message),
    });
    this.#serving = this.#laneGroup.run();
    this.#serving.catch((error) => this.#fail(String(error)));
    this.#phase = "running";
  }

  /** Resolves with the reason when the mirror cannot go on. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  status(): MirrorStatus {
    return mirrorStatus({
      flow: this.#options.flow,
      phase: this.#phase,
      duty: this.#lanes.duty,
      failure: this.#failure,
      lanes: this.#lanes.all,
      gone: this.#lanes.gone,
      endOf: (tp) => this.#laneOf(tp)?.endOf(tp) ?? null,
      led: this.#lanes.led,
      damage: this.#checker.reports,
      topics: this.#topics.length,
      nowMs: Date.now(),
    });
  }

  /**
   * Commits what is under way within the deadline, leaves the group and closes
   * everything.
   * @returns false when something could not be closed: the process must end.
   */
  drain(): Promise<boolean> {
    this.#draining ??= this.#drain();
    return this.#draining;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain();
  }

  async #drain(): Promise<boolean> {
    const { drainMs } = this.#options;
    if (this.#phase !== "failing") this.#phase = "draining";
    this.#stop.abort(new DOMException("the mirror stops", "AbortError"));
    const closed = this.#lanes.close();
    let clean = await within(closed, drainMs + LEAVE_MS) && !this.#hangs;
    if (this.#serving !== undefined) {
      this.#laneGroup?.leave();
      clean = await within(this.#serving, LEAVE_MS) && clean;
    }
    this.#timers.forEach(clearInterval);
    await Promise.all(this.#loops);
    if (clean) {
      await Promise.all([
        this.#source[Symbol.asyncDispose](),
        this.#group[Symbol.asyncDispose](),
        this.#sourceAdmin[Symbol.asyncDispose](),
        this.#targetAdmin[Symbol.asyncDispose](),
      ]);
    }
    if (this.#phase !== "failing") this.#phase = "stopped";
    return clean;
  }

  #follow(signal: AbortSignal): Promise<void> {
    const { flow, library, log, source, target } = this.#options;
    return obeyState(
      {
        library,
        flow,
        source: { ...source, admin: this.#sourceAdmin },
        target: { ...target, admin: this.#targetAdmin },
        log,
      },
      (duty) => this.#obey(duty, signal),
      signal,
    );
  }

  async #obey(duty: Duty, signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    if (duty.kind === "mirror") {
      log.info("mirrors", { era: duty.era });
      // At the start whoever starts it hears of a source that does not answer.
      if (this.#phase === "running") {
        await this.#synchronise(signal).catch((error) =>
          log.warn("topics cannot be looked at", { error })
        );
      }
    } else log.warn("idle", { reason: duty.reason });
    const kept = this.#lanes.follow(duty);
    this.#known.resolve();
    await kept;
  }

  #openLeader(era: number): Leader {
    const { plan, flow, library, log, policy, source, target } = this.#options;
    return new Leader({
      ...this.#options,
      library,
      flow,
      era,
      source,
      target,
      sourceAdmin: this.#sourceAdmin,
      targetAdmin: this.#targetAdmin,
      policy,
      isTopicMirrored: plan.isMirrored,
      stopped: (tp) => this.#stopped(tp),
      replicationFactor: this.#replicas,
      timings: { ...CUT_TIMINGS, intervalMs: this.#options.cutIntervalMs },
      log,
    });
  }

  #stopped({ topic, partition }: TopicPartition): string | null {
    // Another process may go on with what this one has found damaged.
    if (this.#laneOf({ topic, partition }) === undefined) return null;
    const report = this.#checker.reports.find((each) =>
      each.topic === topic && each.partition === partition
    );
    return report?.remedy.kind === "stop" ? report.damage.kind : null;
  }

  #laneOf(tp: TopicPartition): Lane | undefined {
    return this.#lanes.get(laneOf(tp, this.#laneCount));
  }

  #openLane(number: number, era: number): Lane {
    const { flow, job, library, log, target } = this.#options;
    const { consumer } = this.#options.source;
    const reading = { library, flow, consumer, admin: this.#sourceAdmin };
    const doubts = this.#doubts.get(number) ?? new Map<string, Evidence>();
    this.#doubts.set(number, doubts);
    return new Lane(
      number,
      laneParts({
        library,
        flow,
        job: { ...job, era },
        lanes: this.#laneCount,
        source: this.#source,
        target,
        targetAdmin: this.#targetAdmin,
        checker: this.#checker,
        describe: describerOf({
          ...this.#options,
          sourceAdmin: this.#sourceAdmin,
          targetAdmin: this.#targetAdmin,
        }),
        doubts,
        known: new Map<string, LanePartition>(),
        readReturned: (signal) =>
          readReturned(reading, this.#targetAdmin, signal),
        rateLimit: this.#rateLimit.memory,
        topics: () => this.#topics,
        batchLimitOf: (topic) => this.#topicSync.batchLimitOf(topic),
        lowest: (tp) => this.#lanes.lowest(tp),
        nextEpoch: () => ++this.#epoch,
        log,
        spans: this.#options.spans ?? null,
      }),
    );
  }

  /** While there is nothing to mirror, the target's topics are not its own. */
  async #refresh(signal: AbortSignal): Promise<void> {
    if (this.#lanes.duty.kind === "mirror") await this.#synchronise(signal);
  }

  #synchronise(signal: AbortSignal): Promise<void> {
    return this.#refreshes.run(async () => {
      this.#topics = await this.#topicSync.refresh(signal);
      for (const lane of this.#lanes.all) lane.refresh();
    });
  }

  #tick(): void {
    for (const { thread } of this.#lanes.all) {
      if (thread === null || !thread.isOnItsOwn) continue;
      const { word } = thread.page;
      if (!this.#watchdog.observe(thread.id, word)) continue;
      if (!thread.page.fence(word)) continue;
      thread.abandon();
      this.#hangs = true;
      this.#fail(`the thread of lane ${thread.id} hangs`);
    }
  }

  #every(intervalMs: number, action: () => void): void {
    this.#timers.push(setInterval(action, intervalMs));
  }

  #fail(reason: string): void {
    if (this.#draining !== undefined) return;
    this.#phase = "failing";
    this.#failure ??= reason;
    this.#failed.resolve(reason);
  }
}
