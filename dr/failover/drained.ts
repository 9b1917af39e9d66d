/**
 * Waits until readers of committed records come to the ends of what the mirror
 * has written: its open transactions were aborted by the seal, which the
 * partitions hear of a little later, and some never do (`dr/mirror/hanging.ts`).
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";
import { latestOffsets, type OffsetsAdmin } from "../cut/requests.ts";
import { pause } from "../waits.ts";
import { FailoverError } from "./errors.ts";

export interface DrainParts {
  /** Of the target, like the partitions. */
  readonly admin: OffsetsAdmin;
  readonly partitions: readonly TopicPartition[];
  /** Aborts what the mirror left open there. */
  readonly endHanging: (
    partitions: readonly TopicPartition[],
    signal: AbortSignal,
  ) => Promise<void>;
  readonly requestMs: number;
  readonly timings?: DrainTimings;
}

export interface DrainTimings {
  /** What is open for longer hangs; markers take milliseconds. */
  readonly hangingMs: number;
  /** Others may have transactions there as well. */
  readonly patienceMs: number;
  readonly lookMs: number;
}

const TIMINGS: DrainTimings = {
  hangingMs: 1_000,
  patienceMs: 30_000,
  lookMs: 5,
};
const NAMED = 5;

/**
 * Of what was written when it is called.
 * @throws {FailoverError} where transactions stay open.
 * @throws {KafkaError} where the target does not answer; the signal's reason.
 */
export async function drained(
  { admin, endHanging, partitions, requestMs, timings = TIMINGS }: DrainParts,
  signal: AbortSignal,
): Promise<void> {
  const latest = (of: readonly TopicPartition[], isStable: boolean) =>
    latestOffsets(admin, of, isStable, requestMs, signal);
  const ends = await latest(partitions, false);
  const beganMs = performance.now();
  let open = partitions.filter((tp) => offsetIn(ends, tp) !== 0);
  let hasEnded = false;
  for (;;) {
    open = openIn(open, ends, await latest(open, true));
    if (open.length === 0) return;
    const passedMs = performance.now() - beganMs;
    if (passedMs >= timings.patienceMs) break;
    if (passedMs >= timings.hangingMs && !hasEnded) {
      hasEnded = true;
      await endHanging(open, signal);
    }
    await pause(timings.lookMs, signal);
    signal.throwIfAborted();
  }
  const named = open.slice(0, NAMED)
    .map(({ topic, partition }) => `${topic} [${partition}]`).join(", ");
  throw new FailoverError(
    "failed",
    `transactions that are not the mirror's are open in ${named}` +
      (open.length > NAMED ? ` and ${open.length - NAMED} more` : "") +
      "; end their producers, or wait for their time-outs, and run it again",
  );
}

/** An end that is not known counts as one that was not come to. */
const openIn = (
  partitions: readonly TopicPartition[],
  ends: OffsetTable,
  stable: OffsetTable,
): TopicPartition[] =>
  partitions.filter((tp) => {
    const [end, offset] = [offsetIn(ends, tp), offsetIn(stable, tp)];
    return end === null || offset === null || offset < end;
  });
