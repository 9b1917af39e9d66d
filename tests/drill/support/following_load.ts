/**
 * Logins at a fixed rate by an application that follows the active cluster. What
 * an old cluster has not acknowledged is not sent again, so that each login is
 * there once at the most.
 */
import {
  type ActiveCluster,
  type ClusterName,
  FollowError,
  FollowingProducer,
} from "../../../dr/follow/mod.ts";
import { idName } from "../../chaos/generator.ts";
import { loginRecord } from "../../support/login_fixture.ts";
import { pause } from "../../support/pause.ts";

export interface FollowingLoadOptions {
  readonly active: ActiveCluster;
  readonly topic: string;
  readonly seed: number;
  readonly recordsPerSecond: number;
}

const SLICE_MS = 20;
/** Slices that are not acknowledged; beyond, it waits. */
const OPEN = 100;
/** It falls behind while there is no cluster, and catches up by this at most. */
const CATCH_UP_MS = 1_000;

export class FollowingLoad implements AsyncDisposable {
  /** Numbers of logins, by the cluster that has acknowledged them. */
  readonly acknowledged: Readonly<Record<ClusterName, Set<number>>> = {
    primary: new Set(),
    secondary: new Set(),
  };
  /** The old cluster may have them. */
  readonly unknown = new Set<number>();
  readonly #options: FollowingLoadOptions;
  readonly #producer: FollowingProducer;
  readonly #stop = new AbortController();
  readonly #open = new Set<Promise<void>>();
  readonly #done: Promise<void>;
  #sent = 0;

  constructor(options: FollowingLoadOptions) {
    this.#options = options;
    this.#producer = new FollowingProducer(options.active, {
      onSwitch: "fail",
    });
    this.#done = this.#run();
    this.#done.catch(() => {}); // `stop` has the error
  }

  /** Sends no more, and waits until the end of everything sent is known. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#producer[Symbol.asyncDispose]();
    await Promise.allSettled([this.#done]);
  }

  async #run(): Promise<void> {
    const { recordsPerSecond } = this.#options;
    const { signal } = this.#stop;
    let dueMs = 0;
    let lastMs = performance.now();
    while (!signal.aborted) {
      const nowMs = performance.now();
      dueMs = Math.min(dueMs + nowMs - lastMs, CATCH_UP_MS);
      lastMs = nowMs;
      const count = Math.floor(dueMs * recordsPerSecond / 1_000);
      dueMs -= count * 1_000 / recordsPerSecond;
      if (count > 0) {
        const sending = this.#send(count);
        this.#open.add(sending);
        sending.then(() => this.#open.delete(sending), () => {});
      }
      if (this.#open.size >= OPEN) await Promise.race(this.#open);
      await pause(SLICE_MS, signal);
    }
    await Promise.all(this.#open);
  }

  async #send(count: number): Promise<void> {
    const { seed, topic } = this.#options;
    const first = this.#sent;
    this.#sent += count;
    const ids = Array.from({ length: count }, (_, at) => first + at);
    const logins = { seed, malformedShare: 0.01, users: 1_000 };
    const records = ids.map((id) => {
      const { key, value } = loginRecord(id, logins);
      const headers = [{ key: idName, value: String(id) }];
      return { topic, key, value, headers };
    });
    try {
      const places = await this.#producer.send(
        records,
        new AbortController().signal,
      );
      for (const [at, { cluster }] of places.entries()) {
        this.acknowledged[cluster].add(ids[at]!);
      }
    } catch (error) {
      const isLeft = error instanceof FollowError &&
        error.kind === "unacknowledged";
      if (!isLeft) throw error;
      // Some of them may have been acknowledged before.
      for (const id of ids) this.unknown.add(id);
    }
  }
}
