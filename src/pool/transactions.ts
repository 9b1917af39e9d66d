/**
 * Exactly once, the coordinator's side: commits what a worker has done in one
 * transaction with the offsets of the inputs (KIP-447).
 *
 *     worker       produces ... all outputs acknowledged ── commit{positions} ─┐
 *     coordinator  owned still? ── offsets ── owned still? ── commit ── begin <┘
 *
 * The brokers fence generations of the group, not ownership, and see this whole
 * process as one member. So nothing is committed here but under the ownerships
 * under which it was done, and only while they last. When anything goes wrong,
 * or when it is not known how a commit ended, the transaction's producer is not
 * used again: its slot is fenced, which aborts what was open, and positions are
 * read anew. A commit that is tried again could hit the next transaction
 * (KAFKA-17754).
 */
import {
  type Consumer,
  type GroupMembership,
  INIT_AGAIN_MS,
  isUnanswered,
  KafkaError,
  type Library,
  Producer,
  type ProducerProperties,
} from "../kafka/mod.ts";
import { encodeRanges } from "./offset_ranges.ts";
import type { Partition, Partitions } from "./partitions.ts";
import type { PoolSpans } from "./pool_spans.ts";
import type { Positions } from "./positions.ts";
import type { SpanContext } from "../telemetry/spans.ts";
import type { Position } from "./protocol.ts";
import { Tally } from "./tally.ts";
import type { WorkerThread } from "./thread.ts";

const COMMIT_MS = 10_000;
/** While the cluster cannot be reached, say. */
const RETRY_MS = 20;

export interface TransactionsParts {
  readonly library: Library;
  readonly consumer: Consumer;
  readonly partitions: Partitions;
  /** Those of the workers' producers, but for the transactional id. */
  readonly producerProperties: ProducerProperties;
  /** Stable for this instance; the slot's number follows. */
  readonly idPrefix: string;
  /** False: nothing may be committed any more. */
  readonly mayCommit: () => boolean;
  /** Default: null, nobody takes spans. */
  readonly spans?: PoolSpans | null;
  /** Default: its own. */
  readonly tally?: Tally;
}

/** The work of a transaction does not count, because it was not ours any more. */
export class OwnershipLostError extends Error {
  override readonly name = "OwnershipLostError";
}

export class Transactions implements Positions {
  readonly #parts: TransactionsParts;
  readonly #underWay = new Map<WorkerThread, Promise<void>>();
  /** Under which the group has given us our partitions. */
  #memberId = "";
  #ended = false;
  readonly #tally: Tally;

  constructor(parts: TransactionsParts) {
    this.#parts = parts;
    this.#tally = parts.tally ?? new Tally();
  }

  /** The group gives partitions to this instance under this name. */
  joinedAs(memberId: string): "same member" | "another member" {
    const before = this.#memberId;
    this.#memberId = memberId;
    return before === "" || before === memberId
      ? "same member"
      : "another member";
  }

  /** Waits for the commits under way that may say something of `of`. */
  async commit(of: readonly Partition[] = []): Promise<void> {
    const threads = new Set(of.map((each) => each.worker));
    await Promise.allSettled(
      this.#underWay.entries()
        .filter(([thread]) => of.length === 0 || threads.has(thread))
        .map(([, commit]) => commit),
    );
  }

  end(): void {
    this.#ended = true;
  }

  /**
   * Commits the transaction of a thread, and begins its next one.
   * @throws {KafkaError | OwnershipLostError} when it cannot be known to be
   * committed: then the thread must be given up and its slot fenced.
   * @param traces of the batches in it that are sampled
   */
  async commitOf(
    thread: WorkerThread,
    positions: readonly Position[],
    traces: readonly SpanContext[] = [],
  ): Promise<void> {
    const work = () =>
      this.#tally.timed(() => this.#commitOf(thread, positions));
    const commit = this.#parts.spans?.commitOf(
      traces,
      positions.map(({ tp }) => tp),
      { "switchyard.worker": thread.id, "switchyard.transaction": true },
      work,
    ) ?? work();
    this.#underWay.set(thread, commit);
    try {
      await commit;
      this.#tally.committed++;
    } finally {
      this.#underWay.delete(thread);
    }
  }

  async #commitOf(
    { producer }: WorkerThread,
    positions: readonly Position[],
  ): Promise<void> {
    const { partitions } = this.#parts;
    const committed = positions.map(({ tp, next, beyond }) => {
      const metadata = encodeRanges(next, beyond);
      // Without it a restart would repeat what it says is done.
      if (metadata === null) throw new RangeError("completion metadata");
      return { ...tp, offset: next, metadata };
    });
    if (committed.length > 0) {
      // Before the checks: what is lost after this is fenced by the brokers.
      using member = this.#parts.consumer.membership();
      this.#mustOwn(positions);
      this.#mustBeMember(member);
      await producer.sendOffsets(member, committed, COMMIT_MS);
    }
    // Nothing was lost meanwhile: whoever got a partition would have to wait
    // for this transaction's offsets, and then start after its records.
    this.#mustOwn(positions);
    await producer.commitTransaction(COMMIT_MS);
    producer.beginTransaction();
    for (const [index, position] of positions.entries()) {
      partitions.settle(position);
      partitions.committed(position.tp, committed[index]!);
    }
  }

  #mustOwn(positions: readonly Position[]): void {
    if (this.#ended) throw new OwnershipLostError("the pool was halted");
    // A process that was frozen may come here before its timers go off.
    if (!this.#parts.mayCommit()) {
      throw new OwnershipLostError("the lease has ended");
    }
    const lost = positions.find((each) =>
      !this.#parts.partitions.isCurrent(each)
    );
    if (lost === undefined) return;
    throw new OwnershipLostError(
      `${lost.tp.topic} [${lost.tp.partition}] is not owned any more`,
    );
  }

  /** Offsets of no member at all would not be fenced by anybody. */
  #mustBeMember(member: GroupMembership): void {
    const isOurs = member.isMember && member.memberId === this.#memberId &&
      !this.#parts.consumer.assignmentLost;
    if (!isOurs) throw new OwnershipLostError("the group has dropped us");
  }

  /** What the producer of a slot needs beside the usual properties. */
  propertiesOf(slot: number): ProducerProperties {
    const { idPrefix, producerProperties } = this.#parts;
    return { ...producerProperties, "transactional.id": `${idPrefix}-${slot}` };
  }

  /**
   * Aborts what is open in a slot, and keeps whoever has it from ever
   * committing again.
   * @throws {KafkaError} when the cluster refuses it.
   */
  async fence(slot: number, signal: AbortSignal): Promise<void> {
    const { library } = this.#parts;
    while (true) {
      await using producer = new Producer(library, this.propertiesOf(slot));
      try {
        await initTransactions(producer, signal);
        this.#tally.aborted++;
        return;
      } catch (error) {
        // Only this producer is of no use any more.
        if (!isUnanswered(error)) throw error;
      }
    }
  }
}

/**
 * Takes a transactional id over, however long that takes.
 * @throws {KafkaError} when the cluster refuses it; the signal's reason.
 */
export async function initTransactions(
  producer: Producer,
  signal: AbortSignal,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await producer.initTransactions(INIT_AGAIN_MS);
    } catch (error) {
      if (!(error instanceof KafkaError) || !error.retriable) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}
