/** What the live view shows, made of successive snapshots of the pool. */
import type {
  PoolPhase,
  PoolStatus,
  Sample,
  Totals,
  WorkerStatus,
} from "../pool/status.ts";
import { isAtLeast, type LogLine } from "./log.ts";
import { RateMeter } from "./rate_meter.ts";

/** What does not change while the view is shown. */
export interface LiveTitle {
  readonly processor: string;
  readonly inputTopic: string;
  readonly outputTopic: string;
  /** Such as `embedded cluster` or the brokers; of two, which one is in use. */
  readonly cluster: string;
  /** A worker whose heap grows beyond this is replaced. */
  readonly heapLimitBytes: number;
}

export interface Flow {
  /** Records per second, over the last seconds. */
  readonly perSecond: number;
  readonly averagePerSecond: number;
  readonly total: number;
  /** `perSecond` of each of the last seconds, the newest last. */
  readonly history: readonly number[];
}

export interface LiveWorker {
  readonly status: WorkerStatus;
  /** Input records settled per second. */
  readonly perSecond: number;
}

export interface LiveModel {
  readonly title: LiveTitle;
  readonly phase: PoolPhase;
  readonly failure: string | null;
  readonly elapsedMs: number;
  readonly flows: Readonly<Record<keyof Totals, Flow>>;
  readonly lag: number | null;
  /** Lag at each of the last seconds at which it was known. */
  readonly lagHistory: readonly number[];
  readonly workers: readonly LiveWorker[];
  /** Different reasons of dead letters, the newest first. */
  readonly reasons: readonly string[];
  /** Some, replaced so slowly that they can be read. */
  readonly samples: readonly Sample[];
  /** Warnings and errors, the newest last. */
  readonly log: readonly LogLine[];
}

const WINDOW_MS = 2000;
const SAMPLES_STAY_MS = 3000;
const HISTORY_SECONDS = 120;
const MOST_REASONS = 8;
const SAMPLES = 3;
const MOST_LINES = 50;

export class LiveHistory {
  readonly #title: LiveTitle;
  readonly #startMs: number;
  readonly #flows: Readonly<Record<keyof Totals, FlowHistory>> = {
    consumed: new FlowHistory(),
    produced: new FlowHistory(),
    deadLettered: new FlowHistory(),
    skipped: new FlowHistory(),
    retried: new FlowHistory(),
    alreadyDone: new FlowHistory(),
  };
  readonly #workers = new Map<number, RateMeter>();
  readonly #lags: number[] = [];
  readonly #log: LogLine[] = [];
  #reasons: readonly string[] = [];
  #samples: readonly Sample[] = [];
  #samplesSinceMs = -Infinity;
  #seconds = 0;

  constructor(title: LiveTitle, nowMs: number) {
    this.#title = title;
    this.#startMs = nowMs;
  }

  /** Takes a line into the view; only warnings and errors are shown. */
  log(line: LogLine): void {
    if (!isAtLeast(line.level, "warn")) return;
    this.#log.push(line);
    if (this.#log.length > MOST_LINES) this.#log.shift();
  }

  observe(status: PoolStatus, nowMs: number): LiveModel {
    const elapsedMs = nowMs - this.#startMs;
    const seconds = Math.floor(elapsedMs / 1000);
    const isNewSecond = seconds > this.#seconds;
    this.#seconds = seconds;
    const flow = (name: keyof Totals) =>
      this.#flows[name].observe(status.totals[name], nowMs, isNewSecond);
    if (isNewSecond && status.lag !== null) keep(this.#lags, status.lag);
    this.#readSamples(status.samples, nowMs);
    return {
      title: titled(this.#title, status),
      phase: status.phase,
      failure: status.failure ?? null,
      elapsedMs,
      flows: {
        consumed: flow("consumed"),
        produced: flow("produced"),
        deadLettered: flow("deadLettered"),
        skipped: flow("skipped"),
        retried: flow("retried"),
        alreadyDone: flow("alreadyDone"),
      },
      lag: status.lag,
      lagHistory: [...this.#lags],
      workers: this.#readWorkers(status.workers, nowMs),
      reasons: this.#reasons,
      samples: this.#samples,
      log: [...this.#log],
    };
  }

  #readWorkers(
    workers: readonly WorkerStatus[],
    nowMs: number,
  ): LiveWorker[] {
    const ids = new Set(workers.map(({ id }) => id));
    for (const id of this.#workers.keys()) {
      if (!ids.has(id)) this.#workers.delete(id);
    }
    return workers.map((status) => {
      const meter = this.#workers.get(status.id) ?? new RateMeter(WINDOW_MS);
      this.#workers.set(status.id, meter);
      meter.observe(status.totals.consumed, nowMs);
      return { status, perSecond: meter.perSecond };
    });
  }

  #readSamples(samples: readonly Sample[], nowMs: number): void {
    const reasons = samples.toReversed().flatMap(({ reason }) => reason ?? []);
    this.#reasons = [...new Set([...reasons, ...this.#reasons])]
      .slice(0, MOST_REASONS);
    if (nowMs - this.#samplesSinceMs < SAMPLES_STAY_MS) return;
    if (samples.length === 0) return;
    this.#samples = worthShowing(samples);
    this.#samplesSinceMs = nowMs;
  }
}

/** With two clusters, the one in use and since which change it is that. */
function titled(title: LiveTitle, { following }: PoolStatus): LiveTitle {
  if (following === undefined) return title;
  const { active, epoch, phase } = following;
  const underWay = phase === "steady" ? "" : `, ${phase}`;
  return { ...title, cluster: `${active} (epoch ${epoch}${underWay})` };
}

/** The newest results, and among them the newest dead letter. */
function worthShowing(samples: readonly Sample[]): Sample[] {
  const newest = samples.toReversed();
  const results = newest.filter(({ reason }) => reason === undefined);
  const [deadLetter] = newest.filter(({ reason }) => reason !== undefined);
  return deadLetter === undefined
    ? results.slice(0, SAMPLES)
    : [...results.slice(0, SAMPLES - 1), deadLetter];
}

class FlowHistory {
  readonly #meter = new RateMeter(WINDOW_MS);
  readonly #history: number[] = [];

  observe(total: number, nowMs: number, isNewSecond: boolean): Flow {
    this.#meter.observe(total, nowMs);
    const { perSecond, averagePerSecond } = this.#meter;
    if (isNewSecond) keep(this.#history, perSecond);
    return { perSecond, averagePerSecond, total, history: [...this.#history] };
  }
}

function keep(values: number[], value: number): void {
  values.push(value);
  if (values.length > HISTORY_SECONDS) values.shift();
}
