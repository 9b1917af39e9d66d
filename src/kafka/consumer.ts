/** A member of a consumer group. Lives on the coordinator's thread. */
import type { RequestOptions } from "./admin/request.ts";
import { sendRequest } from "./admin/send_request.ts";
import { adminSymbols } from "./admin/symbols.ts";
import { TopicAdmin, type TopicSummary } from "./admin/topics.ts";
import { Client } from "./client.ts";
import { isRetriable, throwIfError, throwIfErrorObject } from "./errors.ts";
import { type ClientEvent, EventType } from "./events.ts";
import type { QueueHandle } from "./handle.ts";
import type { Library } from "./library.ts";
import { GroupMembership } from "./group_membership.ts";
import { addressOf, cString, int64In, readCString } from "./memory.ts";
import {
  type PartitionAnswer,
  type PartitionOffset,
  readPartitionList,
  type TopicPartition,
  withPartitionList,
  withPartitionListAsync,
} from "./partition_list.ts";
import type { ConsumerProperties } from "./properties.ts";

/** Asks for the offset of the first record at or after `timestampMs`. */
export interface TimestampQuery extends TopicPartition {
  readonly timestampMs: number;
}

const FETCH_DRAIN_POLL_MS = 100;

export class Consumer extends Client {
  readonly #events: QueueHandle;
  readonly #closed = new AbortController();

  /**
   * Creates a consumer; `group.id` is required. Offsets are never committed or
   * stored by librdkafka itself: the caller commits.
   */
  constructor(library: Library, properties: ConsumerProperties) {
    super(library, "consumer", {
      // With KIP-848 the brokers assign, and librdkafka refuses this property.
      ...(properties["group.protocol"] === "consumer"
        ? {}
        : { "partition.assignment.strategy": "cooperative-sticky" }),
      ...properties,
      "enable.auto.commit": false,
      "enable.auto.offset.store": false,
    }, EventType.rebalance);
    const { symbols } = library;
    symbols.rd_kafka_poll_set_consumer(this.pointer);
    // A queue of our own: closing needs one that is not the consumer's.
    this.#events = this.own(symbols.rd_kafka_queue_new(this.pointer));
    using consumerQueue = this.own(
      symbols.rd_kafka_queue_get_consumer(this.pointer),
    );
    symbols.rd_kafka_queue_forward(consumerQueue.pointer, this.#events.pointer);
  }

  override poll(timeoutMs: number): Promise<ClientEvent | null> {
    return this.pollQueue(this.#events, timeoutMs);
  }

  override wake(): void {
    this.library.symbols.rd_kafka_queue_yield(this.#events.pointer);
  }

  /** Topics by name; a name that starts with `^` is a regular expression. */
  subscribe(topics: readonly string[]): void {
    const { symbols } = this.library;
    const partitions = topics.map((topic) => ({ topic, partition: -1 }));
    const code = withPartitionList(
      symbols,
      partitions,
      (list) => symbols.rd_kafka_subscribe(this.pointer, list),
    );
    throwIfError(symbols, code, `subscribe to ${topics.join(", ")}`);
  }

  /** This member's id in the group; empty before it has joined. */
  get memberId(): string {
    const { symbols } = this.library;
    const id = symbols.rd_kafka_memberid(this.pointer);
    const text = readCString(id) ?? "";
    symbols.rd_kafka_mem_free(this.pointer, id);
    return text;
  }

  /** True while revoked partitions may already belong to another member. */
  get assignmentLost(): boolean {
    return this.library.symbols.rd_kafka_assignment_lost(this.pointer) === 1;
  }

  /** A queue that a worker thread can fetch from. */
  newQueue(): QueueHandle {
    return this.own(this.library.symbols.rd_kafka_queue_new(this.pointer));
  }

  /** The number by which another thread names `queue`. */
  addressOf(queue: QueueHandle): number {
    return addressOf(queue.pointer);
  }

  /**
   * Lets the partition's records go to `queue`. Must come before each
   * `assign`: librdkafka forgets it whenever a partition is revoked.
   */
  forward(tp: TopicPartition, queue: QueueHandle): void {
    const { symbols } = this.library;
    using partitionQueue = this.own(
      symbols.rd_kafka_queue_get_partition(
        this.pointer,
        cString(tp.topic),
        tp.partition,
      ),
    );
    symbols.rd_kafka_queue_forward(partitionQueue.pointer, queue.pointer);
  }

  /** Adds partitions; "stored" starts at the committed offset. */
  assign(partitions: readonly PartitionOffset[]): void {
    const { symbols } = this.library;
    const error = withPartitionList(
      symbols,
      partitions,
      (list) => symbols.rd_kafka_incremental_assign(this.pointer, list),
    );
    throwIfErrorObject(symbols, error, "assign");
  }

  unassign(partitions: readonly TopicPartition[]): void {
    const { symbols } = this.library;
    const error = withPartitionList(
      symbols,
      partitions,
      (list) => symbols.rd_kafka_incremental_unassign(this.pointer, list),
    );
    throwIfErrorObject(symbols, error, "unassign");
  }

  /** Stops fetching; what was fetched and not yet delivered is dropped. */
  pause(partitions: readonly TopicPartition[]): void {
    const { symbols } = this.library;
    const code = withPartitionList(
      symbols,
      partitions,
      (list) => symbols.rd_kafka_pause_partitions(this.pointer, list),
    );
    throwIfError(symbols, code, "pause");
  }

  resume(partitions: readonly TopicPartition[]): void {
    const { symbols } = this.library;
    const code = withPartitionList(
      symbols,
      partitions,
      (list) => symbols.rd_kafka_resume_partitions(this.pointer, list),
    );
    throwIfError(symbols, code, "resume");
  }

  /**
   * Moves positions. Each answer has an error of its own: `retriable` while the
   * partition is still finding its first offset.
   */
  seek(
    partitions: readonly PartitionOffset[],
    timeoutMs: number,
  ): Promise<PartitionAnswer[]> {
    const { symbols } = this.library;
    return withPartitionListAsync(symbols, partitions, async (list) => {
      const error = await this.track(
        symbols.rd_kafka_seek_partitions(this.pointer, list, timeoutMs),
      );
      throwIfErrorObject(symbols, error, "seek");
      return readPartitionList(symbols, list, "seek");
    });
  }

  /**
   * Commits and waits for the broker's answer.
   * @throws {KafkaError} when the commit as a whole failed; answers carry what
   * failed for one partition.
   */
  commit(partitions: readonly PartitionOffset[]): Promise<PartitionAnswer[]> {
    const { symbols } = this.library;
    return withPartitionListAsync(symbols, partitions, async (list) => {
      const code = await this.track(
        symbols.rd_kafka_commit(this.pointer, list, 0),
      );
      throwIfError(symbols, code, "commit");
      return readPartitionList(symbols, list, "commit");
    });
  }

  /** Committed offsets and their metadata; stable ones if `read_committed`. */
  committed(
    partitions: readonly TopicPartition[],
    timeoutMs: number,
  ): Promise<PartitionAnswer[]> {
    const { symbols } = this.library;
    return withPartitionListAsync(symbols, partitions, async (list) => {
      const code = await this.track(
        symbols.rd_kafka_committed(this.pointer, list, timeoutMs),
      );
      throwIfError(symbols, code, "committed offsets");
      return readPartitionList(symbols, list, "committed offset of");
    });
  }

  /** The offset after the last record that was delivered. */
  positions(partitions: readonly TopicPartition[]): PartitionAnswer[] {
    const { symbols } = this.library;
    return withPartitionList(symbols, partitions, (list) => {
      const code = symbols.rd_kafka_position(this.pointer, list);
      throwIfError(symbols, code, "positions");
      return readPartitionList(symbols, list, "position of");
    });
  }

  /** The high watermark that the last fetch reported; null: none yet. */
  knownHighWatermark(tp: TopicPartition): number | null {
    const { symbols } = this.library;
    const offsets = new Uint32Array(4);
    const code = symbols.rd_kafka_get_watermark_offsets(
      this.pointer,
      cString(tp.topic),
      tp.partition,
      new Uint8Array(offsets.buffer, 0, 8),
      new Uint8Array(offsets.buffer, 8, 8),
    );
    const high = int64In(offsets, 2);
    return code !== 0 || high < 0 ? null : high;
  }

  /** First offsets at or after a time; null where no such record exists. */
  offsetsForTimes(
    queries: readonly TimestampQuery[],
    timeoutMs: number,
  ): Promise<PartitionAnswer[]> {
    const { symbols } = this.library;
    const partitions = queries.map((each) => ({
      topic: each.topic,
      partition: each.partition,
      offset: each.timestampMs,
    }));
    return withPartitionListAsync(symbols, partitions, async (list) => {
      const code = await this.track(
        symbols.rd_kafka_offsets_for_times(this.pointer, list, timeoutMs),
      );
      throwIfError(symbols, code, "offsets for times");
      return readPartitionList(symbols, list, "offset for time of");
    });
  }

  /** What any broker says of topics; see `TopicAdmin.summarize`. */
  summarize(
    topics: readonly string[],
    options: RequestOptions,
  ): Promise<TopicSummary[]> {
    const core = this.library.symbols;
    const symbols = adminSymbols(this.library);
    const client = {
      core,
      symbols,
      pointer: () => this.pointer,
      newQueue: () => this.own(core.rd_kafka_queue_new(this.pointer)),
      closed: this.#closed.signal,
    };
    const admin = new TopicAdmin({
      core,
      symbols,
      request: (doing, settings, send, read) =>
        this.track(sendRequest(client, doing, settings, send, read)),
    });
    return admin.summarize(topics, options);
  }

  /** Who this consumer is in its group now, for offsets in a transaction. */
  membership(): GroupMembership {
    const { symbols } = this.library;
    return new GroupMembership(
      this.library,
      symbols.rd_kafka_consumer_group_metadata(this.pointer),
    );
  }

  /**
   * Begins to leave the group. Keep polling and answering `revoke` until
   * `closed`.
   */
  leave(): void {
    const { symbols } = this.library;
    const error = symbols.rd_kafka_consumer_close_queue(
      this.pointer,
      this.#events.pointer,
    );
    throwIfErrorObject(symbols, error, "leave the group");
    this.#leaving = true;
  }
  #leaving = false;

  get closed(): boolean {
    return this.library.symbols.rd_kafka_consumer_closed(this.pointer) === 1;
  }

  protected override async beforeClose(): Promise<void> {
    this.#closed.abort(new TypeError("this Kafka consumer has been closed"));
    // A poll that waits would take the last revocation, which nobody answers.
    await this.settle();
    if (!this.#leaving) this.leave();
    while (!this.closed) {
      const event = await this.poll(FETCH_DRAIN_POLL_MS);
      if (event?.kind === "revoke") this.unassign(event.partitions);
    }
  }
}

/** True when the same call may succeed later. */
export const mayRetry = (answer: PartitionAnswer): boolean =>
  answer.error !== null && isRetriable(answer.error.code);
