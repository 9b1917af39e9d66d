/** I3 at random moments: the mirrors are killed, the cut is judged, they go on. */
import { Findings } from "../checker/findings.ts";
import { pause } from "../support/pause.ts";
import type { CutCheck, CutLook } from "./cut_check.ts";
import {
  ANOMALIES,
  type Anomaly,
  type AnomalyKind,
  type Example,
} from "./report.ts";

export interface MomentsOptions {
  readonly check: CutCheck;
  readonly count: number;
  /** Numbers from 0 up to below 1. */
  readonly random: () => number;
  /** Between two moments, in which the mirrors work. */
  readonly leastMs: number;
  readonly mostMs: number;
  readonly stop: () => Promise<void>;
  readonly start: () => void;
  /** Told of each. */
  readonly onLook?: (look: CutLook, number: number) => void;
  readonly signal?: AbortSignal;
}

export interface MomentsResult {
  /** How often the world stood still. */
  readonly moments: number;
  /** At how many of them a group had a position that was not there before. */
  readonly moved: number;
  /** Inputs that were done as the positions claim. */
  readonly verified: number;
  readonly anomalies: readonly Anomaly[];
}

/** The mirrors run before and after. */
export async function stopAtMoments(
  options: MomentsOptions,
): Promise<MomentsResult> {
  const { check, count, random, leastMs, mostMs, signal } = options;
  const findings = new Findings<AnomalyKind, Example>(ANOMALIES, 5);
  let moments = 0;
  let moved = 0;
  let verified = 0;
  let before = "";
  while (moments < count && !signal?.aborted) {
    await pause(leastMs + random() * (mostMs - leastMs), signal);
    await options.stop();
    const look = await check.look();
    options.start();
    moments++;
    verified += look.verified;
    const positions = look.positions.join();
    if (positions !== before) moved++;
    before = positions;
    for (const { kind, count, examples } of look.anomalies) {
      examples.forEach((each, at) =>
        findings.add(kind, () => each, at === 0 ? count : 0)
      );
    }
    options.onLook?.(look, moments);
  }
  return { moments, moved, verified, anomalies: findings.list() };
}
