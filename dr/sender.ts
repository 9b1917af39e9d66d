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
