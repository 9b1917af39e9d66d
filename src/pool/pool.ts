/**
 * The coordinator: a consumer group member whose partitions are processed by
 * worker threads. It never touches a record.
 *
 * Owns the consumer and the threads; composes membership (the group), placement
 * (partitions on threads), commits, rate limit and watchdog.
 */
import { Consumer, ErrorCode } from "../kafka/mod.ts";
import { Commits } from "./commits.ts";
import { CrashHistory } from "./crash_history.ts";
import { Deferrals } from "./deferrals.ts";
import { Membership } from "./membership.ts";
import { type PoolOptions, PoolStartError } from "./options.ts";
import { Partitions } from "./partitions.ts";
import { Placement } from "./placement.ts";
import type { FromWorker, WorkerFailure } from "./protocol.ts";
import { RateLimit, type Rates } from "./rate_limit.ts";
import { Serial } from "./serial.ts";
import type { PoolPhase, PoolStatus, Sample } from "./status.ts";
import { StatusReport } from "./status_report.ts";
import { within, type WorkerThread } from "./thread.ts";
import { Watchdog } from "./watchdog.ts";
import { Workers } from "./workers.ts";

const TICK_MS = 250;
const FILL_MS = 20;
const MEASURE_EVERY_TICKS = 4;
const BALANCE_EVERY_TICKS = 40;
/**
 * After a thread hangs, the others go on this long before the process drains:
 * time for a supervisor to see `/livez` fail, and for moved partitions to run.
 */
const HANG_GRACE_MS = 5000;
const SAMPLES = 5;
const LEAVE_MS = 5000;

export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #consumer: Consumer;
  readonly #partitions = new Partitions();
  readonly #serial = new Serial();
  readonly #placement: Placement;
  readonly #commits: Commits;
  readonly #deferrals: Deferrals;
  readonly #membership: Membership;
  readonly #rateLimit: RateLimit;
  readonly #watchdog: Watchdog;
  readonly #report: StatusReport;
  readonly #crashes = new CrashHistory();
  readonly #timers: ReturnType<typeof setTimeout>[] = [];
  readonly #workers: Workers;
  readonly #opened = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<string>();
  readonly #samples: Sample[] = [];
  #phase: PoolPhase = "starting";
  #failure: string | undefined;
  #ticks = 0;
  #serving: Promise<void> | undefined;
  #draining: Promise<boolean> | undefined;

  constructor(options: PoolOptions) {
    const { library, log } = options;
    this.#options = options;
    this.#consumer = new Consumer(library, options.consumer);
    this.#rateLimit = new RateLimit(options.rates, performance.now());
    this.#watchdog = new Watchdog(options.watchdogMs, TICK_MS);
    this.#placement = new Placement(
      this.#consumer,
      this.#partitions,
      () => this.#workers.all,
    );
    this.#commits = new Commits(this.#consumer, this.#partitions, log);
    this.#deferrals = new Deferrals({
      consumer: this.#consumer,
      partitions: this.#partitions,
      giveDue: () => this.#serially(() => this.#placement.giveDue()),
    });
    this.#report = new StatusReport(
      this.#consumer,
      this.#partitions,
      options.inputTopic,
    );
    this.#workers = new Workers(options.workers, {
      partitions: this.#partitions,
      thread: {
        library,
        consumer: this.#consumer,
        producerProperties: options.producer,
        rateLimit: this.#rateLimit.memory,
        job: options.job,
        events: {
          onReady: () => this.#ready(),
          onMessage: (thread, message) => this.#receive(thread, message),
          onFailed: (thread, failure) => this.#lost(thread, failure),
        },
      },
      onRemoved: (thread) => {
        this.#report.keepTotals(thread);
        this.#watchdog.forget(thread.id);
      },
    });
    this.#membership = new Membership({
      consumer: this.#consumer,
      partitions: this.#partitions,
      placement: this.#placement,
      commits: this.#commits,
      serial: this.#serial,
      offsetReset: options.offsetReset,
      revokeMs: options.revokeMs,
      log,
      oauthToken: options.oauthToken,
      onFatal: (error) => this.#fail(error.message),
    });
    this.#opened.promise.catch(() => {}); // `start` may not be waiting
  }

  /**
   * Opens the workers, then joins the group.
   * @throws {PoolStartError} when the processor does not load.
   */
  async start(): Promise<void> {
    this.#every(TICK_MS, () => this.#tick());
    this.#every(FILL_MS, () => this.#rateLimit.fill(performance.now()));
    this.#every(this.#options.commitIntervalMs, () => this.#commit());
    this.#workers.openMissing();
    await this.#opened.promise;
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
      samples: this.#samples,
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0);
  }

  async #drain(deadlineMs: number): Promise<boolean> {
    if (this.#phase !== "failing") this.#phase = "draining";
    this.#deferrals[Symbol.dispose]();
    // A little longer than the workers' own deadline, which they keep unless
    // they hang.
    if (!await within(this.#workers.stop(deadlineMs), deadlineMs + TICK_MS)) {
      for (const each of this.#workers.all) {
        this.#abandonAt(each, each.page.word);
      }
    }
    await within(this.#commit(), LEAVE_MS);
    let left = true;
    if (this.#serving !== undefined) {
      this.#membership.leave();
      left = await within(this.#serving, LEAVE_MS);
    }
    for (const timer of this.#timers) clearInterval(timer);
    const clean = await this.#workers.close() && left;
    // What a thread still holds would make closing the consumer wait for ever.
    if (clean) await this.#consumer[Symbol.asyncDispose]();
    if (this.#phase !== "failing") this.#phase = "stopped";
    return clean;
  }

  #every(intervalMs: number, action: () => void): void {
    this.#timers.push(setInterval(action, intervalMs));
  }

  #ready(): void {
    if (this.#phase === "starting") {
      if (!this.#workers.starting) this.#opened.resolve();
      return;
    }
    this.#place();
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

  #receive(thread: WorkerThread, message: FromWorker): void {
    switch (message.kind) {
      case "settled":
        for (const each of message.partitions) this.#partitions.settle(each);
        break;
      case "deferring":
        this.#deferrals.announce(message.ownership);
        break;
      case "released":
        for (const { notBeforeMs, ...position } of message.partitions) {
          if (notBeforeMs === undefined) this.#partitions.settle(position);
          else this.#deferrals.defer(position, notBeforeMs);
        }
        break;
      case "fetchFailed":
        this.#fetchFailed(message);
        break;
      case "log": {
        const { level, message: text, fields } = message.line;
        this.#options.log[level](text, fields);
        break;
      }
      case "sample":
        this.#samples.push(message.sample);
        if (this.#samples.length > SAMPLES) this.#samples.shift();
        break;
      case "tokenRefresh":
        this.#membership.refreshToken(thread.producer, message.config);
        break;
      default:
        break; // the thread itself has served the others
    }
  }

  #fetchFailed(
    { ownership, code, message }: FromWorker & { kind: "fetchFailed" },
  ): void {
    if (!this.#partitions.isCurrent(ownership)) return;
    switch (code) {
      case ErrorCode.autoOffsetReset:
      case ErrorCode.offsetOutOfRange:
        this.#membership.resetOffset(ownership);
        break;
      case ErrorCode.topicAuthorizationFailed:
        this.#fail(message);
        break;
      default:
        this.#options.log.warn("fetch", { error: message });
    }
  }

  #lost(thread: WorkerThread, failure: WorkerFailure): void {
    this.#disown(thread);
    this.#workers.remove(thread);
    if (this.#draining !== undefined) return; // nothing opens any more
    if (failure.reason === "open" && this.#phase === "starting") {
      this.#opened.reject(new PoolStartError(failure.message));
      return;
    }
    if (failure.reason === "cluster") {
      this.#fail(failure.message);
      return;
    }
    this.#place();
    const delayMs = this.#crashes.add(performance.now());
    this.#options.log.warn("worker restarts", {
      worker: thread.id,
      error: failure.message,
      delayMs: Math.round(delayMs),
    });
    this.#timers.push(setTimeout(() => this.#workers.openMissing(), delayMs));
  }

  #disown(thread: WorkerThread): void {
    for (const each of this.#partitions.ownedBy(thread)) {
      this.#partitions.disown(each);
    }
  }

  #tick(): void {
    this.#ticks++;
    for (const thread of this.#workers.all) this.#observe(thread);
    if (this.#ticks % MEASURE_EVERY_TICKS === 0) {
      this.#partitions.measureLoad(TICK_MS * MEASURE_EVERY_TICKS / 1000);
    }
    if (this.#ticks % BALANCE_EVERY_TICKS === 0) this.#place();
    if (this.#phase === "running" || this.#phase === "failing") {
      this.#judgeCrashes();
    }
  }

  #observe(thread: WorkerThread): void {
    const { word } = thread.page;
    const watched = thread.state !== "ended" && thread.state !== "abandoned";
    if (watched && this.#watchdog.observe(thread.id, word)) {
      this.#abandonAt(thread, word);
      return;
    }
    const tooBig = thread.page.heapBytes > this.#options.workerHeapBytes;
    if (tooBig && thread.available) {
      this.#options.log.warn("worker replaced", {
        worker: thread.id,
        heapMb: Math.round(thread.page.heapBytes / 2 ** 20),
      });
      // Its successor comes first, so that nothing waits.
      thread.retiring = true;
      this.#workers.openMissing();
    }
  }

  /** Gives a thread up, unless it has moved on from `word`. */
  #abandonAt(thread: WorkerThread, word: number): void {
    if (thread.state === "ended" || !thread.page.fence(word)) return;
    const reason = `worker ${thread.id} hangs`;
    this.#options.log.error(reason);
    thread.abandon();
    this.#watchdog.forget(thread.id);
    this.#disown(thread);
    if (this.#phase === "starting") {
      this.#fail(`${reason} while it loads the processor`);
      return;
    }
    this.#failing(reason);
    this.#place();
    this.#timers.push(
      setTimeout(() => this.#failed.resolve(reason), HANG_GRACE_MS),
    );
  }

  /** A crash loop makes the process unhealthy until it has passed. */
  #judgeCrashes(): void {
    const looping = this.#crashes.isLoop(performance.now());
    if (looping) {
      this.#failing("workers crash again and again");
    } else if (this.#failure === "workers crash again and again") {
      this.#phase = "running";
      this.#failure = undefined;
    }
  }

  #failing(reason: string): void {
    this.#phase = "failing";
    this.#failure ??= reason;
  }

  #fail(reason: string): void {
    if (this.#draining !== undefined) return;
    this.#failing(reason);
    this.#failed.resolve(reason);
    this.#opened.reject(new PoolStartError(reason));
  }

  async #commit(): Promise<void> {
    try {
      await this.#commits.commit();
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error));
    }
  }
}
