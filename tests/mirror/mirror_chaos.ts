/**
 * One run: load without pause, faults as the plan has them, the cut judged at
 * random moments; then everything healed, the load ended, the mirror drained, and
 * all of it judged.
 */
import { NotPossible } from "../chaos/fault.ts";
import type { UnaskedEnd } from "../chaos/instances.ts";
import { makePlan, type PlanStep, planText } from "../chaos/plan.ts";
import { seededRandom } from "../support/load.ts";
import { pause } from "../support/pause.ts";
import { eventually } from "../support/wait.ts";
import type { CutCheck } from "./cut_check.ts";
import type { MirrorFault } from "./faults.ts";
import type { MirrorLoadCounts } from "./load.ts";
import { type MomentsResult, stopAtMoments } from "./moments.ts";
import { type MirrorReport, verdictOf } from "./report.ts";
import { MirrorStage, type MirrorStageOptions } from "./stage.ts";
import type { MirrorWorld } from "./world.ts";

export interface MirrorChaosOptions extends MirrorStageOptions {
  readonly faults: readonly MirrorFault[];
  /** Of the plan. */
  readonly steps: number;
  readonly mostQuietMs?: number;
  /** When injecting ends, if the plan has not ended before. */
  readonly lastsMs: number;
  readonly recordsPerSecond: number;
  /** How often the world stands still to judge the cut; needs a job. Default 0. */
  readonly moments?: number;
  /** Ends the injecting. */
  readonly signal?: AbortSignal;
}

export interface MirrorChaosResult {
  readonly seed: number;
  readonly seconds: number;
  /** How often each fault was injected and healed. */
  readonly injected: Readonly<Record<string, number>>;
  readonly notPossible: readonly string[];
  readonly load: MirrorLoadCounts;
  /** From the end of the load until everything was mirrored. */
  readonly drainedAfterMs: number;
  readonly cuts: MomentsResult | null;
  readonly unaskedEnds: readonly UnaskedEnd[];
  readonly report: MirrorReport;
  /** What must not be; empty: the run passed. */
  readonly violations: readonly string[];
}

const startTimeoutMs = 60_000;
const drainTimeoutMs = 120_000;
/** Of the moments; at the others the mirrors are killed, and start anew. */
const FROZEN_SHARE = 0.75;

export async function runMirrorChaos(
  options: MirrorChaosOptions,
): Promise<MirrorChaosResult> {
  const plan = makePlan<MirrorWorld>(options);
  await using stage = await MirrorStage.start(options);
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
  readonly #options: MirrorChaosOptions;
  readonly #plan: readonly PlanStep<MirrorWorld>[];
  readonly #stage: MirrorStage;
  readonly #startMs = performance.now();
  readonly #injected: Record<string, number> = {};
  readonly #notPossible = new Set<string>();

  constructor(
    options: MirrorChaosOptions,
    plan: readonly PlanStep<MirrorWorld>[],
    stage: MirrorStage,
  ) {
    this.#options = options;
    this.#plan = plan;
    this.#stage = stage;
  }

  async run(): Promise<MirrorChaosResult> {
    const stage = this.#stage;
    const { log, recordsPerSecond } = this.#options;
    const load = stage.load(recordsPerSecond);
    stage.job.startAll();
    stage.startMirrors();
    await this.#mirrors();
    await this.#inject();
    const cuts = await this.#judgeCuts(stage.cutCheck());
    const counts = await load.stop();
    await Promise.all(stage.job.all.map((each) => each.stop()));
    const healedMs = performance.now();
    await stage.drained(drainTimeoutMs);
    const drainedAfterMs = Math.round(performance.now() - healedMs);
    log(`drained after ${drainedAfterMs} ms`);
    await stage.mirrors.stopAll();
    const report = await stage.check({ isDrained: true });
    return this.#result({ load: counts, drainedAfterMs, cuts, report });
  }

  /** Resolves when records have arrived. */
  async #mirrors(): Promise<void> {
    const { mirrors } = this.#stage;
    await eventually(async () => {
      const all = await Promise.allSettled(
        mirrors.all.map((each) => each.status()),
      );
      return all.some((each) =>
        each.status === "fulfilled" && each.value.totals.mirrored > 0
      );
    }, { what: "mirrored anything", timeoutMs: startTimeoutMs });
  }

  async #inject(): Promise<void> {
    const { lastsMs, signal, log } = this.#options;
    const over = AbortSignal.any([
      AbortSignal.timeout(lastsMs),
      ...signal === undefined ? [] : [signal],
    ]);
    for (const [at, step] of this.#plan.entries()) {
      await pause(step.quietMs, over);
      if (over.aborted) return;
      log(planText([step]).replace(/^1/, String(at + 1)));
      const outcomes = await Promise.allSettled(
        step.faults.map((fault) => this.#injectOne(fault, over)),
      );
      for (const outcome of outcomes) {
        if (outcome.status === "rejected") throw outcome.reason;
      }
    }
  }

  async #injectOne(
    { name, injection }: PlanStep<MirrorWorld>["faults"][number],
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

  async #judgeCuts(check: CutCheck | undefined): Promise<MomentsResult | null> {
    const { moments = 0, seed, signal, log } = this.#options;
    if (check === undefined || moments === 0) return null;
    const { mirrors } = this.#stage;
    const random = seededRandom(seed);
    let isFrozen = false;
    return await stopAtMoments({
      check,
      count: moments,
      random,
      mostMs: 4_000,
      withoutMs: 30_000,
      stop: async () => {
        isFrozen = random() < FROZEN_SHARE;
        if (isFrozen) mirrors.all.forEach((each) => each.pause());
        else await mirrors.killAll();
      },
      start: () => {
        if (isFrozen) mirrors.all.forEach((each) => each.resume());
        else this.#stage.startMirrors();
      },
      onLook: ({ verified, anomalies }, number) =>
        log(`moment ${number}: ${verified} inputs, ${verdictOf(anomalies)}`),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  #result(
    found: Pick<
      MirrorChaosResult,
      "load" | "drainedAfterMs" | "cuts" | "report"
    >,
  ): MirrorChaosResult {
    const { unaskedEnds } = this.#stage;
    const { cuts, report } = found;
    const anomalies = [...report.anomalies, ...cuts?.anomalies ?? []];
    const isBlind = cuts !== null && cuts.moments > 0 && cuts.verified === 0;
    return {
      seed: this.#options.seed,
      seconds: Math.round((performance.now() - this.#startMs) / 1000),
      injected: this.#injected,
      notPossible: [...this.#notPossible],
      ...found,
      unaskedEnds,
      violations: [
        ...anomalies.map((each) => verdictOf([each])),
        // A cut that is never released is never wrong.
        ...(isBlind ? ["no group's position ever covered an input"] : []),
        ...unaskedEnds.filter((end) => !end.isWatchdog).map((end) => end.what),
      ],
    };
  }
}
