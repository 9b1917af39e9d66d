/** A producer with its outbox: both begin and end together. */
import {
  type ClientEvent,
  ErrorCode,
  KafkaError,
  type Library,
  type OnReport,
  Outbox,
  Producer,
  type ProducerProperties,
} from "../src/kafka/mod.ts";

export interface OutgoingOptions {
  readonly library: Library;
  readonly properties: ProducerProperties;
  /** Errors, log lines and token refreshes of the producer, as they come. */
  readonly onEvent: (event: ClientEvent, producer: Producer) => void;
}

/** For whoever bounds what is under way by itself: else records are refused. */
export const NO_QUEUE_BOUND = {
  "queue.buffering.max.messages": 0,
  "queue.buffering.max.kbytes": 2_097_151,
} as const satisfies ProducerProperties;

export class Outgoing implements AsyncDisposable {
  readonly producer: Producer;
  readonly outbox: Outbox;
  readonly #onEvent: OutgoingOptions["onEvent"];

  constructor(
    { library, properties, onEvent }: OutgoingOptions,
    onReport: OnReport,
  ) {
    this.#onEvent = onEvent;
    this.producer = new Producer(library, properties);
    this.outbox = new Outbox(library, this.producer.port, onReport);
  }

  /** Passes on reports and events, waiting up to `timeoutMs` for the first. */
  async serve(timeoutMs: number): Promise<void> {
    this.#tell(await this.outbox.waitAndCollect(timeoutMs));
  }

  /** Passes on what is there, at once. */
  collect(): void {
    this.#tell(this.outbox.collect());
  }

  /** What was not acknowledged is given up. No `serve` may be waiting. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.outbox[Symbol.dispose]();
    await this.producer[Symbol.asyncDispose]();
  }

  #tell(events: readonly ClientEvent[]): void {
    for (const event of events) this.#onEvent(event, this.producer);
  }
}

/** What a record's report stands for; `code` is not 0. */
export function writeError(topic: string, code: number): KafkaError {
  const name = Object.entries(ErrorCode)
    .find(([, known]) => known === code)?.[0] ?? `error ${code}`;
  return new KafkaError(`write to "${topic}": ${name}`, {
    code,
    codeName: name,
  });
}
