/**
 * Runs one session after another, each on the cluster that the newest state
 * names. There is never a second one before the first one's fences are up:
 *
 *     opening ──> running ──switch under way──> leaving ──drained──┐
 *        │           │                             │               v
 *        └───────────┴──other cluster, or era──────┴──> halting ──> none ──> opening
 *                                                   fences up
 *
 * While a switch is under way the session takes nothing more and finishes what
 * it has, as long as its cluster lets it. Once the state names another cluster
 * it is fenced at once, and nobody waits for its clients: they are closed in
 * the background. A strict one has sessions only while it has a lease for them,
 * and is fenced in the same way when that ends. As soon as a switch says where
 * it leads to, the next session is opened there, so that it only has to begin.
 */
import {
  type ClusterName,
  covers,
  type DrState,
  type Lease,
  type LeaseClock,
  leftOf,
} from "../../../dr/state/mod.ts";
import {
  NO_WORK,
  type PoolPhase,
  type PoolStatus,
  type Rates,
  sumOfWork,
} from "../../pool/mod.ts";
import { within } from "../../pool/deadline.ts";
import type { Log } from "../../telemetry/log.ts";
import {
  type Assignment,
  assignmentUnder,
  destinationUnder,
  isSameWork,
} from "./assignment.ts";
import type { Session } from "./session.ts";

export interface SessionsParts {
  readonly open: (cluster: ClusterName, firstWorkerId: number) => Session;
  /**
   * Whether another attempt may succeed.
   * @param isFirst nothing has run before, so it may be a mistake of the user's
   */
  readonly mayPass: (error: unknown, isFirst: boolean) => boolean;
  /** How long a session may finish what it has. */
  readonly drainMs: number;
  readonly log: Log;
  /** It works only under leases by this clock. Default: without. */
  readonly leaseClock?: LeaseClock;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly now?: () => number;
}

interface Current {
  readonly assignment: Assignment;
  readonly session: Session;
  readonly gone: PromiseWithResolvers<void>;
  stage: "opening" | "running" | "leaving" | "halting";
}

/** A session that has yet to begin. */
interface Next {
  readonly cluster: ClusterName;
  readonly session: Session;
}

/** Between two attempts to begin. */
const RETRY_MS = 1_000;
/** At the end of the process, for clients that are still closing. */
const CLOSE_MS = 1_000;

export class Sessions {
  readonly #parts: SessionsParts;
  readonly #now: () => number;
  readonly #begun = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<string>();
  readonly #closing = new Set<Promise<boolean>>();
  #state: DrState | null = null;
  #current: Current | null = null;
  #next: Next | null = null;
  #kept = NO_WORK;
  #samples: PoolStatus["samples"] = [];
  #firstWorkerId = 0;
  #hasRun = false;
  /** Something of a session that is over can never be freed. */
  #isStained = false;
  #isOver = false;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #lease: Lease | null = null;
  #leaseEnd: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    this.#now = parts.now ?? Date.now;
    this.#begun.promise.catch(() => {}); // nobody may be waiting
  }

  /** Takes a state; one that is not newer than all before changes nothing. */
  take(state: DrState): void {
    if (this.#state !== null && state.epoch <= this.#state.epoch) return;
    this.#state = state;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#look();
  }

  /** Takes the place of the lease before, which it outlasts. */
  takeLease(lease: Lease): void {
    if (this.#isOver && this.#current === null) return;
    this.#lease = lease;
    this.#awaitLeaseEnd(lease);
    this.#look();
  }

  /** Asked right before anything is committed: timers may be late. */
  mayWork(assignment: Assignment): boolean {
    const { leaseClock } = this.#parts;
    return leaseClock === undefined ||
      covers(this.#lease, assignment, leaseClock.now());
  }

  /**
   * Resolves when the first session runs, or waits for what may pass.
   * @throws what keeps it from ever running.
   */
  get begun(): Promise<void> {
    return this.#begun.promise;
  }

  /** Resolves with the reason when no session can go on. */
  get failed(): Promise<string> {
    return this.#failed.promise;
  }

  /** The newest that was taken. */
  get state(): DrState | null {
    return this.#state;
  }

  /** The session that has not been told to end, and what it has settled. */
  get working(): {
    readonly assignment: Assignment;
    readonly consumed: number;
  } | null {
    const current = this.#current;
    if (current?.stage !== "running") return null;
    const { assignment, session } = current;
    return { assignment, consumed: session.status()?.totals.consumed ?? 0 };
  }

  setWorkers(workers: number): void {
    this.#current?.session.setWorkers(workers);
    this.#next?.session.setWorkers(workers);
  }

  setRates(rates: Rates): void {
    this.#current?.session.setRates(rates);
    this.#next?.session.setRates(rates);
  }

  /** Its totals are those of all sessions, and never go down. */
  status(): PoolStatus {
    const status = this.#current?.session.status() ?? null;
    return {
      phase: this.#phase(status),
      isAssigned: status?.isAssigned ?? false,
      ...(status?.failure === undefined ? {} : { failure: status.failure }),
      ...(this.#state === null ? {} : {
        following: {
          active: this.#state.active,
          epoch: this.#state.epoch,
          phase: this.#state.phase,
        },
      }),
      ...status === null ? this.#kept : sumOfWork(this.#kept, status),
      lag: status?.lag ?? null,
      partitions: status?.partitions ?? [],
      workers: status?.workers ?? [],
      samples: status?.samples ?? this.#samples,
    };
  }

  /**
   * Ends the session in order, within the deadline, and begins no other.
   * @returns false when the process must be ended by force.
   */
  async drain(deadlineMs: number): Promise<boolean> {
    this.#isOver = true;
    clearTimeout(this.#retry);
    const current = this.#current;
    if (current?.stage === "opening") this.#halt(current);
    else if (current?.stage === "running") this.#leave(current, deadlineMs);
    this.#forgo();
    await current?.gone.promise;
    clearTimeout(this.#leaseEnd);
    const closed = await within(Promise.all(this.#closing), CLOSE_MS);
    return closed && !this.#isStained;
  }

  #look(): void {
    this.#lookAtCurrent();
    if (this.#state !== null && !this.#isOver) this.#lookAhead(this.#state);
  }

  #lookAtCurrent(): void {
    const wanted = this.#state === null ? null : assignmentUnder(this.#state);
    const isAllowed = wanted !== null && this.mayWork(wanted);
    if (!isAllowed) this.#begun.resolve();
    const current = this.#current;
    if (current === null) {
      const isFree = !this.#isOver && this.#retry === undefined;
      if (isAllowed && isFree) this.#open(wanted);
      return;
    }
    const { assignment, stage } = current;
    if (stage === "halting") return; // another look follows
    if (!this.mayWork(assignment)) {
      this.#parts.log.warn("has no lease any more, and stops at once", {});
      this.#halt(current);
    } else if (wanted === null) {
      if (stage === "running") this.#leave(current, this.#parts.drainMs);
      else if (stage === "opening") this.#halt(current);
    } else if (!isSameWork(wanted, assignment) || this.#hasToReturn(stage)) {
      this.#halt(current);
    }
  }

  /** Looks when it is over, unless another has taken its place. */
  #awaitLeaseEnd(lease: Lease): void {
    clearTimeout(this.#leaseEnd);
    const leftMs = leftOf(lease, this.#parts.leaseClock!.now());
    if (leftMs <= 0) return this.#look();
    this.#leaseEnd = setTimeout(() => this.#awaitLeaseEnd(lease), leftMs);
  }

  /** The switch that it leaves for has come to nothing. */
  #hasToReturn(stage: Current["stage"]): boolean {
    return stage === "leaving" && !this.#isOver;
  }

  /** Nothing but time depends on what is opened beforehand. */
  #lookAhead(state: DrState): void {
    const cluster = destinationUnder(state);
    const wanted = cluster ?? assignmentUnder(state)?.cluster;
    if (this.#next?.cluster !== wanted) this.#forgo();
    if (cluster === null || this.#next !== null) return;
    const session = this.#parts.open(
      cluster,
      this.#current?.session.nextWorkerId ?? this.#firstWorkerId,
    );
    const next = { cluster, session };
    this.#next = next;
    session.opened.catch(() => {
      if (this.#next === next) this.#forgo();
    });
  }

  #forgo(): void {
    const next = this.#next;
    this.#next = null;
    if (next === null) return;
    this.#close(next.session.halt().closed, next.cluster);
    this.#countWorkers(next.session);
  }

  /** The one that was opened for this, or a new one. */
  #take(cluster: ClusterName): Session {
    const next = this.#next;
    if (next?.cluster === cluster) {
      this.#next = null;
      return next.session;
    }
    this.#forgo();
    return this.#parts.open(cluster, this.#firstWorkerId);
  }

  async #open(assignment: Assignment): Promise<void> {
    const { log, mayPass } = this.#parts;
    const session = this.#take(assignment.cluster);
    const current: Current = {
      assignment,
      session,
      gone: Promise.withResolvers(),
      stage: "opening",
    };
    this.#current = current;
    session.failed.then((reason) => {
      if (this.#current === current) this.#failed.resolve(reason);
    });
    try {
      await session.begin(assignment);
    } catch (error) {
      if (current.stage !== "opening") return; // it was halted
      const message = error instanceof Error ? error.message : String(error);
      if (mayPass(error, !this.#hasRun)) {
        log.warn(`cannot work on ${assignment.cluster} yet`, {
          error: message,
        });
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#look();
        }, RETRY_MS);
        this.#begun.resolve();
      } else {
        this.#begun.reject(error);
        this.#failed.resolve(message);
        this.#isOver = true;
      }
      this.#halt(current);
      return;
    }
    if (current.stage !== "opening") return;
    current.stage = "running";
    const { cluster, epoch } = assignment;
    if (this.#hasRun) {
      const afterMs = this.#now() - this.#state!.sinceMs;
      log.info(`switched to ${cluster} (epoch ${epoch})`, { afterMs });
    }
    this.#hasRun = true;
    this.#begun.resolve();
  }

  async #leave(current: Current, deadlineMs: number): Promise<void> {
    current.stage = "leaving";
    const { cluster } = current.assignment;
    if (!this.#isOver) this.#tell(`leaving ${cluster}`);
    const clean = await current.session.drain(deadlineMs);
    // Otherwise it was halted meanwhile.
    if (current.stage === "leaving") this.#retire(current, clean);
  }

  async #halt(current: Current): Promise<void> {
    const wasAtWork = current.stage !== "opening";
    current.stage = "halting";
    // Before anything is waited for.
    const { closed, fenced } = current.session.halt();
    if (wasAtWork) this.#tell(`fenced off from ${current.assignment.cluster}`);
    this.#close(closed, current.assignment.cluster);
    await fenced;
    this.#retire(current, true);
  }

  /** In the background. */
  #close(closed: Promise<boolean>, cluster: ClusterName): void {
    const closing = closed.catch(() => false);
    this.#closing.add(closing);
    closing.then((clean) => {
      this.#closing.delete(closing);
      if (!clean) this.#stain(cluster);
    });
  }

  #retire(current: Current, clean: boolean): void {
    const { session } = current;
    const status = session.status();
    if (status !== null) {
      this.#kept = sumOfWork(this.#kept, status);
      this.#samples = status.samples;
    }
    this.#countWorkers(session);
    this.#current = null;
    if (!clean) this.#stain(current.assignment.cluster);
    current.gone.resolve();
    this.#look();
  }

  #countWorkers({ nextWorkerId }: Session): void {
    this.#firstWorkerId = Math.max(this.#firstWorkerId, nextWorkerId);
  }

  #stain(cluster: ClusterName): void {
    this.#isStained = true;
    this.#parts.log.warn(`clients of ${cluster} could not be closed`, {});
  }

  #phase(status: PoolStatus | null): PoolPhase {
    switch (this.#current?.stage) {
      case "running":
        return status!.phase;
      case "leaving":
        return this.#isOver ? "draining" : "switching";
      case "opening":
      case "halting":
      case undefined:
        if (this.#isOver) return "stopped";
        return this.#hasRun ? "switching" : "starting";
    }
  }

  /** Because of the state that was taken last. */
  #tell(message: string): void {
    const { epoch, phase, reason } = this.#state!;
    this.#parts.log.info(message, { epoch, phase, reason });
  }
}
