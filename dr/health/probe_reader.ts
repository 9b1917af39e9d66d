/** Follows one partition, from the first offset that is asked for. */
import {
  Consumer,
  type ConsumerProperties,
  type KafkaError,
  type Library,
  type OpenInbox,
  openInbox,
  type PartitionRouter,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { type ClientErrors, IMPATIENT, Served } from "./served_client.ts";

/** Never joined. */
const UNUSED_GROUP = "switchyard-probe";
const BATCH_RECORDS = 256;
const WAIT_MS = 50;

export class ProbeReader implements AsyncDisposable {
  readonly #owned = new AsyncDisposableStack();
  readonly #consumer: Consumer;
  readonly #fetched: OpenInbox;
  readonly #tp: TopicPartition;
  readonly #route: Route;
  #isAssigned = false;

  constructor(
    library: Library,
    properties: ConsumerProperties,
    tp: TopicPartition,
    errors: ClientErrors,
  ) {
    this.#tp = tp;
    this.#route = new Route(tp);
    this.#consumer = this.#owned.use(
      new Consumer(library, {
        ...properties,
        ...IMPATIENT,
        "group.id": UNUSED_GROUP,
        "auto.offset.reset": "error",
        "isolation.level": "read_uncommitted",
        "fetch.wait.max.ms": 500,
        "fetch.queue.backoff.ms": 5,
      }),
    );
    this.#fetched = openInbox(
      this.#consumer,
      BATCH_RECORDS,
      this.#route,
      this.#owned,
    );
    this.#owned.use(new Served(this.#consumer, errors));
  }

  /**
   * The value at an offset, which is above those asked for before; null: there
   * is none. Not to be called while an earlier call waits.
   * @throws {KafkaError} that the fetch gives; the signal's reason.
   */
  async valueAt(offset: number, signal: AbortSignal): Promise<string | null> {
    this.#begin(offset);
    for (;;) {
      signal.throwIfAborted();
      const batch = await this.#fetched.inbox.wait(BATCH_RECORDS, WAIT_MS);
      try {
        if (this.#route.failure !== null) throw this.#route.failure;
        if (batch === null || this.#route.next[0]! <= offset) continue;
        const at = batch.offsets.subarray(0, batch.count).indexOf(offset);
        return at < 0 ? null : batch.text(at);
      } finally {
        batch?.free();
      }
    }
  }

  #begin(offset: number): void {
    if (this.#isAssigned) return;
    this.#isAssigned = true;
    this.#route.next[0] = offset;
    this.#consumer.forward(this.#tp, this.#fetched.queue);
    this.#consumer.assign([{ ...this.#tp, offset }]);
  }

  /** No `valueAt` may be waiting. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#owned.disposeAsync();
  }
}

class Route implements PartitionRouter {
  readonly partitions: readonly TopicPartition[];
  readonly next = new Float64Array(1);
  failure: KafkaError | null = null;

  constructor(tp: TopicPartition) {
    this.partitions = [tp];
  }

  laneOf(): number {
    return 0;
  }

  failed(_tp: TopicPartition, error: KafkaError): void {
    if (!error.retriable) this.failure ??= error;
  }
}
