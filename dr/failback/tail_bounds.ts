/**
 * Where the tail of each partition begins and ends, and what is not there any
 * more. Pure.
 *
 *     position of the mirror    replayed up to       the log begins
 *     ────────┬─────────────────────┬───────────────────┬──────────
 *             │ dealt with          │ gone (retention)  │ the tail
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { offsetIn, type OffsetTable } from "../cut/mod.ts";

/** Of a topic that was mirrored, or should have been. */
export interface Known extends TopicPartition {
  readonly topicId: string;
  /** Of the mirror. */
  readonly position: number;
}

export interface Bounded extends Known {
  readonly start: number;
  /** The last stable offset. */
  readonly end: number;
}

export interface Bounds {
  readonly partitions: readonly Bounded[];
  /** Both as a user reads them. */
  readonly problems: readonly string[];
  readonly notes: readonly string[];
}

/** @param next see `ReplayLog.next` */
export function tailBounds(
  known: readonly Known[],
  begins: OffsetTable,
  ends: OffsetTable,
  next: (partition: Known) => number,
): Bounds {
  const partitions: Bounded[] = [];
  const problems: string[] = [];
  const gone = new Map<string, number>();
  for (const each of known) {
    const { partition, position, topic } = each;
    const [begin, end] = [offsetIn(begins, each), offsetIn(ends, each)];
    if (begin === null || end === null) {
      problems.push(
        `where ${topic} [${partition}] of the primary begins and ends is not ` +
          "known; see that its partitions have leaders, and run it again",
      );
      continue;
    }
    if (end < position) {
      problems.push(
        `${topic} [${partition}] ends at ${end}, and was mirrored to ` +
          `${position}: the primary has lost records that the secondary has. ` +
          `Save what is wanted of "${topic}", delete it on the primary, and ` +
          "run it again: then it is mirrored back whole",
      );
    }
    const from = Math.max(position, next(each));
    if (begin > from) gone.set(topic, (gone.get(topic) ?? 0) + begin - from);
    const start = Math.min(end, Math.max(from, begin));
    partitions.push({ ...each, start, end });
  }
  const notes = Array.from(
    gone,
    ([topic, count]) =>
      `up to ${count} records of the tail of ${topic} are deleted on the ` +
      "primary (retention), and were never mirrored",
  );
  return { partitions, problems, notes };
}
