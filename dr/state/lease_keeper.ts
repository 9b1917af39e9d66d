/** Renews a pool's lease by reading the state on the secondary to its end. */
import type { Library } from "../../src/kafka/mod.ts";
import { STATE_TOPIC } from "../formats/mod.ts";
import { pause } from "../waits.ts";
import type { OnClientEvent, StateCluster } from "./cluster.ts";
import { EMPTY_LOG, hiddenIn, type StateLog, withRecord } from "./copies.ts";
import { withDeadline } from "./deadline.ts";
import { asError, StateError } from "./errors.ts";
import { type Lease, type LeaseClock, leaseFrom } from "./lease.ts";
import { keepTail, type KeptTail } from "./tail.ts";
import type { DrState } from "./types.ts";

export interface LeaseKeeperOptions {
  readonly library: Library;
  /** The secondary. */
  readonly cluster: StateCluster;
  readonly onClientEvent: OnClientEvent;
  readonly leaseMs: number;
  readonly clock: LeaseClock;
  /** The newest state, whenever it was read, before a lease that it gives. */
  readonly onState: (state: DrState) => void;
  readonly onLease: (lease: Lease) => void;
  /** An attempt that came to nothing; another follows. */
  readonly onFailure: (error: Error) => void;
}

/** In one lease, so that some may fail. */
const ATTEMPTS = 8;

export class LeaseKeeper implements AsyncDisposable {
  readonly #options: LeaseKeeperOptions;
  readonly #closed = new AbortController();
  readonly #running: Promise<unknown>;
  readonly #tail: KeptTail;
  #log: StateLog = EMPTY_LOG;

  /** Begins to read and to renew. */
  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    const { signal } = this.#closed;
    this.#tail = keepTail(
      { ...options, topic: STATE_TOPIC, signal },
      (record) => void (this.#log = withRecord(this.#log, record)),
    );
    this.#running = Promise.all([this.#tail.ended, this.#renew()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new Error("no more leases"));
    await this.#running;
  }

  async #renew(): Promise<void> {
    const { clock, leaseMs, onFailure, onLease, onState } = this.#options;
    const { signal } = this.#closed;
    for (; !signal.aborted; await pause(leaseMs / ATTEMPTS, signal)) {
      const beganMs = clock.now();
      try {
        await withDeadline(
          leaseMs / 2,
          "read the state for a lease",
          signal,
          // What is written by now; an open transaction is waited for.
          (limited) => this.#tail.reachEnd("written", limited),
        );
      } catch (error) {
        if (signal.aborted) return;
        onFailure(asError(error));
        continue;
      }
      const { newest } = this.#log;
      // What a newer version wrote may forbid it.
      const isHidden = hiddenIn(this.#log).length > 0;
      if (newest === null || isHidden) {
        const what = isHidden
          ? "the newest state cannot be read by this version"
          : "there is no state yet, which sentinels write";
        onFailure(new StateError("failed", what));
        continue;
      }
      onState(newest);
      const lease = leaseFrom(newest, beganMs, leaseMs);
      if (lease !== null) onLease(lease);
    }
  }
}
