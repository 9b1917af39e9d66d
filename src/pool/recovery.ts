/** Takes partitions back from threads that are gone or given up. */
import type { Consumer } from "../kafka/mod.ts";
import type { Partition, Partitions } from "./partitions.ts";
import type { Serial } from "./serial.ts";
import { committedOffsets } from "./start_offsets.ts";
import type { WorkerThread } from "./thread.ts";
import type { Transactions } from "./transactions.ts";

export interface RecoveryParts {
  readonly consumer: Consumer;
  readonly partitions: Partitions;
  /** Null: at least once. */
  readonly transactions: Transactions | null;
  readonly serial: Serial;
}

export class Recovery {
  readonly #parts: RecoveryParts;
  readonly #abort = new AbortController();

  constructor(parts: RecoveryParts) {
    this.#parts = parts;
  }

  /** Nothing that this thread has done at or above these has been committed. */
  uncommittedOf(thread: WorkerThread): string {
    return this.#parts.partitions.ownedBy(thread).map((each) => {
      const from = each.beyond.at(-1) ?? each.next;
      return `${each.tp.topic}-${each.tp.partition}@${from}`;
    }).join(",");
  }

  /**
   * Ends the thread's ownerships at once. With transactions its partitions stay
   * uncertain until its slot is fenced and it is known what was committed.
   * @returns when its slot is free and its partitions may be placed.
   */
  takeBack(thread: WorkerThread): Promise<void> {
    const { partitions, transactions } = this.#parts;
    const owned = partitions.ownedBy(thread);
    for (const each of owned) {
      partitions.disown(each);
      each.uncertain = transactions !== null;
    }
    if (transactions === null) return Promise.resolve();
    return this.#serially(async () => {
      await transactions.fence(thread.slot, this.#abort.signal);
      await this.#readPositions(owned);
    });
  }

  /**
   * Partitions that no thread has, those that wait for a time among them: where
   * they stand is read anew.
   * @returns when they may be placed.
   */
  takeBackUnowned(): Promise<void> {
    const unowned = this.#parts.partitions.all
      .filter((each) => each.worker === null && !each.uncertain);
    for (const each of unowned) each.uncertain = true;
    return this.#serially(() => this.#readPositions(unowned));
  }

  /** Waits for nothing any more; what is uncertain stays so. */
  stop(): void {
    this.#abort.abort(new Error("the pool ends"));
  }

  /** Does nothing, and throws nothing, once `stop` was called. */
  #serially(action: () => Promise<void>): Promise<void> {
    return this.#parts.serial.run(async () => {
      const { signal } = this.#abort;
      if (signal.aborted) return;
      try {
        await action();
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    });
  }

  async #readPositions(of: readonly Partition[]): Promise<void> {
    const { consumer, partitions } = this.#parts;
    const left = of.filter((each) => partitions.find(each.tp) === each);
    const committed = await committedOffsets(
      consumer,
      left.map((each) => each.tp),
      this.#abort.signal,
    );
    for (const [index, each] of left.entries()) {
      // Nothing committed yet: it is where it began.
      partitions.restart(each, committed[index] ?? null);
    }
  }
}
