/** The producer of one stay: what it does ends with the stay. */
import type {
  KafkaError,
  OnReport,
  ProducerProperties,
} from "../../src/kafka/mod.ts";
import { Outgoing } from "../outgoing.ts";
import type { ActiveCluster, LiveStay } from "./active_cluster.ts";
import type { Entry } from "./unacknowledged.ts";

export interface StayProducerParts {
  readonly active: ActiveCluster;
  readonly stay: LiveStay;
  readonly properties: ProducerProperties;
  /** Not called any more once it was stopped. */
  readonly onReport: OnReport;
  /** It is of no use any more. */
  readonly onFatal: (error: KafkaError) => void;
}

const WAIT_MS = 100;

export class StayProducer implements AsyncDisposable {
  readonly stay: LiveStay;
  readonly #outgoing: Outgoing;
  readonly #serving: Promise<void>;
  #isStopping = false;
  #isStopped = false;
  #ended: Promise<void> | null = null;

  constructor(
    { active, onFatal, onReport, properties, stay }: StayProducerParts,
  ) {
    this.stay = stay;
    this.#outgoing = new Outgoing({
      library: active.library,
      properties,
      onEvent: (event, producer) => {
        active.serve(stay.cluster, event, producer);
        if (event.kind === "error" && event.error.fatal) onFatal(event.error);
      },
    }, (...report) => {
      if (!this.#isStopped) onReport(...report);
    });
    this.#serving = this.#serve();
  }

  send(entries: Iterable<Entry>): void {
    const { outbox } = this.#outgoing;
    for (const { id, index, record } of entries) outbox.add(id, index, record);
    outbox.send();
  }

  /**
   * Takes the reports that are there; nothing that librdkafka still has is sent
   * after this, but for what is on the wire.
   */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    this.#outgoing.collect();
    this.#isStopped = true;
    this.#outgoing.producer.purge();
    this.#outgoing.outbox.wake();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    await this.#serving;
    await this.#outgoing[Symbol.asyncDispose]();
  }

  async #serve(): Promise<void> {
    while (!this.#isStopped) await this.#outgoing.serve(WAIT_MS);
  }
}
