/**
 * A mirror's process: takes lanes as the group on the target gives them, keeps
 * the target's topics in step, and watches the threads.
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
import { Watchdog } from "../../src/pool/watchdog.ts";
import type { Log } from "../../src/telemetry/log.ts";
import { CUT_TIMINGS } from "../cut/mod.ts";
import {
  type Flow,
  lanesTopic,
  type ReplicationPolicy,
} from "../formats/mod.ts";
import {
  DamageChecker,
  type DamageRule,
  type Evidence,
  type MirroredTopic,
  type PlanOptions,
  TopicSync,
} from "../topics/mod.ts";
import { examineLanes } from "./examination.ts";
import { Leader } from "./leader.ts";
import { Lane } from "./lane.ts";
import { LaneGroup } from "./lane_group.ts";
import { type ClusterClients, laneParts } from "./lane_parts.ts";
import type { LanePartition } from "./lane_partition.ts";
import { lookAgain } from "./look_again.ts";
import { added, type Mirrored, NOTHING_MIRRORED } from "./mirrored.ts";
import { laneOf } from "./names.ts";
import { ensureOwnTopics } from "./own_topics.ts";
import { serve } from "./serve.ts";
import { SourceClients } from "./source_clients.ts";
import { describerOf } from "./stretches.ts";
import { type MirrorPhase, type MirrorStatus, mirrorStatus } from "./status.ts";

export interface MirrorOptions {
  readonly library: Library;
  readonly flow: Flow;
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
  readonly job: Pick<MirrorJob, "era" | "limits" | "transaction" | "logLevel">;
  /** Between two looks at the topics. */
  readonly refreshMs: number;
  readonly rates: Rates;
  readonly watchdogMs: number;
  readonly drainMs: number;
  readonly log: Log;
}

const TICK_MS = 250;
const FILL_MS = 20;
const LEAVE_MS = 5000;
/** Whoever has this lane does what one has to do for all. */
const LEADING_LANE = 0;

export class Mirror implements AsyncDisposable {
  readonly #options: MirrorOptions;
  readonly #source: SourceClients;
  readonly #group: Consumer;
  readonly #sourceAdmin: Admin;
  readonly #targetAdmin: Admin;
  readonly #rateLimit: RateLimit;
  readonly #watchdog: Watchdog;
  readonly #topicSync: TopicSync;
  readonly #checker: DamageChecker;
  readonly #lanes = new Map<number, Lane>();
  /** By lane: see `PartitionsParts`. */
  readonly #doubts = new Map<number, Map<string, Evidence>>();
  readonly #failed = Promise.withResolvers<string>();
  readonly #stop = new AbortController();
  readonly #timers: ReturnType<typeof setInterval>[] = [];
  readonly #loops: Promise<void>[] = [];
  #laneGroup: LaneGroup | undefined;
  #leader: Leader | null = null;
  #serving: Promise<void> | undefined;
  #topics: readonly MirroredTopic[] = [];
  #laneCount = 0;
  #replicas = 1;
  #epoch = 0;
  #phase: MirrorPhase = "starting";
  #failure: string | undefined;
  #gone: Mirrored = NOTHING_MIRRORED;
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
    this.#topics = await this.#topicSync.refresh(signal);
    this.#every(FILL_MS, () => this.#rateLimit.fill(performance.now()));
    this.#every(TICK_MS, () => this.#tick());
    const looks = {
      "topics cannot be looked at": () => this.#refresh(signal),
      "source partitions cannot be examined": () =>
        examineLanes(this.#lanes.values(), this.#checker, signal),
    };
    this.#loops.push(lookAgain(looks, { everyMs: refreshMs, log, signal }));
    this.#laneGroup = new LaneGroup({
      consumer: this.#group,
      topic: lanesTopic(flow.source),
      log,
      open: (lane) => this.#open(lane),
      close: (lane, isLost) => this.#close(lane, isLost),
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
      failure: this.#failure,
      lanes: [...this.#lanes.values()],
      gone: this.#gone,
      endOf: (tp) => this.#laneOf(tp)?.endOf(tp) ?? null,
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
    const lanes = [...this.#lanes.keys()];
    const closed = Promise.all(lanes.map((lane) => this.#close(lane, false)));
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

  #lead(): void {
    const { plan, flow, library, log, policy, source, target } = this.#options;
    this.#leader = new Leader({
      ...this.#options,
      library,
      flow,
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

  #open(number: number): void {
    if (number === LEADING_LANE) this.#lead();
    const { flow, job, library, log, target } = this.#options;
    const doubts = this.#doubts.get(number) ?? new Map<string, Evidence>();
    this.#doubts.set(number, doubts);
    this.#lanes.set(
      number,
      new Lane(
        number,
        laneParts({
          library,
          flow,
          job,
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
          rateLimit: this.#rateLimit.memory,
          topics: () => this.#topics,
          batchLimitOf: (topic) => this.#topicSync.batchLimitOf(topic),
          lowest: (tp) => this.#leader?.lowest(tp) ?? null,
          nextEpoch: () => ++this.#epoch,
          log,
        }),
      ),
    );
  }

  async #close(number: number, isLost: boolean): Promise<void> {
    const lane = this.#lanes.get(number);
    if (lane === undefined) return;
    if (number === LEADING_LANE) {
      await this.#leader?.[Symbol.asyncDispose]();
      this.#leader = null;
    }
    await lane.close(isLost ? 0 : this.#options.drainMs);
    this.#lanes.delete(number);
    this.#gone = added(this.#gone, lane.mirrored);
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    this.#topics = await this.#topicSync.refresh(signal);
    for (const lane of this.#lanes.values()) lane.refresh();
  }

  #tick(): void {
    for (const { thread } of this.#lanes.values()) {
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
