/**
 * Runs a scenario in a world, and judges what has become of it:
 *
 *     ready ─> load ─> steps, watched ─> no more load ─> settled ─> judged
 *                          │
 *                          └─ detect, decide, promote, first record
 */
import type { Log } from "../../src/telemetry/log.ts";
import {
  spanNow,
  type SpanRecorder,
} from "../../src/telemetry/span_recorder.ts";
import { type ClusterName, other } from "../state/types.ts";
import { pause } from "../waits.ts";
import { drillSpans } from "./drill_spans.ts";
import { DrillError } from "./errors.ts";
import { type Evidence, judge, type Judgement } from "./judge.ts";
import { isWithin, wrongSwitches } from "./expected.ts";
import { Operator } from "./operator.ts";
import {
  advance,
  notBegun,
  type Progress,
  seeded,
  settledAt,
  underWay,
} from "./plan.ts";
import { faultText, stepText } from "./step_text.ts";
import type {
  DrillReport,
  DrillWorld,
  Moments,
  Objectives,
  Observed,
  Scenario,
  Sent,
  Turn,
  View,
} from "./types.ts";

export interface DrillOptions {
  readonly world: DrillWorld;
  readonly seed: number;
  readonly objectives: Objectives;
  /** A failover that is expected comes in this time, or not. Default 30 s. */
  readonly failoverMs?: number;
  /** A command of an operator ends in this time. Default 5 min. */
  readonly commandMs?: number;
  /** What the judgement is made of. */
  readonly onEvidence?: (evidence: Evidence) => void;
  readonly log: Log;
  /** Default: null, nobody takes spans. */
  readonly spans?: SpanRecorder | null;
}

const LOOK_MS = 10;
/** Between two looks: the machine has stood still, and so has the load. */
const STALL_MS = 250;
/** Real clusters make their internal topics meanwhile. */
const READY_MS = 150_000;
const FAILOVER_MS = 30_000;
/** A cluster that runs says in this time what it has. */
const OBSERVE_MS = 90_000;
/**
 * What is not there when nothing has come for so long is lost: one that has lost
 * its transaction and its group in an outage waits for one after the other, and
 * on embedded clusters a pool that was killed holds its partitions for 60 s.
 */
const SETTLE_MS = 75_000;
/** For so long things may come: a busy machine is slow, and loses nothing. */
const MOST_SETTLE_MS = 180_000;
const SETTLE_LOOK_MS = 250;
/** After faults clients connect again. */
const CALM_MS = 1_500;

/**
 * @throws {DrillError} where the roles do not come to work, or one ends; the
 * signal's reason.
 */
export async function runDrill(
  scenario: Scenario,
  options: DrillOptions,
  signal: AbortSignal,
): Promise<DrillReport> {
  const { objectives, seed, spans = null, world } = options;
  const beganMs = spanNow();
  const run = new Run(seeded(scenario, seed), options);
  const end = new AbortController();
  const either = AbortSignal.any([signal, end.signal]);
  const failed = world.failed.then((reason) => {
    const error = new DrillError(`a role cannot go on: ${reason}`);
    end.abort(error);
    throw error;
  });
  failed.catch(() => {}); // told by the race
  const work = run.work(seed, either);
  const { active, judgement, moments } = await Promise.race([work, failed]);
  const faultMs = run.faultMs;
  const { oldestTailMs, ...counts } = judgement;
  const rpoMs = oldestTailMs === null || faultMs === null
    ? 0
    : Math.max(0, faultMs - oldestTailMs);
  const { expects } = scenario;
  const violations = [
    ...active === expects.active
      ? []
      : [`the ${active} is active and the ${expects.active} should be`],
    ...run.missing().map((each) => `it did not come to this: ${each}`),
    ...wrongSwitches(expects, run.switches, judgement),
    ...counts.violations,
  ];
  const endedMs = spanNow();
  const report = {
    scenario: scenario.name,
    world: world.name,
    seed,
    active,
    ...moments,
    ...counts,
    rpoMs,
    tookMs: Math.round(endedMs - beganMs),
    limits: world.limits,
    violations,
    objectives,
    met: violations.length === 0 &&
      isWithin(scenario, { ...moments, ...judgement, rpoMs }, objectives),
  };
  if (spans !== null) drillSpans(spans, report, { beganMs, endedMs, faultMs });
  return report;
}

interface Outcome {
  readonly active: ClusterName;
  readonly judgement: Judgement;
  readonly moments: Moments;
}

class Run {
  readonly #scenario: Scenario;
  readonly #world: DrillWorld;
  readonly #failoverMs: number;
  readonly #log: Log;
  readonly #onEvidence: (evidence: Evidence) => void;
  readonly #operator: Operator;
  #progress: Progress;
  #loadMs = 0;
  #actedMs = 0;
  #lookedMs = 0;
  /** In the time that all is to work again, which is so much longer. */
  #stalledMs = 0;
  #detectMs: number | null = null;
  #decideMs: number | null = null;
  #promoteMs: number | null = null;
  #firstRecordMs: number | null = null;
  #outputEnd: number | null = null;
  /** Of the first fault, in ms since the epoch as the records' times are. */
  faultMs: number | null = null;
  /** Times that the state said that one had begun. */
  switches = 0;

  constructor(
    scenario: Scenario,
    { commandMs, failoverMs = FAILOVER_MS, log, onEvidence, world }:
      DrillOptions,
  ) {
    this.#scenario = scenario;
    this.#world = world;
    this.#failoverMs = failoverMs;
    this.#log = log;
    this.#onEvidence = onEvidence ?? (() => {});
    this.#operator = new Operator({ world, log, commandMs });
    this.#progress = notBegun(scenario.steps);
  }

  async work(seed: number, signal: AbortSignal): Promise<Outcome> {
    const { expects, load } = this.#scenario;
    const ready = AbortSignal.any([signal, AbortSignal.timeout(READY_MS)]);
    try {
      await this.#world.ready(ready);
    } catch (error) {
      signal.throwIfAborted();
      if (!ready.aborted) throw error;
      throw new DrillError(
        `after ${READY_MS / 1000} s not everybody is at work: ` +
          this.#world.waitingFor().join("; "),
      );
    }
    this.#log.info("everybody is at work; the load begins");
    this.#world.startLoad(load, seed);
    this.#loadMs = Date.now();
    for (this.#lookedMs = Date.now(); !this.#isOver();) {
      signal.throwIfAborted();
      this.#operator.expectWell();
      this.#look(signal);
      await this.#lookForFirstRecord(signal);
      await pause(LOOK_MS, signal);
    }
    signal.throwIfAborted();
    const endMs = Date.now();
    const sent = await this.#world.stopLoad();
    const active = this.#world.view().state?.active ?? "primary";
    // One that should have been left, and was not, must tell what it has.
    if (active !== expects.active) this.#endFaults();
    const here = await this.#settled(active, sent, signal);
    // The cluster that was left must tell what it has kept.
    if (active === expects.active) this.#endFaults();
    const there = await this.#observe(other(active), signal);
    const listed = active === "secondary"
      ? await this.#world.tail(signal)
      : null;
    const evidence: Evidence = {
      sent,
      active,
      calmMs: this.#calmMs(),
      load: { endMs, perSecond: load.perSecond },
      listed,
      aborts: this.#world.shownAborts(),
      clusters: both(active, here, there),
    };
    this.#onEvidence(evidence);
    return { active, judgement: judge(evidence), moments: this.#moments() };
  }

  /** What was to happen and has not. */
  missing(): readonly string[] {
    return this.#scenario.steps
      .filter((_, at) => {
        const { kind } = this.#progress[at]!;
        return kind === "waiting" || kind === "called";
      })
      .map(stepText);
  }

  #endFaults(): void {
    const { steps } = this.#scenario;
    underWay(steps, this.#progress).forEach((each) => this.#world.end(each));
  }

  async #observe(cluster: ClusterName, signal: AbortSignal): Promise<Observed> {
    const late = AbortSignal.timeout(OBSERVE_MS);
    try {
      return await this.#world.observe(
        cluster,
        AbortSignal.any([signal, late]),
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!late.aborted) throw error;
      throw new DrillError(
        `the ${cluster} does not say within ${OBSERVE_MS / 1000} s what it has`,
      );
    }
  }

  #isOver(): boolean {
    const { expects, maxRtoMs = 0, runsMs } = this.#scenario;
    const nowMs = Date.now();
    const stallMs = nowMs - this.#lookedMs;
    this.#lookedMs = nowMs;
    const quietMs = this.#quietMs();
    if (quietMs !== null) {
      if (stallMs >= STALL_MS) this.#stalledMs += stallMs;
      return nowMs >= quietMs + runsMs + this.#stalledMs;
    }
    // A command has a time of its own.
    if (this.#actedMs === 0 || this.#operator.isBusy) return false;
    const sinceMs = expects.active === "secondary" && this.faultMs !== null
      ? this.faultMs
      : this.#actedMs;
    return nowMs >= sinceMs + this.#failoverMs + maxRtoMs;
  }

  /** When all that was to come had come; null: it has not. */
  #quietMs(): number | null {
    const { expects, steps } = this.#scenario;
    const sinceMs = settledAt(steps, this.#progress);
    if (sinceMs === null) return null;
    const lastMs = this.#loadMs + sinceMs;
    if (expects.active === "primary") return lastMs;
    return this.#firstRecordMs === null
      ? null
      : Math.max(this.#firstRecordMs, lastMs);
  }

  #calmMs(): number | null {
    const quietMs = this.#quietMs();
    return quietMs === null ? null : quietMs + CALM_MS;
  }

  #look(signal: AbortSignal): void {
    const { expects, steps } = this.#scenario;
    const { health, state } = this.#world.view();
    const nowMs = Date.now();
    const due = advance(
      steps,
      this.#progress,
      nowMs - this.#loadMs,
      turnOf(state),
      this.#operator.ended,
    );
    this.#progress = due.progress;
    if (due.actions.length > 0) this.#actedMs = nowMs;
    for (const action of due.actions) {
      if (action.kind === "run") {
        this.#operator.begin(action, signal);
        continue;
      }
      const { fault, kind } = action;
      this.#log.info(`${kind}s: ${faultText(fault)}`);
      this.#world[kind](fault);
      this.faultMs ??= Date.now();
    }
    // What is planned is no answer to a fault.
    if (this.faultMs === null || expects.switches !== undefined) return;
    if (health?.primary === "down") this.#detectMs ??= nowMs;
    if (state !== null && state.phase !== "steady" && this.switches === 0) {
      this.switches++;
      this.#decideMs = nowMs;
    }
    if (state?.active === "secondary" && state.phase === "steady") {
      if (this.switches === 0) this.switches++;
      this.#decideMs ??= nowMs;
      this.#promoteMs ??= nowMs;
    }
  }

  /** The mirror has ended by then, so what comes is the pool's. */
  async #lookForFirstRecord(signal: AbortSignal): Promise<void> {
    if (this.#promoteMs === null || this.#firstRecordMs !== null) return;
    const end = await this.#world.outputEnd("secondary", signal);
    if (end === null) return;
    if (this.#outputEnd === null) this.#outputEnd = end;
    else if (end > this.#outputEnd) this.#firstRecordMs = Date.now();
  }

  /** As it is once nothing is missing any more, or there is no time left. */
  async #settled(
    active: ClusterName,
    sent: readonly Sent[],
    signal: AbortSignal,
  ): Promise<Observed> {
    const endMs = performance.now() + MOST_SETTLE_MS;
    let missing = Infinity;
    let deadlineMs = endMs;
    const nothing: Observed = { clusterId: null, inputs: [], outputs: [] };
    for (;;) {
      const beganMs = performance.now();
      const here = await this.#observe(active, signal);
      const behind =
        active === "primary" && this.#scenario.expects.active === active
          ? await this.#behind(here, signal)
          : 0;
      const clusters = both(active, here, nothing);
      const aborts = this.#world.shownAborts();
      const left = judge({ sent, active, aborts, clusters }).lost + behind;
      const nowMs = performance.now();
      if (left < missing) deadlineMs = Math.min(endMs, nowMs + SETTLE_MS);
      missing = Math.min(missing, left);
      if (left === 0 || nowMs >= deadlineMs) return here;
      // The links need this thread, too.
      await pause(Math.max(SETTLE_LOOK_MS, nowMs - beganMs), signal);
      signal.throwIfAborted();
    }
  }

  /** Where all is well in the end the mirror has come to the end, too. */
  async #behind(here: Observed, signal: AbortSignal): Promise<number> {
    const there = await this.#observe("secondary", signal);
    const ids = new Set(there.inputs.map(({ id }) => id));
    return here.inputs.filter(({ id }) => !ids.has(id)).length;
  }

  #moments(): Moments {
    const since = (ms: number | null) =>
      ms === null || this.faultMs === null ? null : ms - this.faultMs;
    return {
      detectMs: since(this.#detectMs),
      decideMs: since(this.#decideMs),
      promoteMs: since(this.#promoteMs),
      firstRecordMs: since(this.#firstRecordMs),
    };
  }
}

function turnOf(state: View["state"]): Turn | null {
  if (state === null) return null;
  const { active, phase } = state;
  if (active === "primary") return phase;
  if (phase === "steady") return "promoted";
  return phase === "draining" ? "draining-home" : phase;
}

const both = (active: ClusterName, here: Observed, there: Observed) =>
  active === "primary"
    ? { primary: here, secondary: there }
    : { primary: there, secondary: here };
