/**
 * Moves partitions between threads without a group rebalance:
 *
 *     pause -> the old thread lets go and has settled -> seek to the settled
 *     position -> forward the queue to the new thread -> tell it -> resume
 *
 * Pausing and seeking make librdkafka drop what it had fetched, so a record is
 * never delivered under an old ownership. All of this runs in one `Serial`.
 */
import {
  type Consumer,
  mayRetry,
  type PartitionOffset,
  type QueueHandle,
} from "../kafka/mod.ts";
import { balance } from "./assignment.ts";
import type { Pauses } from "./pauses.ts";
import type { Partition, Partitions } from "./partitions.ts";
import type { PoolSpans } from "./pool_spans.ts";
import type { Position } from "./protocol.ts";
import type { StartOffset } from "./start_offsets.ts";
import { Tally } from "./tally.ts";
import type { WorkerThread } from "./thread.ts";

const SEEK_TIMEOUT_MS = 5000;
const SEEK_RETRY_MS = 20;
/** Finding its first offset takes a partition far less, when it can at all. */
const STUCK_MS = 3000;

export class Placement {
  readonly #consumer: Consumer;
  readonly #partitions: Partitions;
  readonly #pauses: Pauses;
  readonly #threads: () => readonly WorkerThread[];
  readonly #spans: PoolSpans | null;
  readonly #tally: Tally;
  /** Nobody reads it; what a seek drops may lie there. */
  #nowhere: QueueHandle | undefined;

  constructor(
    consumer: Consumer,
    partitions: Partitions,
    pauses: Pauses,
    threads: () => readonly WorkerThread[],
    spans: PoolSpans | null = null,
    tally = new Tally(),
  ) {
    this.#consumer = consumer;
    this.#partitions = partitions;
    this.#pauses = pauses;
    this.#threads = threads;
    this.#spans = spans;
    this.#tally = tally;
  }

  /** Takes partitions that the group has just given to this instance. */
  async add(starts: readonly StartOffset[]): Promise<void> {
    const added = starts.map(({ tp, next, committed, topicId }) =>
      this.#partitions.add(tp, next, committed, topicId)
    );
    await this.#give(added);
    // librdkafka remembers that it was paused when it was here before.
    this.#consumer.resume(added.map((each) => each.tp));
    this.#consumer.assign(
      added.map((each) => ({ ...each.tp, offset: each.next })),
    );
    const homeless = added.filter((each) => each.worker === null);
    this.#pauses.pause(homeless, "placement");
    await this.rebalance();
  }

  /**
   * Gives every partition the thread that it should have. Those that have none
   * come first: the others work meanwhile, and may take long to let go.
   */
  async rebalance(): Promise<void> {
    await this.#move((each) => each.worker === null);
    const targets = this.#targets();
    await this.#move((each) => targets.get(each.id) !== each.worker);
  }

  /** Gives those a thread whose time has come; the others stay as they are. */
  async giveDue(): Promise<void> {
    await this.#move((each) => each.worker === null);
  }

  async #move(needsTo: (partition: Partition) => boolean): Promise<void> {
    const moving = this.#partitions.all.filter((each) =>
      mayMove(each) && needsTo(each)
    );
    if (moving.length === 0 || this.#targets().size === 0) return;
    const move = () => this.#moveAll(moving);
    await (this.#spans?.change(
      "move partitions",
      moving.map(({ tp }) => tp),
      move,
    ) ?? move());
  }

  async #moveAll(moving: readonly Partition[]): Promise<void> {
    this.#pauses.pause(moving, "placement");
    await this.release(moving);
    // Its thread may have failed instead of letting go.
    const free = moving.filter((each) => !each.uncertain);
    await this.#rewind(free);
    // A thread may have failed meanwhile; what it was to get is placed anew.
    await this.#give(free);
    const placed = free.filter((each) => each.worker !== null);
    this.#tally.moves += placed.length;
    this.#pauses.forgive(placed);
    this.#pauses.resume(placed, "placement");
  }

  /** Takes partitions from their threads, settled as far as these can say. */
  async release(partitions: readonly Partition[]): Promise<void> {
    const byThread = Map.groupBy(partitions, (each) => each.worker);
    await Promise.all([...byThread].map(async ([thread, owned]) => {
      const positions = await thread?.release(owned);
      for (const partition of owned) {
        const position = positions?.get(partition.epoch);
        if (position) this.#partitions.settle(position);
        this.#partitions.disown(partition);
      }
    }));
  }

  #targets(): Map<string, WorkerThread> {
    const available = this.#threads().filter((each) => each.available);
    const byId = new Map(available.map((each) => [each.id, each]));
    const placed = this.#partitions.all.map(({ id, load, worker }) => ({
      id,
      load,
      owner: worker?.id ?? null,
    }));
    const result = new Map<string, WorkerThread>();
    for (const [id, worker] of balance([...byId.keys()], placed)) {
      result.set(id, byId.get(worker)!);
    }
    return result;
  }

  async #give(partitions: readonly Partition[]): Promise<void> {
    const targets = this.#targets();
    const given = new Map<WorkerThread, Position[]>();
    for (const partition of partitions) {
      // It may have been given back for a while when it was asked for.
      if (isEarly(partition)) continue;
      const thread = targets.get(partition.id);
      if (thread === undefined) continue;
      this.#consumer.forward(partition.tp, thread.queue);
      const position = this.#partitions.own(partition, thread);
      given.set(thread, [...given.get(thread) ?? [], position]);
    }
    await Promise.all(
      [...given].map(([thread, positions]) => thread.assign(positions)),
    );
  }

  async #rewind(partitions: readonly Partition[]): Promise<void> {
    let left = partitions.map((each) => ({ ...each.tp, offset: each.next }));
    let stuckMs = performance.now() + STUCK_MS;
    while (left.length > 0) {
      const answers = await this.#consumer.seek(left, SEEK_TIMEOUT_MS);
      const failed = answers.find((each) => each.error && !mayRetry(each));
      if (failed?.error) throw failed.error;
      left = left.filter((_, index) => mayRetry(answers[index]!));
      if (left.length === 0) return;
      if (performance.now() >= stuckMs) {
        this.#revive(left);
        stuckMs = performance.now() + STUCK_MS;
      }
      await new Promise((resolve) => setTimeout(resolve, SEEK_RETRY_MS));
    }
  }

  /**
   * librdkafka has given up fetching these, because their log seemed to be cut,
   * and what it said of that was dropped with the records of an old ownership:
   * only a new assignment starts them again.
   */
  #revive(partitions: readonly PartitionOffset[]): void {
    this.#nowhere ??= this.#consumer.newQueue();
    this.#consumer.unassign(partitions);
    // An answer of librdkafka's main thread: it undoes the forwarding of what it
    // stops to fetch, and must have done so before.
    void this.#consumer.memberId;
    for (const tp of partitions) this.#consumer.forward(tp, this.#nowhere);
    this.#consumer.assign(partitions);
    this.#consumer.pause(partitions);
  }
}

const isEarly = (partition: Partition) => partition.notBeforeMs > Date.now();

/** It is known where it stands, and it is time for its next record. */
const mayMove = (partition: Partition) =>
  !partition.uncertain && !isEarly(partition);
