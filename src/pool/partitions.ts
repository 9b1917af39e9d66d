/** The partitions that this instance owns, and where each of them stands. */
import type { PartitionOffset, TopicPartition } from "../kafka/mod.ts";
import type { Ownership, Position } from "./protocol.ts";
import type { WorkerThread } from "./thread.ts";

export interface Partition {
  readonly id: string;
  readonly tp: TopicPartition;
  /** The current ownership; settlements of another are ignored. */
  epoch: number;
  worker: WorkerThread | null;
  /** First offset that is not settled. */
  next: number;
  /** What the group has as committed; null: nothing yet. */
  committed: number | null;
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

  add(tp: TopicPartition, next: number, committed: number | null): Partition {
    const partition: Partition = {
      id: idOf(tp),
      tp: { topic: tp.topic, partition: tp.partition },
      epoch: 0,
      worker: null,
      next,
      committed,
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
    return {
      tp: partition.tp,
      epoch: partition.epoch,
      next: partition.next,
      beyond: [],
    };
  }

  /** Ends the ownership: later settlements under it are ignored. */
  disown(partition: Partition): void {
    partition.epoch = ++this.#epoch;
    partition.worker = null;
  }

  settle(position: Position): void {
    const partition = this.#current(position);
    if (partition !== undefined) partition.next = position.next;
  }

  /** The partition of an ownership that is still current. */
  #current({ tp, epoch }: Ownership): Partition | undefined {
    const partition = this.find(tp);
    return partition?.epoch === epoch ? partition : undefined;
  }

  isCurrent(ownership: Ownership): boolean {
    return this.#current(ownership) !== undefined;
  }

  /** What a commit has to say, of all partitions or of some. */
  uncommitted(of: readonly Partition[] = this.all): PartitionOffset[] {
    return of.filter((each) => each.next !== (each.committed ?? -1))
      .filter((each) => each.committed !== null || each.next > 0)
      .map((each) => ({ ...each.tp, offset: each.next }));
  }

  committed(tp: TopicPartition, offset: number): void {
    const partition = this.find(tp);
    if (partition !== undefined) partition.committed = offset;
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

const idOf = ({ topic, partition }: TopicPartition) => `${topic}-${partition}`;
