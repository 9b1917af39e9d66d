/** I3 at random moments: the mirrors stand still, the cut is judged, they go on. */
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
  /**
   * How long the mirrors work after they have moved a position, and so long at
   * most without: at a moment with the positions of the one before there is
   * nothing to judge.
   */
  readonly mostMs: number;
  readonly withoutMs: number;
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

const LOOK_MS = 200;

/** The mirrors run before and after. */
export async function stopAtMoments(
  options: MomentsOptions,
): Promise<MomentsResult> {
  const { check, count, random, mostMs, signal } = options;
  const findings = new Findings<AnomalyKind, Example>(ANOMALIES, 5);
  let moments = 0;
  let moved = 0;
  let verified = 0;
  let before = "";
  while (moments < count && !signal?.aborted) {
    await untilMoved(options, before);
    await pause(random() * mostMs, signal);
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

async function untilMoved(
  { check, withoutMs, signal }: MomentsOptions,
  before: string,
): Promise<void> {
  const deadline = performance.now() + withoutMs;
  while (performance.now() < deadline) {
    if ((await check.positions()).join() !== before) return;
    await pause(LOOK_MS, signal);
  }
}
