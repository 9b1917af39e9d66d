/**
 * Writes records to one cluster and waits until all are acknowledged. After a
 * failure the producer is made anew: what an idempotent one had under way then
 * must not hold up what comes.
 */
import type { OutputRecord } from "../../src/kafka/mod.ts";
import { Serial } from "../../src/pool/serial.ts";
import { Sender, type SenderOptions } from "../sender.ts";

/** The properties are of the cluster to write to. */
export type RecordWriterOptions = SenderOptions;

/** What cannot be written in this time has failed, and is tried again later. */
const MESSAGE_MS = 10_000;

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
      this.#sender ??= this.#newSender();
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

  #newSender(): Sender {
    const { properties } = this.#options;
    return new Sender({
      ...this.#options,
      properties: {
        ...properties,
        "enable.idempotence": true,
        "linger.ms": 5,
        "message.timeout.ms": MESSAGE_MS,
      },
    });
  }

  async #discard(): Promise<void> {
    const sender = this.#sender;
    this.#sender = null;
    await sender?.[Symbol.asyncDispose]();
  }
}
