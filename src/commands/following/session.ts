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

/** What `Sessions` runs; it is used once. */
export interface Session {
  /**
   * Opens clients and threads and joins the group.
   * @throws what keeps it from working; anything once it was halted.
   */
  begin(): Promise<void>;
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
  readonly assignment: Assignment;
  readonly firstWorkerId: number;
  /** Sees that the cluster is fit for the job. @throws where it is not. */
  readonly prepare: () => Promise<FitCluster>;
  readonly readDone: ReadDone;
  readonly newPool: (
    cluster: FitCluster,
    done: DoneOutputs | null,
    firstWorkerId: number,
  ) => Pool;
}

/** Nothing was promoted yet, so nothing can be there already. */
const FIRST_ERA = 0;

export class PoolSession implements Session {
  readonly #parts: PoolSessionParts;
  readonly #halted = new AbortController();
  readonly #failed = Promise.withResolvers<string>();
  #preparing: Promise<unknown> = Promise.resolve();
  #pool: Pool | null = null;

  constructor(parts: PoolSessionParts) {
    this.#parts = parts;
  }

  async begin(): Promise<void> {
    const { assignment, firstWorkerId, newPool, prepare, readDone } =
      this.#parts;
    const { signal } = this.#halted;
    const preparing = Promise.all([
      prepare(),
      assignment.era === FIRST_ERA ? null : readDone(assignment, signal),
    ]);
    this.#preparing = preparing;
    const [cluster, done] = await unlessAborted(preparing, signal);
    // Nothing comes between this and the pool, which can be halted.
    signal.throwIfAborted();
    const pool = newPool(cluster, done, firstWorkerId);
    this.#pool = pool;
    pool.failed.then(this.#failed.resolve);
    await pool.start();
  }

  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  drain(deadlineMs: number): Promise<boolean> {
    return this.#pool?.drain(deadlineMs) ?? this.halt().closed;
  }

  halt(): Halt {
    this.#halted.abort(new Error("the session was halted"));
    return this.#pool?.halt() ?? {
      fenced: Promise.resolve(),
      // What prepares has a client of its own, which is closed by then.
      closed: this.#preparing.then(() => true, () => true),
    };
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
}
