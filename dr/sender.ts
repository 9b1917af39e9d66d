/** A producer whose records are sent and waited for. */
import {
  type ClientEvent,
  ErrorCode,
  KafkaError,
  type Library,
  Outbox,
  type OutputRecord,
  Producer,
  type ProducerProperties,
} from "../src/kafka/mod.ts";

export interface SenderOptions {
  readonly library: Library;
  readonly properties: ProducerProperties;
  /** Errors, log lines and token refreshes of the producer, as they come. */
  readonly onEvent: (event: ClientEvent, producer: Producer) => void;
}

const WAIT_MS = 100;
/**
 * While no broker is known yet, or the coordinator ends what is open under the
 * id, librdkafka (2.15.1) asks again after half a second, and at once when it is
 * called again (`rd_kafka_txn_op_init_transactions`).
 */
const ASK_AGAIN_MS = 30;

export class Sender implements AsyncDisposable {
  readonly producer: Producer;
  readonly #outbox: Outbox;
  readonly #onEvent: SenderOptions["onEvent"];
  #failed: { readonly topic: string; readonly code: number } | null = null;
  #records: readonly OutputRecord[] = [];
  #offsets: number[] = [];

  constructor({ library, properties, onEvent }: SenderOptions) {
    this.#onEvent = onEvent;
    this.producer = new Producer(library, properties);
    this.#outbox = new Outbox(
      library,
      this.producer.port,
      (_owner, index, code, _isUnsent, offset) =>
        this.#reported(index, code, offset),
    );
  }

  /**
   * Sends in this order and waits until all are acknowledged.
   * @returns the offset of each; below 0 where it is not known.
   * @throws {KafkaError} of the first that is refused or late; the signal's
   * reason. The sender is of no use any more then.
   */
  async send(
    records: readonly OutputRecord[],
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    this.#records = records;
    this.#offsets = [];
    records.forEach((record, index) => this.#outbox.add(0, index, record));
    this.#outbox.send();
    while (this.#outbox.pendingRecords > 0) {
      await this.#serve();
      signal.throwIfAborted();
    }
    if (this.#failed === null) return this.#offsets;
    const { code, topic } = this.#failed;
    const name = Object.entries(ErrorCode)
      .find(([, known]) => known === code)?.[0] ?? `error ${code}`;
    throw new KafkaError(`write to "${topic}": ${name}`, {
      code,
      codeName: name,
    });
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
      if (!isOver) this.#outbox.wake();
      isOver = true;
    };
    call.then(end, end);
    signal.addEventListener("abort", end);
    try {
      while (!isOver && !signal.aborted) await this.#serve();
    } finally {
      isOver = true;
      signal.removeEventListener("abort", end);
    }
    signal.throwIfAborted();
    return await call;
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
      const call = this.producer.initTransactions(ASK_AGAIN_MS);
      try {
        return await this.serving(call, signal);
      } catch (error) {
        const isWorthIt = error instanceof KafkaError && error.retriable &&
          performance.now() < deadlineMs;
        if (!isWorthIt) throw error;
      }
    }
  }

  /** What was not acknowledged is given up. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#outbox[Symbol.dispose]();
    await this.producer[Symbol.asyncDispose]();
  }

  async #serve(): Promise<void> {
    for (const event of await this.#outbox.waitAndCollect(WAIT_MS)) {
      this.#onEvent(event, this.producer);
    }
  }

  #reported(index: number, code: number, offset: number): void {
    this.#offsets[index] = offset;
    if (code === 0) return;
    this.#failed ??= { topic: this.#records[index]!.topic, code };
  }
}
