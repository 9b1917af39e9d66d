/**
 * Follows which cluster is in use, for all producers and consumers of an
 * application, so that all of them see the same state at the same moment.
 */
import {
  type ClientEvent,
  type Consumer,
  type Library,
  openLibrary,
  type Producer,
  verifyLayout,
} from "../../src/kafka/mod.ts";
import { within } from "../../src/pool/deadline.ts";
import { ensureNative } from "../../src/kafka/native/locate.ts";
import { DOUBT_MS } from "../state/doubt.ts";
import { type FollowEvent, followStates } from "../state/follow.ts";
import type { ClusterName, DrState } from "../state/types.ts";
import { unlessAborted } from "../waits.ts";
import {
  type Answers,
  beginningFrom,
  type Course,
  courseAfter,
  type Stay,
} from "./course.ts";
import { Endings } from "./endings.ts";
import { FollowError } from "./errors.ts";
import { askForState } from "./missing_state.ts";
import type { Clusters, FollowerEvent, OnFollowerEvent } from "./types.ts";

export interface ActiveClusterOptions extends Clusters {
  readonly onEvent?: OnFollowerEvent;
  /**
   * Milliseconds to wait for the secondary's state; then the primary's copy
   * counts, and without one the primary is in use.
   */
  readonly startMs?: number;
  /** Milliseconds to wait for the end of a client whose cluster was left. */
  readonly endMs?: number;
  /** A librdkafka; absent: the built one, which is built where it is missing. */
  readonly libraryPath?: string;
  /** Absent: opened. A process can open it once and share it. */
  readonly library?: Library;
}

/** A stay that is not over, or was not when it was given. */
export interface LiveStay extends Stay {
  /** Aborts, with a reason, when this stay is over. */
  readonly signal: AbortSignal;
}

type Parts =
  & Required<Pick<ActiveClusterOptions, "onEvent" | "startMs" | "endMs">>
  & { readonly library: Library; readonly clusters: Clusters };

const END_MS = 2_000;

export class ActiveCluster implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #closed = new AbortController();
  /** Aborts when it is known where to begin. */
  readonly #asking = new AbortController();
  readonly #following: Promise<unknown>;
  readonly #begun = Promise.withResolvers<void>();
  readonly #listeners = new Set<(stay: LiveStay | null) => void>();
  /** Clients that were left, of all producers and consumers. */
  readonly #ending = new Set<Promise<void>>();
  #answers: Answers = {};
  #newest: DrState | null = null;
  #course: Course | null = null;
  #live: { readonly stay: LiveStay; readonly over: AbortController } | null =
    null;
  #news = Promise.withResolvers<void>();

  private constructor(parts: Parts) {
    this.#parts = parts;
    const timer = setTimeout(() => this.#begin(true), parts.startMs);
    const end = () => clearTimeout(timer);
    this.#begun.promise.then(end, end);
    const asked = (["primary", "secondary"] as const).map((cluster) =>
      askForState(
        parts.library,
        this.propertiesOf(cluster).consumer,
        () => this.#answered(cluster, null),
        this.#asking.signal,
      )
    );
    const running = [this.#follow(), ...asked];
    Promise.all(running).catch((error) => {
      // Properties that are refused at the beginning. Later a bug, or a callback
      // that threw: to go on would be to miss a switch.
      this.#begun.promise.then(() => reportError(error), () => {});
      this.#begun.reject(error);
    });
    this.#following = Promise.allSettled(running);
  }

  /**
   * Begins to follow, and waits until it is known where to work: for the state of
   * the secondary, or until `startMs` have passed (default 10 s). Without a state
   * that is the primary.
   * @throws {NativeError} where there is no librdkafka; {PropertyError}; the
   * signal's reason.
   */
  static async open(
    options: ActiveClusterOptions,
    signal: AbortSignal,
  ): Promise<ActiveCluster> {
    const { primary, secondary } = options;
    const active = new ActiveCluster({
      library: options.library ?? await libraryAt(options.libraryPath, signal),
      clusters: { primary, secondary },
      onEvent: options.onEvent ?? (() => {}),
      startMs: options.startMs ?? DOUBT_MS,
      endMs: options.endMs ?? END_MS,
    });
    try {
      await unlessAborted(active.#begun.promise, signal);
      return active;
    } catch (error) {
      await active[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The highest epoch that was seen; 0: there is no state. */
  get epoch(): number {
    return this.#course?.epoch ?? 0;
  }

  /** Where to work now; null: nowhere, because a switch is under way. */
  get stay(): LiveStay | null {
    return this.#live?.stay ?? null;
  }

  /** @throws {FollowError} `closed`; the signal's reason. */
  async working(signal: AbortSignal): Promise<LiveStay> {
    for (;;) {
      this.#closed.signal.throwIfAborted();
      if (this.stay !== null) return this.stay;
      await unlessAborted(this.#news.promise, signal);
    }
  }

  /** Ends. Producers and consumers are to be disposed of before. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed.signal.aborted) {
      this.#closed.abort(new FollowError("closed", "following has ended"));
      this.#asking.abort();
      this.#begun.resolve();
      this.#leave();
      this.#tell();
    }
    // A cluster that is dead is not waited for.
    await within(this.#following, this.#parts.endMs);
  }

  /**
   * Ends when nothing goes on in the background any more, which takes as long as
   * the time-outs of clients whose cluster is dead. For use when this, and what
   * follows by it, has been disposed of.
   */
  async idle(): Promise<void> {
    await Promise.allSettled([this.#following, ...this.#ending]);
  }

  /** What is common to clients of a cluster. */
  get library(): Library {
    return this.#parts.library;
  }

  propertiesOf(cluster: ClusterName) {
    const { consumer, kafka, producer } = this.#parts.clusters[cluster];
    return {
      consumer: { ...kafka, ...consumer },
      kafka,
      producer: { ...kafka, ...producer },
    };
  }

  /**
   * Calls `listener` on each change, when the old stay's signal has aborted;
   * until it is disposed of.
   */
  onStay(listener: (stay: LiveStay | null) => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Passes on what a client of `cluster` says. */
  serve(
    cluster: ClusterName,
    event: ClientEvent,
    client: Producer | Consumer,
  ): void {
    const { onEvent } = this.#parts;
    switch (event.kind) {
      case "error":
        return onEvent({ kind: "error", cluster, error: event.error });
      case "log":
        return onEvent({ kind: "log", cluster, log: event.log });
      case "tokenRefresh":
        return refuseToken(client);
      case "assign":
      case "revoke":
      case "statistics":
      case "other":
        return;
    }
  }

  tell(event: FollowerEvent): void {
    this.#parts.onEvent(event);
  }

  newEndings(client: "producer" | "consumer"): Endings {
    const { endMs, onEvent } = this.#parts;
    return new Endings(
      endMs,
      (ending) => {
        this.#ending.add(ending);
        const forget = () => this.#ending.delete(ending);
        ending.then(forget, forget);
      },
      (cluster) => onEvent({ kind: "late", cluster, client }),
    );
  }

  async #follow(): Promise<void> {
    const { library, onEvent, startMs } = this.#parts;
    const reader = (cluster: ClusterName) => ({
      consumer: this.propertiesOf(cluster).consumer,
    });
    const clusters = {
      primary: reader("primary"),
      secondary: reader("secondary"),
    };
    const states = followStates(
      {
        library,
        clusters,
        // What is the matter with a cluster is told by the clients in use.
        onClientEvent: (event, client) => {
          if (event.kind === "tokenRefresh") refuseToken(client);
        },
      },
      {
        onEvent: (event) =>
          onEvent({
            kind: "state",
            cluster: event.cluster,
            reason: reasonOf(event),
          }),
        onRead: (cluster, newest) => this.#answered(cluster, newest),
        doubtMs: Math.min(startMs, DOUBT_MS),
      },
      this.#closed.signal,
    );
    for await (const state of states) {
      this.#newest = state;
      if (this.#course !== null) this.#go(courseAfter(this.#course, state));
    }
  }

  #answered(cluster: ClusterName, newest: DrState | null): void {
    this.#answers = { ...this.#answers, [cluster]: newest ?? "none" };
    this.#begin(false);
  }

  #begin(isLate: boolean): void {
    if (this.#course !== null || this.#closed.signal.aborted) return;
    const course = beginningFrom(this.#answers, isLate);
    if (course === null) return;
    this.#go(
      this.#newest === null ? course : courseAfter(course, this.#newest),
    );
    this.#asking.abort();
    this.#begun.resolve();
  }

  #go(course: Course): void {
    const from = this.stay;
    const isFirst = this.#course === null;
    const isSame = !isFirst && this.#course!.stay === course.stay;
    this.#course = course;
    if (isSame || this.#closed.signal.aborted) return;
    this.#leave();
    if (course.stay !== null) {
      const over = new AbortController();
      this.#live = { stay: { ...course.stay, signal: over.signal }, over };
    }
    this.#parts.onEvent({
      kind: "switch",
      from: plain(from),
      to: course.stay,
      epoch: course.epoch,
    });
    this.#tell();
  }

  #leave(): void {
    const live = this.#live;
    this.#live = null;
    live?.over.abort(
      new FollowError("stale", `the ${live.stay.cluster} was left`),
    );
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener(this.stay);
    const news = this.#news;
    this.#news = Promise.withResolvers();
    news.resolve();
  }
}

async function libraryAt(
  path: string | undefined,
  signal: AbortSignal,
): Promise<Library> {
  const native = await ensureNative({ libraryPath: path, signal });
  const library = openLibrary(native.path);
  await verifyLayout(library);
  return library;
}

const refuseToken = (client: Producer | Consumer) =>
  client.setOauthTokenFailure("use sasl.oauthbearer.method=oidc");

const reasonOf = (event: FollowEvent) =>
  event.kind === "failed"
    ? event.error.message
    : `the record at offset ${event.record.offset} is no state: ` +
      event.record.reason;

function plain(stay: LiveStay | null): Stay | null {
  if (stay === null) return null;
  const { signal: _, ...rest } = stay;
  return rest;
}
