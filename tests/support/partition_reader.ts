/** Reads one partition as the mirror does: assigned, and never reset. */
import { type Evidence, evidenceOf } from "../../dr/topics/mod.ts";
import {
  Consumer,
  Inbox,
  type KafkaError,
  newRing,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { copy, FAST_FETCH, library, text } from "./embedded.ts";
import { eventually } from "./wait.ts";

const RING_RECORDS = 1024;

export class PartitionReader implements AsyncDisposable {
  /** Of the records, in their order. */
  readonly values: (string | null)[] = [];
  readonly failures: KafkaError[] = [];
  readonly #tp: TopicPartition;
  readonly #consumer: Consumer;
  readonly #ring = newRing(library, RING_RECORDS);
  readonly #inbox: Inbox;
  readonly #next = new Float64Array(1);

  constructor(bootstrapServers: string, tp: TopicPartition) {
    this.#tp = tp;
    this.#consumer = new Consumer(library, {
      "bootstrap.servers": bootstrapServers,
      "group.id": "none",
      "auto.offset.reset": "error",
      // What a client does without waiting it does soon.
      "topic.metadata.refresh.interval.ms": 500,
      ...FAST_FETCH,
    });
    const queue = this.#consumer.newQueue();
    this.#consumer.forward(tp, queue);
    this.#inbox = new Inbox(library, {
      queue: this.#consumer.addressOf(queue),
      ring: this.#ring.address,
      capacity: RING_RECORDS,
    }, {
      laneOf: () => 0,
      partitions: [tp],
      next: this.#next,
      failed: (_, error) => this.failures.push(error),
    });
  }

  /** @param leaderEpoch of the record before `offset`. */
  start(offset: number, leaderEpoch: number | null = null): void {
    this.#next[0] = offset;
    this.#consumer.assign([{ ...this.#tp, offset, leaderEpoch }]);
  }

  /** Fetches nothing until `resume`. */
  pause(): void {
    this.#consumer.pause([this.#tp]);
  }

  resume(): void {
    this.#consumer.resume([this.#tp]);
  }

  /** What the first failure says of the log. */
  get evidence(): Evidence | null {
    const [failure] = this.failures;
    return failure === undefined ? null : evidenceOf(failure);
  }

  /** Takes what is there, waiting up to 10 ms for an event. */
  async step(): Promise<void> {
    await this.#consumer.poll(10);
    const batch = this.#inbox.take(RING_RECORDS / 2);
    if (batch === null) return;
    this.values.push(...copy(batch).map(({ value }) => text(value)));
    batch.free();
  }

  async until(
    condition: () => boolean | Promise<boolean>,
    what: string,
  ): Promise<void> {
    await eventually(async () => {
      await this.step();
      return await condition();
    }, { what, everyMs: 0 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#consumer[Symbol.asyncDispose]();
    this.#inbox[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
  }
}
