/** The partitions that this instance owns, and where each of them stands. */
import type { TopicPartition } from "../kafka/mod.ts";
import {
  decodeRanges,
  encodeMost,
  NO_RANGES,
  type OffsetRanges,
} from "./offset_ranges.ts";
import type { PauseReason } from "./pauses.ts";
import type { Ownership, Position } from "./protocol.ts";
import type { WorkerThread } from "./thread.ts";

/** An offset of the group, with `beyond` in its metadata. */
export interface Committed {
  readonly offset: number;
  readonly metadata: string;
}

export interface Partition {
  readonly id: string;
  readonly tp: TopicPartition;
  /** The topic's, when it was assigned; undefined: nobody has asked. */
  readonly topicId: string | undefined;
  /** The current ownership; settlements of another are ignored. */
  epoch: number;
  worker: WorkerThread | null;
  /**
   * A thread that is gone may still have it in an open transaction: until that
   * is fenced nobody gets it, and it is not known where it stands.
   */
  uncertain: boolean;
  /** First offset that is not settled. */
  next: number;
  /** What is settled above it. */
  beyond: OffsetRanges;
  /** The same as a commit says it, at the most what brokers take. */
  metadata: string;
  /** The offset after the last that was settled before the current ownership. */
  inherited: number;
  /** Why it is not fetched. */
  readonly paused: Set<PauseReason>;
  /** What the group has as committed; null: nothing yet. */
  committed: Committed | null;
  /**
   * No thread gets it before this time, in ms since the epoch: its next record
   * is not due. It is paused until then.
   */
  notBeforeMs: number;
  /** Records per second, smoothed. */
  load: number;
  /** `next` when the load was measured last. */
  measuredNext: number;
}

/** Share of the newest measurement in the smoothed load. */
const SMOOTHING = 0.3;

export class Partitions {
  readonly #byId = new Map<string, Partition>();
  #epoch = 0;

  get all(): readonly Partition[] {
    return [...this.#byId.values()];
  }

  find(tp: TopicPartition): Partition | undefined {
    return this.#byId.get(idOf(tp));
  }

  ownedBy(worker: WorkerThread): readonly Partition[] {
    return this.all.filter((each) => each.worker === worker);
  }

  add(
    tp: TopicPartition,
    next: number,
    committed: Committed | null,
    topicId?: string,
  ): Partition {
    const beyond = next === committed?.offset
      ? decodeRanges(next, committed.metadata)
      : NO_RANGES;
    const partition: Partition = {
      id: idOf(tp),
      tp: { topic: tp.topic, partition: tp.partition },
      topicId,
      epoch: 0,
      worker: null,
      uncertain: false,
      next,
      beyond,
      metadata: encodeMost(next, beyond),
      inherited: next,
      paused: new Set(),
      committed,
      notBeforeMs: 0,
      load: 0,
      measuredNext: next,
    };
    this.#byId.set(partition.id, partition);
    return partition;
  }

  remove(partitions: readonly Partition[]): void {
    for (const { id } of partitions) this.#byId.delete(id);
  }

  /** Starts a new ownership; what the worker is told of it. */
  own(partition: Partition, worker: WorkerThread): Position {
    partition.epoch = ++this.#epoch;
    partition.worker = worker;
    partition.notBeforeMs = 0;
    partition.inherited = partition.beyond.at(-1) ?? partition.next;
    const { topicId } = partition;
    return {
      tp: partition.tp,
      epoch: partition.epoch,
      next: partition.next,
      beyond: partition.beyond,
      ...(topicId === undefined ? {} : { topicId }),
    };
  }

  /** Ends the ownership: later settlements under it are ignored. */
  disown(partition: Partition): void {
    partition.epoch = ++this.#epoch;
    partition.worker = null;
  }

  /**
   * Ends the ownership until a time, in ms since the epoch.
   * @returns undefined where the position is of an old ownership.
   */
  defer(position: Position, notBeforeMs: number): Partition | undefined {
    const partition = this.settle(position);
    if (partition === undefined) return undefined;
    this.disown(partition);
    partition.notBeforeMs = notBeforeMs;
    return partition;
  }

  /** When the next partition may have a thread again that may not yet. */
  nextDueMs(nowMs: number): number | null {
    let next: number | null = null;
    for (const { worker, notBeforeMs } of this.#byId.values()) {
      if (worker !== null || notBeforeMs <= nowMs) continue;
      next = Math.min(next ?? Infinity, notBeforeMs);
    }
    return next;
  }

  /** Takes over where a partition stands, as the group says. */
  restart(partition: Partition, committed: Committed | null): void {
    partition.next = committed?.offset ?? partition.next;
    partition.beyond = beyondOf(partition.next, committed);
    partition.metadata = encodeMost(partition.next, partition.beyond);
    partition.committed = committed;
    partition.uncertain = false;
  }

  /** @returns undefined where the position is of an old ownership. */
  settle(position: Position): Partition | undefined {
    const partition = this.current(position);
    if (partition === undefined) return undefined;
    partition.next = position.next;
    partition.beyond = position.beyond;
    partition.metadata = encodeMost(position.next, position.beyond);
    return partition;
  }

  /** The partition of an ownership that is still current. */
  current({ tp, epoch }: Ownership): Partition | undefined {
    const partition = this.find(tp);
    return partition?.epoch === epoch ? partition : undefined;
  }

  isCurrent(ownership: Ownership): boolean {
    return this.current(ownership) !== undefined;
  }

  /** What a commit has to say, of all partitions or of some. */
  uncommitted(
    of: readonly Partition[] = this.all,
  ): (TopicPartition & Committed)[] {
    return of.map(({ tp, next, metadata, committed }) => ({
      ...tp,
      offset: next,
      metadata,
      committed,
    })).filter(({ offset, metadata, committed }) =>
      committed === null
        ? offset > 0 || metadata !== ""
        : offset !== committed.offset || metadata !== committed.metadata
    ).map(({ committed: _, ...due }) => due);
  }

  committed(tp: TopicPartition, committed: Committed): void {
    const partition = this.find(tp);
    if (partition !== undefined) partition.committed = committed;
  }

  /** @param elapsedS seconds since the last measurement */
  measureLoad(elapsedS: number): void {
    for (const each of this.#byId.values()) {
      const rate = Math.max(0, each.next - each.measuredNext) / elapsedS;
      each.load += SMOOTHING * (rate - each.load);
      each.measuredNext = each.next;
    }
  }
}

const beyondOf = (next: number, committed: Committed | null): OffsetRanges =>
  next === committed?.offset
    ? decodeRanges(next, committed.metadata)
    : NO_RANGES;

const idOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
