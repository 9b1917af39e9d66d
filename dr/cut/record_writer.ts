/**
 * Writes records to one cluster and waits until all are acknowledged. After a
 * failure the producer is made anew: what an idempotent one had under way then
 * must not hold up what comes.
 */
import {
  type ClientEvent,
  ErrorCode,
  KafkaError,
  type Library,
  Outbox,
  type OutputRecord,
  Producer,
  type ProducerProperties,
} from "../../src/kafka/mod.ts";
import { Serial } from "../../src/pool/serial.ts";

export interface RecordWriterOptions {
  readonly library: Library;
  /** Of the cluster to write to. */
  readonly properties: ProducerProperties;
  /** Errors, log lines and token refreshes of the producer, as they come. */
  readonly onEvent: (event: ClientEvent, producer: Producer) => void;
}

/** What cannot be written in this time has failed, and is tried again later. */
const MESSAGE_MS = 10_000;
const WAIT_MS = 100;

export class RecordWriter implements AsyncDisposable {
  readonly #options: RecordWriterOptions;
  readonly #serial = new Serial();
  #sender: Sender | null = null;

  constructor(options: RecordWriterOptions) {
    this.#options = options;
  }

  /**
   * In this order within a partition; some may be written when it throws.
   * @throws {KafkaError} when some are not acknowledged within 10 s; the
   * signal's reason.
   */
  write(records: readonly OutputRecord[], signal: AbortSignal): Promise<void> {
    return this.#serial.run(async () => {
      signal.throwIfAborted();
      if (records.length === 0) return;
      this.#sender ??= new Sender(this.#options);
      try {
        await this.#sender.send(records, signal);
      } catch (error) {
        await this.#discard();
        throw error;
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#serial.run(() => this.#discard());
  }

  async #discard(): Promise<void> {
    const sender = this.#sender;
    this.#sender = null;
    await sender?.[Symbol.asyncDispose]();
  }
}

class Sender implements AsyncDisposable {
  readonly #producer: Producer;
  readonly #outbox: Outbox;
  readonly #onEvent: RecordWriterOptions["onEvent"];
  #failed: { readonly topic: string; readonly code: number } | null = null;
  #records: readonly OutputRecord[] = [];

  constructor({ library, properties, onEvent }: RecordWriterOptions) {
    this.#onEvent = onEvent;
    this.#producer = new Producer(library, {
      ...properties,
      "enable.idempotence": true,
      "linger.ms": 5,
      "message.timeout.ms": MESSAGE_MS,
    });
    this.#outbox = new Outbox(
      library,
      this.#producer.port,
      (_owner, index, code) => this.#reported(index, code),
    );
  }

  async send(
    records: readonly OutputRecord[],
    signal: AbortSignal,
  ): Promise<void> {
    this.#records = records;
    records.forEach((record, index) => this.#outbox.add(0, index, record));
    this.#outbox.send();
    while (this.#outbox.pendingRecords > 0) {
      for (const event of await this.#outbox.waitAndCollect(WAIT_MS)) {
        this.#onEvent(event, this.#producer);
      }
      signal.throwIfAborted();
    }
    if (this.#failed === null) return;
    const { code, topic } = this.#failed;
    const name = Object.entries(ErrorCode)
      .find(([, known]) => known === code)?.[0] ?? `error ${code}`;
    throw new KafkaError(`write to "${topic}": ${name}`, {
      code,
      codeName: name,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outbox[Symbol.dispose]();
    await this.#producer[Symbol.asyncDispose]();
  }

  #reported(index: number, code: number): void {
    if (code === 0) return;
    this.#failed ??= { topic: this.#records[index]!.topic, code };
  }
}
