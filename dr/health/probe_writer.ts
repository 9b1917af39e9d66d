/** Writes one record at a time and tells where it was acknowledged. */
import type {
  Library,
  ProducerProperties,
  TopicPartition,
} from "../../src/kafka/mod.ts";
import { Sender } from "../sender.ts";
import { type ClientErrors, IMPATIENT } from "./served_client.ts";

export class ProbeWriter implements AsyncDisposable {
  readonly #sender: Sender;
  readonly #tp: TopicPartition;

  /** @param timeoutMs in which a record must be acknowledged by all replicas. */
  constructor(
    library: Library,
    properties: ProducerProperties,
    tp: TopicPartition,
    timeoutMs: number,
    errors: ClientErrors,
  ) {
    this.#tp = tp;
    this.#sender = new Sender({
      library,
      properties: {
        ...properties,
        ...IMPATIENT,
        "transactional.id": undefined,
        "enable.idempotence": false,
        "acks": -1,
        "linger.ms": 0,
        "message.timeout.ms": timeoutMs,
      },
      onEvent: (event, producer) => errors.note(event, producer),
    });
  }

  /**
   * After it threw, the writer is of no use any more. Not to be called while an
   * earlier call waits.
   * @returns the record's offset.
   * @throws {KafkaError} when it is not acknowledged; the signal's reason.
   */
  async write(value: string, signal: AbortSignal): Promise<number> {
    const [offset] = await this.#sender.send([{ ...this.#tp, value }], signal);
    return offset!;
  }

  /** No `write` may be waiting. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#sender[Symbol.asyncDispose]();
  }
}
