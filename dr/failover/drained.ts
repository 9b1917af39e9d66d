/**
 * Waits until readers of committed records come to the ends of what the mirror
 * has written: its open transactions were aborted by the seal, which the
 * partitions hear of a little later, and some never do (`dr/mirror/hanging.ts`).
 */
import {
  isLeaderless,
  KafkaError,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable, offsetTable } from "../cut/mod.ts";
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
 * @throws {FailoverError} where transactions stay open, or a partition does not
 * say where it ends.
 * @throws {KafkaError} where the target does not answer; the signal's reason.
 */
export async function drained(
  { admin, endHanging, partitions, requestMs, timings = TIMINGS }: DrainParts,
  signal: AbortSignal,
): Promise<void> {
  const latest = async (of: readonly TopicPartition[], isStable: boolean) => {
    try {
      return await latestOffsets(admin, of, isStable, requestMs, signal);
    } catch (error) {
      // None of them has a leader, which is no reason not to ask again.
      if (!(error instanceof KafkaError && isLeaderless(error.code))) {
        throw error;
      }
      return offsetTable([]);
    }
  };
  let ends = await latest(partitions, false);
  const beganMs = performance.now();
  let open = partitions.filter((tp) => offsetIn(ends, tp) !== 0);
  let hasEnded = false;
  let stable: OffsetTable;
  for (;;) {
    const unknown = open.filter((tp) => offsetIn(ends, tp) === null);
    if (unknown.length > 0) ends = merged(ends, await latest(unknown, false));
    stable = await latest(open, true);
    open = openIn(open, ends, stable);
    if (open.length === 0) return;
    const passedMs = performance.now() - beganMs;
    if (passedMs >= timings.patienceMs) break;
    if (passedMs >= timings.hangingMs && !hasEnded) {
      hasEnded = true;
      const led = open.filter((tp) => offsetIn(stable, tp) !== null);
      if (led.length > 0) await endHanging(led, signal);
    }
    await pause(timings.lookMs, signal);
    signal.throwIfAborted();
  }
  throw new FailoverError("failed", openText(open, stable));
}

/**
 * The last stable offset is where the first open transaction begins. Those of
 * others that hang are ended by Kafka's own tool. Pure.
 */
function openText(
  open: readonly TopicPartition[],
  stable: OffsetTable,
): string {
  const some = open.slice(0, NAMED);
  const named = some.map(({ partition, topic }) => `${topic} [${partition}]`);
  if (open.length > NAMED) named.push(`and ${open.length - NAMED} more`);
  const commands = some.flatMap((tp) => {
    const offset = offsetIn(stable, tp);
    return offset === null ? [] : [
      `kafka-transactions.sh --bootstrap-server "$BROKERS" abort --topic ` +
      `${tp.topic} --partition ${tp.partition} --start-offset ${offset}`,
    ];
  });
  return `${named.join(", ")} cannot be read to the end: end the producers ` +
    "of others that have transactions open there, or wait for their " +
    "time-outs, and see that the partitions have leaders" +
    (commands.length === 0
      ? ""
      : `; if nobody ends them any more: ${commands.join("; ")}`);
}

/** The second one counts where it knows something. */
function merged(one: OffsetTable, other: OffsetTable): OffsetTable {
  const all = new Map([...one].map(([topic, of]) => [topic, [...of]]));
  for (const [topic, of] of other) {
    const its = all.get(topic) ?? [];
    all.set(topic, its);
    of.forEach((offset, partition) => {
      if (offset !== null) its[partition] = offset;
    });
  }
  return all;
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
