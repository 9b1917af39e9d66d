/** One stretch of a pool's work, on one cluster and in one era. */
import { unlessAborted } from "../../../dr/waits.ts";
import type {
  DoneOutputs,
  Halt,
  Pool,
  PoolStatus,
  Rates,
} from "../../pool/mod.ts";
import type { FitCluster } from "../fit_cluster.ts";
import type { Assignment } from "./assignment.ts";

/**
 * What `Sessions` runs; it is used once. It opens clients and threads by itself:
 * until it begins they read nothing, write nothing and belong to no group.
 */
export interface Session {
  /**
   * Joins the group, when all is open.
   * @throws what keeps it from working; anything once it was halted.
   */
  begin(assignment: Assignment): Promise<void>;
  /** Rejects with what keeps it from working, also before it begins. */
  readonly opened: Promise<void>;
  /** Resolves with the reason when it cannot go on. */
  readonly failed: Promise<string>;
  /** In order; it may take long where the cluster is dead. See `Pool.drain`. */
  drain(deadlineMs: number): Promise<boolean>;
  /** At once, whatever it is doing. See `Pool.halt`. */
  halt(): Halt;
  setWorkers(workers: number): void;
  setRates(rates: Rates): void;
  /** Null: there is no pool yet. */
  status(): PoolStatus | null;
  /** No thread of it has had this number, or one above it. */
  readonly nextWorkerId: number;
}

/**
 * Outputs that are on the cluster already, found when it was promoted; null:
 * there are none. It is read before an era's first record.
 * @throws where that cannot be known yet, or the signal aborts.
 */
export type ReadDone = (
  assignment: Assignment,
  signal: AbortSignal,
) => Promise<DoneOutputs | null>;

export interface PoolSessionParts {
  readonly firstWorkerId: number;
  /** Sees that the cluster is fit for the job. @throws where it is not. */
  readonly prepare: () => Promise<FitCluster>;
  readonly readDone: ReadDone;
  /** See `Sessions.mayWork`. */
  readonly mayWork: (assignment: Assignment) => boolean;
  readonly newPool: (
    cluster: FitCluster,
    done: Promise<DoneOutputs | null>,
    firstWorkerId: number,
    mayCommit: () => boolean,
  ) => Pool;
}

export class PoolSession implements Session {
  readonly opened: Promise<void>;
  readonly #parts: PoolSessionParts;
  readonly #halted = new AbortController();
  readonly #failed = Promise.withResolvers<string>();
  readonly #done = Promise.withResolvers<DoneOutputs | null>();
  #preparing: Promise<unknown> = Promise.resolve();
  #reading: Promise<DoneOutputs | null> = Promise.resolve(null);
  #assignment: Assignment | null = null;
  #pool: Pool | null = null;

  constructor(parts: PoolSessionParts) {
    this.#parts = parts;
    this.opened = this.#open();
    this.opened.catch(() => {}); // perhaps it never begins
  }

  async begin(assignment: Assignment): Promise<void> {
    const { signal } = this.#halted;
    this.#assignment = assignment;
    this.#reading = this.#parts.readDone(assignment, signal);
    const told = this.#reading.then(this.#done.resolve);
    await unlessAborted(Promise.all([told, this.opened]), signal);
  }

  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  drain(deadlineMs: number): Promise<boolean> {
    return this.#pool?.drain(deadlineMs) ?? this.halt().closed;
  }

  halt(): Halt {
    this.#halted.abort(new Error("the session was halted"));
    const { closed, fenced } = this.#pool?.halt() ?? {
      fenced: Promise.resolve(),
      closed: this.#preparing.then(() => true, () => true),
    };
    // What prepares and reads has clients of its own, which are closed by then.
    const read = this.#reading.catch(() => null);
    return { fenced, closed: read.then(() => closed) };
  }

  setWorkers(workers: number): void {
    this.#pool?.setWorkers(workers);
  }

  setRates(rates: Rates): void {
    this.#pool?.setRates(rates);
  }

  status(): PoolStatus | null {
    return this.#pool?.status() ?? null;
  }

  get nextWorkerId(): number {
    return this.#pool?.nextWorkerId ?? this.#parts.firstWorkerId;
  }

  async #open(): Promise<void> {
    const { firstWorkerId, mayWork, newPool, prepare } = this.#parts;
    const { signal } = this.#halted;
    const preparing = prepare();
    this.#preparing = preparing;
    const cluster = await unlessAborted(preparing, signal);
    // Nothing comes between this and the pool, which can be halted.
    signal.throwIfAborted();
    const mayCommit = () =>
      this.#assignment !== null && mayWork(this.#assignment);
    const pool = newPool(
      cluster,
      this.#done.promise,
      firstWorkerId,
      mayCommit,
    );
    this.#pool = pool;
    pool.failed.then(this.#failed.resolve);
    await pool.start();
  }
}
