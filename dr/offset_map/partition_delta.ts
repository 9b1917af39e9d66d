/** What a lane's record says of one partition. */
import { MAX_OFFSET } from "./bytes.ts";
import type { Run } from "./runs.ts";

/** What is new, or in a snapshot all that is known, of one source partition. */
export interface PartitionDelta {
  readonly topic: string;
  /** As Kafka prints it: base64 for URLs, 22 characters. */
  readonly topicId: string;
  readonly partition: number;
  /** The next upstream offset to be read. */
  readonly position: number;
  /** Of the last record mirrored from below `position`; null: not known. */
  readonly leaderEpoch: number | null;
  /** Ascending on both sides; one of length 0 is a mark (`runs.ts`). */
  readonly runs: readonly Run[];
}

/** Partitions of one topic and id together; topics as they come first. */
export function byTopic(deltas: readonly PartitionDelta[]): PartitionDelta[][] {
  const topics = new Map<string, PartitionDelta[]>();
  for (const delta of deltas) {
    const key = delta.topicId + delta.topic;
    const known = topics.get(key);
    if (known === undefined) topics.set(key, [delta]);
    else known.push(delta);
  }
  return [...topics.values()];
}

/** @throws {RangeError} where `value` is no whole number from 0 to `most`. */
export function checkedOffset(
  value: number,
  name: string,
  most = MAX_OFFSET,
): number {
  if (Number.isInteger(value) && value >= 0 && value <= most) return value;
  throw new RangeError(`no ${name}: ${value}`);
}

/** A run as it is written: relative to the end of the one before it. */
export interface Step {
  readonly upstream: number;
  /** May be negative. */
  readonly downstream: number;
  readonly length: number;
}

/** @throws {RangeError} for what is no run, or does not ascend. */
export function stepTo(run: Run, before: Run | undefined): Step {
  const { upstream, downstream, length } = run;
  checkedOffset(length, "length");
  checkedOffset(upstream, "upstream offset");
  checkedOffset(downstream, "downstream offset");
  checkedOffset(upstream + length, "upstream end");
  checkedOffset(downstream + length, "downstream end");
  if (before === undefined) return run;
  const step = {
    upstream: upstream - before.upstream - before.length,
    downstream: downstream - before.downstream - before.length,
    length,
  };
  if (step.upstream < 0) {
    throw new RangeError(
      `run ${upstream} -> ${downstream} begins before the end of ` +
        `${before.upstream} -> ${before.downstream} (${before.length})`,
    );
  }
  return step;
}
