/**
 * A group member on one cluster, for one stay. Rebalances are answered here; a
 * revocation waits a while for the batch that is being handled.
 */
import {
  type ClientEvent,
  Consumer,
  type ConsumerProperties,
  type Inbox,
  isClientRefused,
  openInbox,
  type PartitionAnswer,
  type PartitionOffset,
  type QueueHandle,
} from "../../src/kafka/mod.ts";
import { within } from "../../src/pool/deadline.ts";
import { retryAnswers } from "../../src/pool/retry_answers.ts";
import { asError } from "../state/errors.ts";
import { unlessAborted } from "../waits.ts";
import type { ActiveCluster, LiveStay } from "./active_cluster.ts";
import { FollowError } from "./errors.ts";
import { GroupCommits, type Taken } from "./group_commits.ts";
import { Ownerships } from "./ownerships.ts";
import { recordsOf } from "./records.ts";

export interface GroupReaderParts {
  readonly active: ActiveCluster;
  readonly stay: LiveStay;
  readonly properties: ConsumerProperties;
  readonly topics: readonly string[];
  readonly batchRecords: number;
  /** How long a revocation waits, in milliseconds. */
  readonly revokeMs: number;
}

const POLL_MS = 100;
const ASK_MS = 10_000;

export class GroupReader implements AsyncDisposable {
  readonly stay: LiveStay;
  readonly commits: GroupCommits;
  readonly #parts: GroupReaderParts;
  readonly #owned = new AsyncDisposableStack();
  readonly #ownerships = new Ownerships();
  readonly #consumer: Consumer;
  readonly #inbox: Inbox;
  readonly #queue: QueueHandle;
  readonly #serving: Promise<void>;
  readonly #stopped = new AbortController();
  #taking: Promise<unknown> = Promise.resolve();
  #inHand: { readonly taken: Taken; readonly done: () => void } | null = null;
  #handled: Promise<void> = Promise.resolve();
  #failure: Error | null = null;
  #ended: Promise<void> | null = null;

  /** Joins the group. @throws {PropertyError} */
  constructor(parts: GroupReaderParts) {
    const { active, batchRecords, properties, stay, topics } = parts;
    this.#parts = parts;
    this.stay = stay;
    this.#consumer = this.#owned.use(
      new Consumer(active.library, properties),
    );
    const { inbox, queue } = openInbox(
      this.#consumer,
      batchRecords,
      this.#ownerships,
      this.#owned,
    );
    this.#inbox = inbox;
    this.#queue = queue;
    this.commits = new GroupCommits({
      consumer: this.#consumer,
      stopped: this.#stopped.signal,
      failure: () => this.#failure,
      onCommitted: (taken) => this.letGo(taken),
    });
    this.#consumer.subscribe(topics);
    this.#serving = this.#serve();
  }

  /**
   * The next records; null: this reader was stopped. The ones before count as
   * handled. Not to be called while an earlier call waits.
   * @throws {KafkaError} where reading cannot go on; the signal's reason.
   */
  async take(signal: AbortSignal): Promise<Taken | null> {
    this.#inHand?.done();
    const taking = this.#take(signal);
    this.#taking = taking.catch(() => {}); // its caller has the error
    return await taking;
  }

  /** Nobody handles these records any more, whatever has become of them. */
  letGo(taken: Taken): void {
    if (this.#inHand?.taken === taken) this.#inHand.done();
  }

  /**
   * What was not committed of these records, and is still this member's, is read
   * again: from where the group stands, or from the first of them where it stands
   * nowhere yet. Not to be called while `take` waits.
   * @throws {KafkaError} where the cluster does not say it; the signal's reason.
   */
  async rewind({ firsts }: Taken, signal: AbortSignal): Promise<void> {
    const owned = () =>
      [...firsts.keys()].filter((each) => this.#ownerships.isOpen(each));
    const asked = owned();
    if (asked.length === 0) return;
    const tps = asked.map(({ tp }) => tp);
    const answers = await unlessAborted(
      retryAnswers(() => this.#consumer.committed(tps, ASK_MS), signal),
      signal,
    );
    const left = owned();
    if (left.length === 0) return;
    for (const { tp } of left) this.#ownerships.end(tp);
    this.#consumer.unassign(left.map(({ tp }) => tp));
    this.#assign(left.map((each) => {
      const { offset } = answers[asked.indexOf(each)]!;
      return { ...each.tp, offset: offset ?? firsts.get(each)! };
    }));
  }

  /** At once: nothing is taken or committed any more. */
  stop(): void {
    if (this.#stopped.signal.aborted) return;
    const { cluster } = this.stay;
    this.#stopped.abort(
      new FollowError("stale", `not committed, for the ${cluster} was left`),
    );
    this.#inHand?.done();
    this.#ownerships.endAll();
    this.#inbox.wake();
    this.#consumer.wake();
  }

  /** Leaves the group, which waits for the cluster. */
  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    await Promise.all([this.#serving, this.#taking]);
    await this.#owned.disposeAsync();
  }

  async #take(signal: AbortSignal): Promise<Taken | null> {
    const { batchRecords } = this.#parts;
    const wake = () => this.#inbox.wake();
    signal.addEventListener("abort", wake);
    try {
      while (!this.#stopped.signal.aborted) {
        const failure = this.#failure ?? this.#ownerships.failure;
        if (failure !== null) throw failure;
        signal.throwIfAborted();
        const batch = await this.#inbox.wait(batchRecords, POLL_MS);
        if (batch === null) continue;
        try {
          if (batch.count === 0 || this.#stopped.signal.aborted) continue;
          return this.#hand(recordsOf(batch, this.#ownerships));
        } finally {
          batch.free();
        }
      }
      return null;
    } finally {
      signal.removeEventListener("abort", wake);
    }
  }

  #hand(taken: Taken): Taken {
    const handled = Promise.withResolvers<void>();
    this.#handled = handled.promise;
    const done = () => {
      this.#inHand = null;
      handled.resolve();
    };
    this.#inHand = { taken, done };
    return taken;
  }

  async #serve(): Promise<void> {
    try {
      while (!this.#stopped.signal.aborted) {
        const event = await this.#consumer.poll(POLL_MS);
        if (event !== null) await this.#handle(event);
      }
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  async #handle(event: ClientEvent): Promise<void> {
    const { active } = this.#parts;
    active.serve(this.stay.cluster, event, this.#consumer);
    switch (event.kind) {
      case "assign":
        return this.#assign(
          event.partitions.map(({ partition, topic }) => ({
            topic,
            partition,
            offset: "stored",
          })),
        );
      case "revoke":
        return await this.#revoked(event.partitions);
      case "error":
        if (event.error.fatal || isClientRefused(event.error.code)) {
          this.#fail(event.error);
        }
        return;
      case "log":
      case "tokenRefresh":
      case "statistics":
      case "other":
        return;
    }
  }

  #assign(partitions: readonly PartitionOffset[]): void {
    // Asked of the main thread, which undoes the forwarding of what is unassigned.
    this.commits.joinedAs(this.#consumer.memberId);
    for (const tp of partitions) {
      this.#consumer.forward(tp, this.#queue);
      this.#ownerships.begin(tp);
    }
    this.#inbox.assignmentChanged();
    this.#consumer.assign(partitions);
  }

  async #revoked(partitions: readonly PartitionAnswer[]): Promise<void> {
    const closing = partitions.map((tp) => this.#ownerships.close(tp));
    const isInHand = closing.some((each) =>
      each !== null && this.#inHand?.taken.positions.has(each)
    );
    // Whoever gets them next begins at what is committed by then.
    if (isInHand && !this.#consumer.assignmentLost) {
      await within(this.#handled, this.#parts.revokeMs);
    }
    for (const tp of partitions) this.#ownerships.end(tp);
    this.#consumer.unassign(partitions);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#inbox.wake();
  }
}
