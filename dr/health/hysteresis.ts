/**
 * From what probes say to a cluster's health. Pure; each probe goes its own way:
 *
 *     unknown ── passes for calmMs ─────────────────────────────> healthy
 *     healthy ── one failure ───────────────────────────────────> suspect
 *     suspect ── `failures` in a row, for failingMs ────────────> down
 *     down ───── one pass ──────────────────────────────────────> suspect
 *     suspect ── passes for calmMs, or recoveringMs after down ─> healthy
 *
 * and the cluster is as its worst probe. `down` is said only while nothing works:
 * to leave a cluster that works again would be as bad as to stay on a dead one.
 * `healthy` is said late, and `recoveringMs` is longer than `failingMs`, so one
 * that comes and goes is nothing to go to.
 */
import type { Health } from "../state/types.ts";
import {
  PROBE_NAMES,
  type ProbeName,
  type ProbeOutcome,
  type ProbeResult,
} from "./probe.ts";

/** When a probe that fails makes the cluster `down`, and healthy again. */
export interface Threshold {
  /** So many failures in a row... */
  readonly failures: number;
  /** ...from the beginning of the first to the end of the last, in ms. */
  readonly failingMs: number;
  /** For so long it passes after `down` until `healthy`; above `failingMs`. */
  readonly recoveringMs: number;
}

export interface HealthOptions {
  readonly thresholds: Readonly<Record<ProbeName, Threshold>>;
  /** For so long a probe passes until `suspect` or `unknown` is over. */
  readonly calmMs: number;
  /**
   * What is older tells nothing any more: this process stood still, or has
   * slept. Longer than an attempt takes with the pause after it.
   */
  readonly staleMs: number;
}

/**
 * With a round every 500 ms and time-outs below a second (`PROBE_TIMINGS`), a
 * killed cluster is down after 1.5 to 2 s, one that hangs after 2.4 to 3 s.
 *
 * Partitions without a leader are given longer than Kafka takes to elect another
 * one: it misses a killed broker after `broker.session.timeout.ms`, 9 s. To lose
 * one broker of three is no reason to leave a cluster.
 */
export const HEALTH_DEFAULTS: HealthOptions = {
  thresholds: {
    brokers: { failures: 3, failingMs: 1_500, recoveringMs: 10_000 },
    metadata: { failures: 3, failingMs: 1_500, recoveringMs: 10_000 },
    partitions: { failures: 3, failingMs: 15_000, recoveringMs: 20_000 },
    "round-trip": { failures: 3, failingMs: 15_000, recoveringMs: 20_000 },
  },
  calmMs: 3_000,
  staleMs: 10_000,
};

/** @throws {RangeError} quoting what cannot work. */
export function checkHealthOptions(
  { calmMs, staleMs, thresholds }: HealthOptions,
): void {
  for (const name of PROBE_NAMES) {
    const { failingMs, failures, recoveringMs } = thresholds[name];
    if (!(Number.isInteger(failures) && failures >= 2)) {
      throw new RangeError(
        `${name}: failures ${failures}: at least 2, or one lost packet decides`,
      );
    }
    if (!(failingMs >= 0 && recoveringMs > failingMs)) {
      throw new RangeError(
        `${name}: recoveringMs ${recoveringMs} must be above failingMs ` +
          `${failingMs}, or a cluster that comes and goes flaps`,
      );
    }
  }
  if (!(calmMs > 0)) throw new RangeError(`calmMs ${calmMs}: above 0`);
  if (!(staleMs > 0)) throw new RangeError(`staleMs ${staleMs}: above 0`);
}

/** What is remembered of one probe. */
export interface ProbeHistory {
  readonly health: Health;
  /** It has been down, and not healthy since. */
  readonly isRecovering: boolean;
  readonly last: ProbeResult | null;
  /** Results of the last one's kind in a row... */
  readonly count: number;
  /** ...and when the first of them began, in ms. */
  readonly sinceMs: number;
  /** When the last attempt that passed began, in ms; null: none has. */
  readonly passedMs: number | null;
}

export type HealthHistory = Readonly<Record<ProbeName, ProbeHistory>>;

const NOTHING: ProbeHistory = {
  health: "unknown",
  isRecovering: false,
  last: null,
  count: 0,
  sinceMs: 0,
  passedMs: null,
};

export const NO_HISTORY: HealthHistory = {
  brokers: NOTHING,
  metadata: NOTHING,
  partitions: NOTHING,
  "round-trip": NOTHING,
};

/** The history with one more result, which must be newer than those in it. */
export function observe(
  history: HealthHistory,
  name: ProbeName,
  result: ProbeResult,
  options: HealthOptions,
): HealthHistory {
  const before = isStale(history[name], result.endedMs, options)
    ? { ...NOTHING, passedMs: history[name].passedMs }
    : history[name];
  const isRun = before.last?.kind === result.kind;
  const count = isRun ? before.count + 1 : 1;
  const sinceMs = isRun ? before.sinceMs : result.begunMs;
  const lastedMs = result.endedMs - sinceMs;
  const health = next(before, result.kind, count, lastedMs, {
    ...options.thresholds[name],
    calmMs: options.calmMs,
  });
  return {
    ...history,
    [name]: {
      health,
      isRecovering: health === "down" ||
        before.isRecovering && health === "suspect",
      last: result,
      count,
      sinceMs,
      passedMs: result.kind === "passed" ? result.begunMs : before.passedMs,
    },
  };
}

function next(
  { health, isRecovering }: ProbeHistory,
  kind: ProbeOutcome["kind"],
  count: number,
  lastedMs: number,
  { calmMs, failingMs, failures, recoveringMs }:
    & Threshold
    & Pick<HealthOptions, "calmMs">,
): Health {
  switch (kind) {
    case "inconclusive":
      return isRecovering && lastedMs < recoveringMs ? "suspect" : "unknown";
    case "failed":
      return count >= failures && lastedMs >= failingMs ? "down" : "suspect";
    case "passed": {
      const neededMs = isRecovering ? recoveringMs : calmMs;
      if (count > 1 && lastedMs >= neededMs) return "healthy";
      return health === "down" ? "suspect" : health;
    }
  }
}

/**
 * The cluster's health at `nowMs`, by the clock of the results. What may not be
 * asked is left out, but for `brokers` and `metadata`, which any client needs.
 */
export function healthOf(
  history: HealthHistory,
  nowMs: number,
  options: HealthOptions,
): Health {
  const all = PROBE_NAMES
    .filter((name) => !isLeftOut(name, history[name]))
    .map((name) =>
      isStale(history[name], nowMs, options) ? "unknown" : history[name].health
    );
  for (const worst of ["down", "unknown", "suspect"] as const) {
    if (all.includes(worst)) return worst;
  }
  return "healthy";
}

const isLeftOut = (
  name: ProbeName,
  { health, last }: ProbeHistory,
): boolean =>
  last?.kind === "inconclusive" && health === "unknown" &&
  (name === "partitions" || name === "round-trip");

const isStale = (
  { last }: ProbeHistory,
  nowMs: number,
  { staleMs }: HealthOptions,
): boolean => last !== null && nowMs - last.endedMs > staleMs;
