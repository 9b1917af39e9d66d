/** Sessions without pools: their work, and how it ends, are in a test's hands. */
import type { ClusterName, LeaseClock } from "../../dr/state/mod.ts";
import type { Assignment } from "../../src/commands/following/assignment.ts";
import type { Session } from "../../src/commands/following/session.ts";
import { Sessions } from "../../src/commands/following/sessions.ts";
import {
  type Halt,
  NO_TOTALS,
  type PoolStatus,
  type Rates,
} from "../../src/pool/mod.ts";
import { createLog, type LogLine } from "../../src/telemetry/log.ts";
import { poolStatus } from "./support_pool_status.ts";

export class FakeSession implements Session {
  readonly cluster: ClusterName;
  readonly firstWorkerId: number;
  readonly #onBegin: () => void;
  readonly opening = Promise.withResolvers<void>();
  readonly opened = this.opening.promise;
  readonly beginning = Promise.withResolvers<void>();
  readonly draining = Promise.withResolvers<boolean>();
  readonly fences = Promise.withResolvers<void>();
  readonly closing = Promise.withResolvers<boolean>();
  readonly failing = Promise.withResolvers<string>();
  readonly failed = this.failing.promise;
  assignment!: Assignment;
  hasBegun = false;
  isDraining = false;
  isHalted = false;
  /** Nothing of it can reach its cluster any more. */
  isOff = false;
  consumed = 0;
  workers = 0;

  constructor(
    cluster: ClusterName,
    firstWorkerId: number,
    onBegin: () => void,
  ) {
    this.cluster = cluster;
    this.firstWorkerId = firstWorkerId;
    this.#onBegin = onBegin;
    this.beginning.promise.catch(() => {});
  }

  begin(assignment: Assignment): Promise<void> {
    this.assignment = assignment;
    this.hasBegun = true;
    this.#onBegin();
    return this.beginning.promise;
  }

  drain(): Promise<boolean> {
    this.isDraining = true;
    return this.draining.promise;
  }

  halt(): Halt {
    this.isHalted = true;
    return { fenced: this.fences.promise, closed: this.closing.promise };
  }

  setWorkers(workers: number): void {
    this.workers = workers;
  }

  setRates(_rates: Rates): void {}

  status(): PoolStatus {
    return poolStatus({
      totals: { ...NO_TOTALS, consumed: this.consumed },
      lag: 5,
    });
  }

  get nextWorkerId(): number {
    return this.firstWorkerId + 2;
  }

  /** All that waits for it goes on. */
  async endDrain(clean = true): Promise<void> {
    this.isOff = true;
    this.draining.resolve(clean);
    await turns();
  }

  async raiseFences(): Promise<void> {
    this.isOff = true;
    this.fences.resolve();
    await turns();
  }
}

export interface FakeWorld {
  readonly sessions: Sessions;
  /** All that were opened, also those that have yet to begin. */
  readonly prepared: readonly FakeSession[];
  /** Those that were to begin, in this order. */
  readonly opened: readonly FakeSession[];
  readonly newest: () => FakeSession;
  readonly messages: () => readonly string[];
}

export function fakeSessions(
  mayPass: (error: unknown, isFirst: boolean) => boolean = () => true,
  leaseClock?: LeaseClock,
): FakeWorld {
  const prepared: FakeSession[] = [];
  const opened: FakeSession[] = [];
  const lines: LogLine[] = [];
  const sessions = new Sessions({
    open: (cluster, firstWorkerId) => {
      const session: FakeSession = new FakeSession(
        cluster,
        firstWorkerId,
        () => opened.push(session),
      );
      prepared.push(session);
      return session;
    },
    mayPass,
    drainMs: 25_000,
    log: createLog({ level: "debug", write: (line) => lines.push(line) }),
    now: () => 0,
    ...(leaseClock === undefined ? {} : { leaseClock }),
  });
  return {
    sessions,
    prepared,
    opened,
    newest: () => opened.at(-1)!,
    messages: () => lines.map(({ message }) => message),
  };
}

/** Lets everything run that waits for no timer. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
