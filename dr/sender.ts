/** A producer whose records are sent and waited for. */
import {
  type GroupMembership,
  INIT_AGAIN_MS,
  isFencedProducer,
  isPurged,
  isServerFailure,
  isUnanswered,
  KafkaError,
  type OutputRecord,
  type PartitionOffset,
  type Producer,
  type ProducerProperties,
} from "../src/kafka/mod.ts";
import { Outgoing, type OutgoingOptions, writeError } from "./outgoing.ts";

export type SenderOptions = OutgoingOptions;

const WAIT_MS = 100;
/** Readers wait so long for one that was killed with a transaction open. */
const TRANSACTION_MS = 10_000;

/** Of a producer with this transactional id. */
export const transactional = (
  // Of no use beyond the transaction's own time.
  { "message.timeout.ms": _, ...properties }: ProducerProperties,
  id: string,
): ProducerProperties => ({
  ...properties,
  "transactional.id": id,
  "transaction.timeout.ms": TRANSACTION_MS,
  "linger.ms": 0,
});

/**
 * Whether another producer of the id may get through: this one was fenced by one
 * that took it back, also in the middle of that (`StateStore`), or a broker is
 * just not there.
 */
export const mayTransactAnew = (error: KafkaError): boolean =>
  error.retriable || isFencedProducer(error.code) || isPurged(error.code) ||
  isServerFailure(error) || isUnanswered(error);

export class Sender implements AsyncDisposable {
  readonly #outgoing: Outgoing;
  #failed: { readonly topic: string; readonly code: number } | null = null;
  #records: readonly OutputRecord[] = [];
  #offsets: number[] = [];
  /** The last call that was served, to its end. */
  #call: Promise<unknown> = Promise.resolve();

  constructor(options: SenderOptions) {
    this.#outgoing = new Outgoing(
      options,
      (_owner, index, code, _isUnsent, offset) =>
        this.#reported(index, code, offset),
    );
  }

  get producer(): Producer {
    return this.#outgoing.producer;
  }

  /**
   * Sends in this order and waits until all are acknowledged.
   * @returns the offset of each.
   * @throws {KafkaError} of the first that is refused or late; the signal's
   * reason. The sender is of no use any more then.
   */
  async send(
    records: readonly OutputRecord[],
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const { outbox } = this.#outgoing;
    this.#records = records;
    this.#offsets = [];
    records.forEach((record, index) => outbox.add(0, index, record));
    outbox.send();
    while (outbox.pendingRecords > 0) {
      await this.#outgoing.serve(WAIT_MS);
      signal.throwIfAborted();
    }
    if (this.#failed === null) return this.#offsets;
    throw writeError(this.#failed.topic, this.#failed.code);
  }

  /**
   * The outcome of a call of the producer, whose events are served meanwhile:
   * without a token, for example, it would wait in vain.
   * @throws the signal's reason; the call goes on then.
   */
  async serving<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
    let isOver = false;
    const end = () => {
      // Later there may be nothing left to wake.
      if (!isOver) this.#outgoing.outbox.wake();
      isOver = true;
    };
    this.#call = call.then(end, end);
    signal.addEventListener("abort", end);
    try {
      while (!isOver && !signal.aborted) await this.#outgoing.serve(WAIT_MS);
    } finally {
      isOver = true;
      signal.removeEventListener("abort", end);
    }
    signal.throwIfAborted();
    return await call;
  }

  /**
   * Makes offsets part of the transaction; see `Producer.sendOffsets`.
   * @param member taken over
   * @throws {KafkaError}; the signal's reason: the call goes on then.
   */
  async sendOffsets(
    member: GroupMembership,
    offsets: readonly PartitionOffset[],
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const sent = this.producer.sendOffsets(member, offsets, timeoutMs);
    // The call may outlive the wait for it.
    sent.catch(() => {}).then(() => member[Symbol.dispose]());
    await this.serving(sent, signal);
  }

  /**
   * Fences older producers of the transactional id.
   * @throws {KafkaError} when that is refused, or was not done in time; the
   * signal's reason.
   */
  async initTransactions(
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const call = this.producer.initTransactions(INIT_AGAIN_MS);
      try {
        return await this.serving(call, signal);
      } catch (error) {
        const isWorthIt = error instanceof KafkaError && error.retriable &&
          performance.now() < deadlineMs;
        if (!isWorthIt) throw error;
      }
    }
  }

  /**
   * Aborts the transaction, when the call before has ended: librdkafka takes one
   * at a time.
   * @throws {KafkaError}; the signal's reason.
   */
  async abortTransaction(
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    await this.serving(this.#call, signal);
    await this.serving(this.producer.abortTransaction(timeoutMs), signal);
  }

  /** What was not acknowledged is given up. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#outgoing[Symbol.asyncDispose]();
  }

  #reported(index: number, code: number, offset: number): void {
    this.#offsets[index] = offset;
    if (code === 0) return;
    this.#failed ??= { topic: this.#records[index]!.topic, code };
  }
}
