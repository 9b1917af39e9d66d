/** Writes one record at a time and tells where it was acknowledged. */
import {
  ErrorCode,
  KafkaError,
  type Library,
  Outbox,
  Producer,
  type ProducerProperties,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { type ClientErrors, IMPATIENT } from "./served_client.ts";

const WAIT_MS = 50;

interface Report {
  readonly code: number;
  readonly offset: number;
}

export class ProbeWriter implements AsyncDisposable {
  readonly #owned = new AsyncDisposableStack();
  readonly #producer: Producer;
  readonly #outbox: Outbox;
  readonly #tp: TopicPartition;
  readonly #errors: ClientErrors;
  #report: Report | null = null;

  /** @param timeoutMs in which a record must be acknowledged by all replicas. */
  constructor(
    library: Library,
    properties: ProducerProperties,
    tp: TopicPartition,
    timeoutMs: number,
    errors: ClientErrors,
  ) {
    this.#tp = tp;
    this.#errors = errors;
    this.#producer = this.#owned.use(
      new Producer(library, {
        ...properties,
        ...IMPATIENT,
        "transactional.id": undefined,
        "enable.idempotence": false,
        "acks": -1,
        "linger.ms": 0,
        "message.timeout.ms": timeoutMs,
      }),
    );
    this.#outbox = this.#owned.use(
      new Outbox(
        library,
        this.#producer.port,
        (_owner, _index, code, _, at) => {
          this.#report = { code, offset: at };
        },
      ),
    );
  }

  /**
   * After it threw, the writer is of no use any more. Not to be called while an
   * earlier call waits.
   * @returns the record's offset.
   * @throws {KafkaError} when it is not acknowledged; the signal's reason.
   */
  async write(value: string, signal: AbortSignal): Promise<number> {
    this.#report = null;
    this.#outbox.add(0, 0, { ...this.#tp, value });
    this.#outbox.send();
    const report = await this.#reported(signal);
    if (report.code === ErrorCode.none) return report.offset;
    const codeName = Object.entries(ErrorCode)
      .find(([, code]) => code === report.code)?.[0] ?? `error ${report.code}`;
    throw new KafkaError(`write to "${this.#tp.topic}": ${codeName}`, {
      code: report.code,
      codeName,
    });
  }

  async #reported(signal: AbortSignal): Promise<Report> {
    for (;;) {
      if (this.#report !== null) return this.#report;
      signal.throwIfAborted();
      for (const event of await this.#outbox.waitAndCollect(WAIT_MS)) {
        this.#errors.note(event, this.#producer);
      }
    }
  }

  /** No `write` may be waiting. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}
