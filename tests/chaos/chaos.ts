/**
 * One run: load without pause, faults as the plan has them, then everything
 * healed, the load ended, the job drained, and all of it judged.
 */
import type { Report } from "../checker/mod.ts";
import { NotPossible } from "./fault.ts";
import type { LoadCounts } from "./generator.ts";
import type { UnaskedEnd } from "./instances.ts";
import {
  type MemorySample,
  type MemorySummary,
  summaryOfMemory,
} from "./memory.ts";
import { pause } from "../support/pause.ts";
import { makePlan, type PlanOptions, type PlanStep, planText } from "./plan.ts";
import { type Guarantee, type Ordering, Stage } from "./stage.ts";
import { worst } from "./stalls.ts";

export interface ChaosOptions extends PlanOptions {
  readonly guarantee: Guarantee;
  /** What is promised. Undefined: the job's own default, which is partition. */
  readonly ordering?: Ordering;
  /** When injecting ends, if the plan has not ended before. */
  readonly lastsMs: number;
  /** No partition may stand still for longer after the last fault was healed. */
  readonly mostStalledMs: number;
  readonly recordsPerSecond: number;
  readonly instances: number;
  readonly partitions: number;
  readonly log: (text: string) => void;
  /** Ends the injecting. */
  readonly signal?: AbortSignal;
}

export interface StallSummary {
  readonly partition: number;
  readonly stalledMs: number;
}

export interface ChaosResult {
  readonly seed: number;
  readonly guarantee: Guarantee;
  readonly seconds: number;
  /** How often each fault was injected and healed. */
  readonly injected: Readonly<Record<string, number>>;
  /** Faults that this machine cannot do, and why. */
  readonly notPossible: readonly string[];
  readonly load: LoadCounts;
  /** Null where no partition ever had to wait. */
  readonly longestStallWhileHealthy: StallSummary | null;
  readonly longestStallAfterHeal: StallSummary | null;
  /** By instance. */
  readonly memory: Readonly<Record<string, MemorySummary>>;
  readonly unaskedEnds: readonly UnaskedEnd[];
  readonly report: Report;
  /** What must not be; empty: the run passed. */
  readonly violations: readonly string[];
}

/** For how long the load goes on after the last fault was healed. */
const healedMs = 7_500;
const drainTimeoutMs = 120_000;
const startTimeoutMs = 60_000;
const memoryEveryMs = 5_000;
/** Without compression, and with what is deleted late; see `diskBytesFor`. */
const bytesARecord = 1_500;
const spareDiskBytes = 300 * 2 ** 20;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, guarantee, lastsMs, recordsPerSecond, log } = options;
  const plan = makePlan(options);
  const stage = await Stage.start({
    name: "chaos",
    seed,
    guarantee,
    instances: options.instances,
    partitions: options.partitions,
    ordering: options.ordering,
    diskBytes: spareDiskBytes +
      Math.ceil(lastsMs / 1000 + 120) * recordsPerSecond * bytesARecord,
    log,
  });
  await using _ = stage;
  try {
    const result = await new Run(options, plan, stage).run();
    if (result.violations.length > 0) stage.keep();
    return result;
  } catch (error) {
    stage.keep();
    throw error;
  }
}

class Run {
  readonly #options: ChaosOptions;
  readonly #plan: readonly PlanStep[];
  readonly #stage: Stage;
  readonly #startMs = performance.now();
  readonly #injected: Record<string, number> = {};
  readonly #notPossible = new Set<string>();
  readonly #memory = new Map<string, Map<number, MemorySample[]>>();
  readonly #ended = new AbortController();

  constructor(
    options: ChaosOptions,
    plan: readonly PlanStep[],
    stage: Stage,
  ) {
    this.#options = options;
    this.#plan = plan;
    this.#stage = stage;
  }

  async run(): Promise<ChaosResult> {
    const stage = this.#stage;
    const { watcher, world } = stage;
    if ("missing" in world.disk) this.#log(`small disk: ${world.disk.missing}`);
    stage.instances.startAll();
    const load = stage.load({
      recordsPerSecond: this.#options.recordsPerSecond,
    });
    const sampling = this.#sampleMemory();
    try {
      await this.#until(() => watcher.committed > 0, startTimeoutMs);
      watcher.stalls.begin("healthy", performance.now());
      await this.#inject();
      watcher.stalls.begin("healed", performance.now());
      // Some load after the faults, so that each partition must go on.
      await pause(healedMs);
      const counts = await load.stop();
      await stage.drained(counts.acknowledged, drainTimeoutMs);
      this.#log(`drained; ${watcher.failedLooks} looks failed`);
      await Promise.all(stage.instances.all.map((each) => each.stop()));
      return this.#result(counts, await stage.check());
    } finally {
      this.#ended.abort();
      await sampling;
    }
  }

  async #inject(): Promise<void> {
    const { lastsMs, signal } = this.#options;
    const { watcher } = this.#stage;
    const over = AbortSignal.any([
      AbortSignal.timeout(lastsMs),
      ...signal === undefined ? [] : [signal],
    ]);
    for (const [at, step] of this.#plan.entries()) {
      await pause(step.quietMs, over);
      if (over.aborted) return;
      this.#log(planText([step]).replace(/^1/, String(at + 1)));
      watcher.stalls.begin("faulty", performance.now());
      const outcomes = await Promise.allSettled(
        step.faults.map((fault) => this.#injectOne(fault, over)),
      );
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") throw outcome.reason;
      }
      watcher.stalls.begin("healthy", performance.now());
    }
  }

  async #injectOne(
    { name, injection }: PlanStep["faults"][number],
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await injection.run(this.#stage.world, signal);
      this.#injected[name] = (this.#injected[name] ?? 0) + 1;
    } catch (error) {
      if (error instanceof NotPossible) {
        this.#notPossible.add(`${name}: ${error.message}`);
        return;
      }
      throw new Error(`${name} was not healed: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  #result(load: LoadCounts, report: Report): ChaosResult {
    const { seed, guarantee, mostStalledMs } = this.#options;
    const { stalls } = this.#stage.watcher;
    const afterHeal = worst(stalls.longest("healed"));
    const violations = report.anomalies.map(({ kind, count }) =>
      `${count} ${kind}`
    );
    if (afterHeal !== null && afterHeal.stalledMs > mostStalledMs) {
      violations.push(
        `partition ${afterHeal.partition} stood still for ` +
          `${Math.round(afterHeal.stalledMs)} ms after the last heal`,
      );
    }
    const { unaskedEnds } = this.#stage;
    violations.push(
      ...unaskedEnds.filter((end) => !end.isWatchdog).map((end) => end.what),
    );
    return {
      seed,
      guarantee,
      seconds: Math.round((performance.now() - this.#startMs) / 1000),
      injected: this.#injected,
      notPossible: [...this.#notPossible],
      load,
      longestStallWhileHealthy: worst(stalls.longest("healthy")),
      longestStallAfterHeal: afterHeal,
      memory: Object.fromEntries(
        Array.from(this.#memory, ([id, each]) => [id, summaryOfMemory(each)]),
      ),
      unaskedEnds,
      report,
      violations,
    };
  }

  async #sampleMemory(): Promise<void> {
    const { signal } = this.#ended;
    while (!signal.aborted) {
      for (const instance of this.#stage.instances.all) {
        const { id, pid } = instance;
        const bytes = await instance.residentBytes();
        if (pid === undefined || bytes === undefined) continue;
        const byProcess = this.#memory.get(id) ?? new Map();
        this.#memory.set(id, byProcess);
        const samples = byProcess.get(pid) ?? [];
        byProcess.set(pid, samples);
        samples.push({ atMs: performance.now(), bytes });
      }
      await pause(memoryEveryMs, signal);
    }
  }

  async #until(condition: () => boolean, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!condition()) {
      if (performance.now() > deadline) {
        throw new Error(`the job committed nothing within ${timeoutMs} ms`);
      }
      await pause(100);
    }
  }

  #log(text: string): void {
    this.#options.log(text);
  }
}
