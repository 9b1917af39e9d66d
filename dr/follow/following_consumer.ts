/** A group consumer that moves with the active cluster. */
import { asError } from "../state/errors.ts";
import { patienceAfter } from "../waits.ts";
import type { ActiveCluster } from "./active_cluster.ts";
import { isStale } from "./errors.ts";
import { FollowedBatch } from "./followed_batch.ts";
import { type FollowingConsumerOptions, StayReaders } from "./stay_readers.ts";

/** Throwing ends `run`, and nothing is committed. */
export type BatchHandler = (batch: FollowedBatch) => void | Promise<void>;

/** For the commit of what was handled when the end was wished for. */
const LAST_COMMIT_MS = 5_000;

export class FollowingConsumer implements AsyncDisposable {
  readonly #active: ActiveCluster;
  readonly #readers: StayReaders;

  /**
   * Joins the group.
   * @throws {PropertyError} for properties that librdkafka refuses, also those of
   * the cluster that is not in use; {RangeError} for a batch of no records.
   */
  constructor(active: ActiveCluster, options: FollowingConsumerOptions) {
    this.#active = active;
    this.#readers = new StayReaders(active, options);
  }

  /**
   * The next records, of whichever cluster is in use. Those of the batch before
   * count as handled, though they are not committed. Not to be called while an
   * earlier call waits.
   * @throws {KafkaError} where this cluster cannot be read; {FollowError}
   * `closed`; {TypeError} while an earlier call waits; the signal's reason.
   */
  async next(signal: AbortSignal): Promise<FollowedBatch> {
    const { reader, taken } = await this.#readers.take(signal);
    return new FollowedBatch(reader, taken);
  }

  /** Batch by batch, until this is disposed of. Committing is the caller's. */
  async *[Symbol.asyncIterator](): AsyncGenerator<FollowedBatch> {
    const { signal } = new AbortController();
    while (!this.#readers.isClosed) {
      let batch: FollowedBatch;
      try {
        batch = await this.next(signal);
      } catch (error) {
        if (this.#readers.isClosed) return;
        throw error;
      }
      yield batch;
    }
  }

  /**
   * Handles batch by batch and commits each, until the signal aborts or this is
   * disposed of. A batch whose cluster was left meanwhile is not committed, and
   * what its handler throws then does no harm.
   * @throws what the handler throws; {KafkaError}.
   */
  async run(handle: BatchHandler, signal: AbortSignal): Promise<void> {
    using patience = patienceAfter(signal, LAST_COMMIT_MS);
    while (!this.#readers.isClosed && !signal.aborted) {
      try {
        await this.#runOne(handle, signal, patience.signal);
      } catch (error) {
        if (
          this.#readers.isClosed || signal.aborted && error === signal.reason
        ) {
          return;
        }
        throw error;
      }
    }
  }

  /**
   * Leaves the group. Waits for a cluster that is dead no longer than `endMs`.
   * Nothing is committed by this.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#readers[Symbol.asyncDispose]();
  }

  async #runOne(
    handle: BatchHandler,
    signal: AbortSignal,
    committing: AbortSignal,
  ): Promise<void> {
    const batch = await this.next(signal);
    try {
      await handle(batch);
    } catch (error) {
      if (!batch.signal.aborted) throw error;
    }
    try {
      await batch.commit(committing);
    } catch (error) {
      if (!isStale(error)) throw error;
      this.#active.tell({
        kind: "refused",
        cluster: batch.cluster,
        reason: asError(error).message,
      });
    }
  }
}
