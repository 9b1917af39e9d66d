/**
 * The coordinator: a consumer group member whose partitions are processed by
 * worker threads. It never touches a record.
 *
 * Owns the consumer and the threads; composes membership (the group), placement
 * (partitions on threads), commits, rate limit and watchdog.
 */
import { Consumer } from "../kafka/mod.ts";
import { Commits } from "./commits.ts";
import { within } from "./deadline.ts";
import { Deferrals } from "./deferrals.ts";
import { Dispatch } from "./dispatch.ts";
import { Membership } from "./membership.ts";
import { type Halt, type PoolOptions, PoolStartError } from "./options.ts";
import { Partitions } from "./partitions.ts";
import { Pauses } from "./pauses.ts";
import { Placement } from "./placement.ts";
import { poolSpans } from "./pool_spans.ts";
import type { Positions } from "./positions.ts";
import type { WorkerFailure } from "./protocol.ts";
import { Recovery } from "./recovery.ts";
import { RateLimit, type Rates } from "./rate_limit.ts";
import { Serial } from "./serial.ts";
import type { PoolPhase, PoolStatus } from "./status.ts";
import { StatusReport } from "./status_report.ts";
import { Supervision } from "./supervision.ts";
import { Tally } from "./tally.ts";
import type { WorkerThread } from "./thread.ts";
import { Timers } from "./timers.ts";
import { Transactions } from "./transactions.ts";
import { Workers } from "./workers.ts";

const WORKER = new URL("../../workers/stream_worker.ts", import.meta.url);
const TICK_MS = 250;
const FILL_MS = 20;
const MEASURE_EVERY_TICKS = 4;
const BALANCE_EVERY_TICKS = 40;
/** At its deadline a thread aborts handlers, and looks at all open records. */
const STOPPED_MS = 3000;
const LEAVE_MS = 5000;
/** How long a drain waits until what was open is known to be aborted. */
const FENCE_MS = 2000;
/** What each step of closing a halted pool may take: a request lasts a minute. */
const HALTED_MS = 90_000;

export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #consumer: Consumer;
  readonly #partitions = new Partitions();
  readonly #serial = new Serial();
  readonly #pauses: Pauses;
  readonly #placement: Placement;
  readonly #positions: Positions;
  /** Null: at least once. */
  readonly #transactions: Transactions | null;
  readonly #recovery: Recovery;
  readonly #deferrals: Deferrals;
  readonly #membership: Membership;
  readonly #rateLimit: RateLimit;
  readonly #supervision: Supervision;
  readonly #dispatch: Dispatch;
  readonly #report: StatusReport;
  readonly #timers = new Timers();
  readonly #workers: Workers;
  readonly #opened = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<string>();
  #phase: PoolPhase = "starting";
  #failure: string | undefined;
  #ticks = 0;
  #serving: Promise<void> | undefined;
  #draining: Promise<boolean> | undefined;
  #isHalted = false;

  constructor(options: PoolOptions) {
    const { job, library, log } = options;
    const tally = new Tally(options.consumer);
    const spans = poolSpans(options, tally);
    this.#options = options;
    const consumer = { ...options.consumer, "enable.partition.eof": true };
    this.#consumer = new Consumer(library, consumer);
    this.#rateLimit = new RateLimit(options.rates, performance.now());
    this.#pauses = new Pauses(this.#consumer, log);
    this.#placement = new Placement(
      this.#consumer,
      this.#partitions,
      this.#pauses,
      () => this.#workers.all,
      spans,
      tally,
    );
    this.#transactions = job.transaction === null ? null : new Transactions({
      library,
      consumer: this.#consumer,
      partitions: this.#partitions,
      producerProperties: options.producer,
      idPrefix: `${job.groupId}-${options.instanceId}`,
      mayCommit: options.mayCommit ?? (() => true),
      spans,
      tally,
    });
    this.#positions = this.#transactions ??
      new Commits(this.#consumer, this.#partitions, log, spans, tally);
    this.#recovery = new Recovery({
      consumer: this.#consumer,
      partitions: this.#partitions,
      transactions: this.#transactions,
      serial: this.#serial,
    });
    this.#supervision = new Supervision({
      workers: () => this.#workers,
      recovery: this.#recovery,
      log,
      tally,
      watchdogMs: options.watchdogMs,
      tickMs: TICK_MS,
      workerHeapBytes: options.workerHeapBytes,
      place: () => this.#place(),
      unhealthy: (reason) => this.#failing(reason),
      healthy: () => this.#recovered(),
      end: (reason) => this.#fail(reason),
    });
    this.#deferrals = new Deferrals({
      partitions: this.#partitions,
      pauses: this.#pauses,
      giveDue: () => this.#serially(() => this.#placement.giveDue()),
    });
    this.#report = new StatusReport({
      consumer: this.#consumer,
      partitions: this.#partitions,
      inputTopic: options.inputTopic,
      limits: job.limits,
      log,
      tally,
      stalledMs: (thread) => this.#supervision.stalledMs(thread),
    });
    this.#workers = new Workers(options.workers, {
      partitions: this.#partitions,
      firstId: options.firstWorkerId ?? 0,
      thread: () => ({
        module: WORKER,
        library,
        consumer: this.#consumer,
        producerProperties: (slot) =>
          this.#transactions?.propertiesOf(slot) ?? options.producer,
        rateLimit: this.#rateLimit.memory,
        job,
        ...(options.done === undefined ? {} : { done: options.done }),
        refused: this.#supervision.refused,
        events: {
          onReady: () => this.#ready(),
          onMessage: (thread, message) =>
            this.#dispatch.receive(thread, message),
          onFailed: (thread, failure) => this.#lost(thread, failure),
        },
      }),
      onRemoved: (thread) => {
        this.#report.keepTotals(thread);
        this.#supervision.forget(thread);
      },
    });
    this.#membership = new Membership({
      consumer: this.#consumer,
      partitions: this.#partitions,
      placement: this.#placement,
      positions: this.#positions,
      serial: this.#serial,
      // What waits in a delay topic must not be passed over.
      resetOf: (topic) =>
        topic === options.inputTopic ? options.offsetReset : "earliest",
      coordinates: job.coordinates,
      revokeMs: options.revokeMs,
      log,
      spans,
      tally,
      oauthToken: options.oauthToken,
      onJoined: (memberId) => this.#joined(memberId),
      onFatal: (error) => this.#fail(error.message),
    });
    this.#dispatch = new Dispatch({
      partitions: this.#partitions,
      pauses: this.#pauses,
      deferrals: this.#deferrals,
      transactions: this.#transactions,
      supervision: this.#supervision,
      membership: this.#membership,
      log,
      spans,
      end: (reason) => this.#fail(reason),
    });
    this.#opened.promise.catch(() => {}); // `start` may not be waiting
  }

  /**
   * Opens the workers, then joins the group, when it is known what is done.
   * @throws {PoolStartError} when the processor does not load.
   */
  async start(): Promise<void> {
    this.#timers.every(TICK_MS, () => this.#tick());
    this.#timers.every(FILL_MS, () => this.#rateLimit.fill(performance.now()));
    if (this.#transactions === null) {
      const { commitIntervalMs } = this.#options;
      this.#timers.every(commitIntervalMs, () => this.#commit());
    }
    this.#workers.openMissing();
    await this.#opened.promise;
    if (this.#draining !== undefined) throw new PoolStartError("the pool ends");
    this.#phase = "running";
    const { inputTopic, job } = this.#options;
    this.#serving = this.#membership.run([
      inputTopic,
      ...job.delayTopics.map(({ topic }) => topic),
    ]);
    this.#serving.catch((error) => this.#fail(String(error)));
  }

  /** Resolves with the reason when the pool cannot go on. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  status(): PoolStatus {
    return this.#report.status({
      phase: this.#phase,
      failure: this.#failure,
      threads: this.#workers.all,
      samples: this.#dispatch.samples,
    });
  }

  /** Threads come and go without the group noticing. */
  setWorkers(workers: number): void {
    this.#workers.setWanted(workers);
    this.#place();
  }

  /** Input records of owned partitions that lie below the settled positions. */
  get settledOffsets(): number {
    const { inputTopic } = this.#options;
    return this.#partitions.all.reduce(
      (sum, { next, tp }) => tp.topic === inputTopic ? sum + next : sum,
      0,
    );
  }

  /** No thread of this pool has had it, or one above it. */
  get nextWorkerId(): number {
    return this.#workers.nextId;
  }

  setRates(rates: Rates): void {
    this.#rateLimit.setRates(rates);
  }

  /**
   * Stops fetching, settles and commits what is under way within the deadline,
   * leaves the group and closes everything.
   * @returns false when something could not be closed: the process must end.
   */
  drain(deadlineMs: number): Promise<boolean> {
    this.#draining ??= this.#drain(deadlineMs);
    return this.#draining;
  }

  /**
   * Ends without the cluster's help: from this call on no thread produces and no
   * commit begins, also while the pool drains. A commit that is under way may
   * still be carried out.
   */
  halt(): Halt {
    this.#isHalted = true;
    const fenced = this.#workers.fence();
    this.#positions.end();
    this.#recovery.stop();
    this.#supervision[Symbol.dispose]();
    this.#timers[Symbol.dispose]();
    this.#opened.reject(new PoolStartError("the pool was halted"));
    return {
      // One that takes longer is fenced all the same.
      fenced: within(fenced, FENCE_MS).then(() => {}),
      closed: this.drain(0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }

  async #drain(deadlineMs: number): Promise<boolean> {
    if (this.#phase !== "failing") this.#phase = "draining";
    this.#deferrals[Symbol.dispose]();
    // Threads keep the deadline unless they hang.
    const stopped = this.#workers.stop(deadlineMs);
    if (!await this.#patiently(stopped, deadlineMs + STOPPED_MS)) {
      this.#supervision.abandonAll(this.#isHalted);
    }
    if (!this.#isHalted) await within(this.#commit(), LEAVE_MS);
    await within(this.#serial.idle(), FENCE_MS);
    this.#recovery.stop();
    let left = true;
    if (this.#serving !== undefined) {
      this.#membership.leave();
      left = await this.#patiently(this.#serving, LEAVE_MS);
    }
    this.#timers[Symbol.dispose]();
    this.#report.tellLeftOut(this.#workers.all, true);
    this.#supervision[Symbol.dispose]();
    const patienceMs = this.#isHalted ? HALTED_MS : undefined;
    const clean = await this.#workers.close(patienceMs) && left;
    // What a thread still holds would make closing the consumer wait for ever.
    if (clean) await this.#consumer[Symbol.asyncDispose]();
    if (this.#phase !== "failing") this.#phase = "stopped";
    return clean;
  }

  /** Whether it ended in time; nobody waits for a pool that was halted. */
  async #patiently(end: Promise<unknown>, timeoutMs: number): Promise<boolean> {
    return await within(end, timeoutMs) ||
      this.#isHalted && await within(end, HALTED_MS);
  }

  #ready(): void {
    if (this.#phase !== "starting") this.#place();
    else if (!this.#workers.starting) this.#opened.resolve();
  }

  /** The group knows this instance under this name from now on. */
  #joined(memberId: string): void {
    if (this.#transactions?.joinedAs(memberId) !== "another member") return;
    // Others may have had what we still hold.
    for (const thread of this.#workers.all) {
      if (this.#partitions.ownedBy(thread).length === 0) continue;
      this.#supervision.giveUp(thread, "the group had dropped this member");
    }
    this.#recovery.takeBackUnowned().then(
      () => this.#place(),
      (error) => this.#fail(String(error)),
    );
  }

  #place(): void {
    this.#serially(() => this.#placement.rebalance());
  }

  /** Moves partitions, when what moves them now has ended. */
  async #serially(move: () => Promise<void>): Promise<void> {
    if (this.#draining !== undefined) return;
    try {
      await this.#serial.run(move);
      this.#workers.endRetired();
    } catch (error) {
      this.#fail(String(error));
    }
  }

  #lost(thread: WorkerThread, failure: WorkerFailure): void {
    const { reason, message } = failure;
    const cannotStart = reason === "open" && this.#phase === "starting";
    const isRefused = reason === "cluster";
    const restarts = this.#draining === undefined && !cannotStart && !isRefused;
    this.#supervision.lost(thread, failure, restarts);
    if (cannotStart) this.#opened.reject(new PoolStartError(message));
    else if (isRefused) this.#fail(message);
  }

  #tick(): void {
    this.#ticks++;
    this.#supervision.observe();
    if (this.#ticks % MEASURE_EVERY_TICKS === 0) {
      this.#report.look(this.#workers.all, performance.now());
      this.#partitions.measureLoad(TICK_MS * MEASURE_EVERY_TICKS / 1000);
    }
    if (this.#ticks % BALANCE_EVERY_TICKS === 0) this.#place();
  }

  #failing(reason: string): void {
    this.#phase = "failing";
    this.#failure ??= reason;
  }

  #recovered(): void {
    if (this.#phase !== "failing") return;
    this.#phase = "running";
    this.#failure = undefined;
  }

  #fail(reason: string): void {
    if (this.#draining !== undefined) return;
    this.#failing(reason);
    this.#failed.resolve(reason);
    this.#opened.reject(new PoolStartError(reason));
  }

  async #commit(): Promise<void> {
    try {
      await this.#positions.commit();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }
}
