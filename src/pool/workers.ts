/** The worker threads that there are, and as many as there should be. */
import type { Partitions } from "./partitions.ts";
import { type ThreadOptions, WorkerThread } from "./thread.ts";

export interface WorkersParts {
  readonly partitions: Partitions;
  /** All that a thread is made of but its numbers. */
  readonly thread: () => Omit<ThreadOptions, "id" | "slot">;
  /** Of the first thread; others follow. */
  readonly firstId: number;
  /** A thread is no longer among them. */
  readonly onRemoved: (thread: WorkerThread) => void;
}

export class Workers {
  readonly #parts: WorkersParts;
  readonly #threads = new Map<number, WorkerThread>();
  readonly #closing = new Set<Promise<unknown>>();
  readonly #slots = new Set<number>();
  #wanted: number;
  #nextId: number;
  #ended = false;
  #clean = true;

  constructor(wanted: number, parts: WorkersParts) {
    this.#wanted = wanted;
    this.#parts = parts;
    this.#nextId = parts.firstId;
  }

  /** No thread has had it, or one above it. */
  get nextId(): number {
    return this.#nextId;
  }

  get all(): readonly WorkerThread[] {
    return [...this.#threads.values()];
  }

  /** Whether one has yet to load its processor. */
  get starting(): boolean {
    return this.#live().some((each) => each.state === "starting");
  }

  /** Opens what is missing, retires what is too many. */
  setWanted(wanted: number): void {
    this.#wanted = wanted;
    this.openMissing();
    for (const thread of this.#live().slice(wanted)) thread.retiring = true;
  }

  openMissing(): void {
    if (this.#ended) return;
    for (let live = this.#live().length; live < this.#wanted; live++) {
      const id = this.#nextId++;
      const slot = this.#takeSlot();
      this.#threads.set(
        id,
        new WorkerThread({ ...this.#parts.thread(), id, slot }),
      );
    }
  }

  #takeSlot(): number {
    let slot = 0;
    while (this.#slots.has(slot)) slot++;
    this.#slots.add(slot);
    return slot;
  }

  /** Ends retiring threads that have nothing left. */
  endRetired(): void {
    for (const thread of this.all) {
      const idle = this.#parts.partitions.ownedBy(thread).length === 0;
      // One that is made to stop is watched until it has.
      const stopping = thread.state === "stopping";
      if (thread.retiring && idle && !stopping) this.remove(thread);
    }
  }

  /**
   * Forgets a thread and closes it.
   * @param fenced ends when another may have its slot
   */
  remove(thread: WorkerThread, fenced?: Promise<unknown>): void {
    this.#threads.delete(thread.id);
    this.#parts.onRemoved(thread);
    // Who asked for the fence hears of its failure.
    const free = Promise.all([this.#close(thread), fenced?.catch(() => {})]);
    const closing = free.finally(() => {
      this.#slots.delete(thread.slot);
      this.#closing.delete(closing);
    });
    this.#closing.add(closing);
  }

  /** Asks all to settle and end; opens no more. */
  async stop(deadlineMs: number): Promise<void> {
    this.#ended = true;
    await Promise.all(this.all.map((each) => each.stop(deadlineMs)));
  }

  /**
   * Fences all at once; opens no more.
   * @returns when none can be in the middle of producing any more.
   */
  async fence(): Promise<void> {
    this.#ended = true;
    await Promise.all(this.all.map((each) => each.fence()));
  }

  /**
   * Closes all; they must have ended.
   * @returns false when one of them, ever, left something that cannot be freed.
   */
  async close(patienceMs?: number): Promise<boolean> {
    this.#ended = true;
    await Promise.all(this.all.map((each) => this.#close(each, patienceMs)));
    await Promise.all([...this.#closing]);
    return this.#clean;
  }

  async #close(thread: WorkerThread, patienceMs?: number): Promise<void> {
    const clean = await thread.close(patienceMs);
    this.#clean &&= clean;
  }

  #live(): WorkerThread[] {
    return this.all.filter((each) =>
      !each.retiring && (each.state === "starting" || each.state === "running")
    );
  }
}
