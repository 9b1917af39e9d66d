/** Reads one partition as the mirror does: assigned, and never reset. */
import { assignChecked } from "../../dr/mirror/checked_assign.ts";
import { type Evidence, evidenceOf } from "../../dr/topics/mod.ts";
import {
  Consumer,
  Inbox,
  type KafkaError,
  newRing,
  type QueueHandle,
  type TopicPartition,
} from "../../src/kafka/mod.ts";
import { copy, FAST_FETCH, library, text } from "./embedded.ts";
import { eventually } from "./wait.ts";

const RING_RECORDS = 1024;
const NEVER = new AbortController().signal;

export class PartitionReader implements AsyncDisposable {
  /** Of the records, in their order. */
  readonly values: (string | null)[] = [];
  readonly failures: KafkaError[] = [];
  readonly #tp: TopicPartition;
  readonly #consumer: Consumer;
  readonly #ring = newRing(library, RING_RECORDS);
  readonly #inbox: Inbox;
  readonly #queue: QueueHandle;
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
    this.#queue = this.#consumer.newQueue();
    this.#consumer.forward(tp, this.#queue);
    this.#inbox = new Inbox(library, {
      queue: this.#consumer.addressOf(this.#queue),
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

  /** As lanes begin, whatever the client knows of the topic already. */
  async startChecked(offset: number, leaderEpoch: number | null) {
    this.#next[0] = offset;
    const start = { ...this.#tp, offset, leaderEpoch };
    await assignChecked(this.#consumer, [start], NEVER);
  }

  /** So that it may be started anew. */
  stop(): void {
    this.#consumer.unassign([this.#tp]);
    // librdkafka forgets the forwarding a little later; it answers after that.
    void this.#consumer.memberId;
    this.#consumer.forward(this.#tp, this.#queue);
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
