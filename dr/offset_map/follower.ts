/**
 * Follows the logs of a mirror's lanes into an offset map, read_committed and
 * without a group:
 *
 *     lane 0: [deltas ... deleted] [snapshot] [delta] [delta] | open transaction
 *                                  ^ low                      ^ last stable offset
 *
 * `load` waits until the map has what stood below each last stable offset;
 * reading goes on by itself until disposal.
 */
import {
  type Batch,
  Consumer,
  type ConsumerProperties,
  type Inbox,
  isClientRefused,
  type Library,
  openInbox,
  type QueueHandle,
  type Watermarks,
} from "../../src/kafka/mod.ts";
import { askRepeatedly } from "../cut/requests.ts";
import { decodeLaneRecord, type LaneRecord } from "./lane_record.ts";
import { LaneRoute } from "./lane_route.ts";
import { OffsetMap } from "./offset_map.ts";
import { unlessAborted } from "../waits.ts";

/** The logs cannot be followed any more; `cause` says why, where it is known. */
export class FollowError extends Error {
  override readonly name = "FollowError";
}

export interface FollowerOptions {
  readonly library: Library;
  /** Of the target cluster. */
  readonly properties: ConsumerProperties;
  /** One partition a lane. */
  readonly topic: string;
  /** Default: all that the topic has now. */
  readonly lanes?: readonly number[] | undefined;
  readonly signal: AbortSignal;
}

/** Never joined. */
const UNUSED_GROUP = "switchyard-lanes";
const BATCH_RECORDS = 1000;
const WAIT_MS = 100;
const REQUEST_MS = 5_000;

export class LaneFollower implements AsyncDisposable {
  /** What was read by now. */
  readonly map = new OffsetMap();
  readonly #topic: string;
  readonly #lanes: readonly number[];
  readonly #consumer: Consumer;
  readonly #queue: QueueHandle;
  readonly #inbox: Inbox;
  readonly #route: LaneRoute;
  readonly #owned: AsyncDisposableStack;
  /** Settles with each round of reading. */
  #round = Promise.withResolvers<void>();
  #reading: Promise<void> | undefined;
  #failure: unknown = null;
  #era = 0;
  #closing: Promise<void> | undefined;

  private constructor(
    options: FollowerOptions,
    consumer: Consumer,
    route: LaneRoute,
    owned: AsyncDisposableStack,
  ) {
    this.#topic = options.topic;
    this.#lanes = route.lanes;
    this.#consumer = consumer;
    this.#route = route;
    const { inbox, queue } = openInbox(consumer, BATCH_RECORDS, route, owned);
    this.#inbox = inbox;
    this.#queue = queue;
    this.#owned = owned;
  }

  /**
   * Begins to read.
   * @throws {FollowError} where there is no such topic or lane.
   * @throws {KafkaError} where the cluster refuses to answer.
   * @throws the signal's reason; unless it aborts, a cluster that does not answer
   * is waited for.
   */
  static async open(options: FollowerOptions): Promise<LaneFollower> {
    const { library, properties, topic, signal } = options;
    await using stack = new AsyncDisposableStack();
    const consumer = stack.use(
      new Consumer(library, {
        "group.id": UNUSED_GROUP,
        ...properties,
        "enable.partition.eof": true,
        // What was deleted meanwhile must be noticed.
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
      }),
    );
    const counts = await askRepeatedly(
      () => consumer.partitionCounts(REQUEST_MS),
      Infinity,
      signal,
    );
    const count = counts.get(topic);
    if (count === undefined) throw new FollowError(`no topic "${topic}"`);
    const lanes = options.lanes ?? Array.from({ length: count }, (_, at) => at);
    const missing = lanes.find((lane) => !(lane >= 0 && lane < count));
    if (missing !== undefined) {
      throw new FollowError(`${topic} has ${count} lanes, and no ${missing}`);
    }
    const route = new LaneRoute(topic, lanes);
    const follower = new LaneFollower(options, consumer, route, stack.move());
    try {
      await follower.#begin(signal);
    } catch (error) {
      await follower[Symbol.asyncDispose]();
      throw error;
    }
    return follower;
  }

  /** The highest that was read by now: empty records end an era, too. */
  get era(): number {
    return this.#era;
  }

  /**
   * Waits until everything that was committed when it was called is in the map.
   * Each call counts for itself.
   * @throws {FollowError} where the logs cannot be followed.
   * @throws {LaneLogError} where one of them has lost its beginning.
   * @throws the signal's reason.
   */
  async load(signal: AbortSignal): Promise<void> {
    const marks = await this.#watermarks(signal);
    const isLoaded = () =>
      this.#lanes.every((lane, at) =>
        this.#route.hasAll(lane, marks[at]!.high)
      );
    while (!isLoaded()) {
      await unlessAborted(this.#round.promise, signal);
      this.#check();
    }
  }

  /**
   * Waits while the map is kept up to date, until the signal aborts, or `isOver`
   * says so after something was read.
   * @throws {FollowError} where the logs cannot be followed any more.
   */
  async follow(
    signal: AbortSignal,
    isOver: () => boolean = () => false,
  ): Promise<void> {
    while (!signal.aborted) {
      this.#check();
      if (isOver()) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      const end = () => resolve();
      signal.addEventListener("abort", end, { once: true });
      await Promise.race([this.#round.promise, promise]);
      signal.removeEventListener("abort", end);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #close(): Promise<void> {
    this.#failure ??= new TypeError("this follower has been closed");
    this.#inbox.wake();
    await this.#reading;
    await this.#owned.disposeAsync();
  }

  async #begin(signal: AbortSignal): Promise<void> {
    const marks = await this.#watermarks(signal);
    for (const [at, lane] of this.#lanes.entries()) {
      this.#route.begin(lane, marks[at]!.low > 0);
      this.#consumer.forward(this.#tp(lane), this.#queue);
    }
    this.#consumer.assign(this.#lanes.map((lane) => this.#earliest(lane)));
    this.#reading = this.#read();
  }

  /** The high watermark is the last stable offset: only that can be read. */
  #watermarks(signal: AbortSignal): Promise<Watermarks[]> {
    const ask = () => {
      this.#check();
      return Promise.all(
        this.#lanes.map((lane) =>
          this.#consumer.watermarks(this.#topic, lane, REQUEST_MS)
        ),
      );
    };
    return askRepeatedly(ask, Infinity, signal);
  }

  /** Ends with `#failure` set. */
  async #read(): Promise<void> {
    while (this.#failure === null) {
      try {
        const batch = await this.#inbox.wait(BATCH_RECORDS, WAIT_MS);
        try {
          for (let at = 0; at < (batch?.count ?? 0); at++) {
            this.#apply(batch!, at);
          }
        } finally {
          batch?.free();
        }
        this.#route.settle();
        for (const lane of this.#route.takeCut()) this.#beginAnew(lane);
        await this.#serve();
      } catch (error) {
        this.#failure ??= error;
      }
      const round = this.#round;
      this.#round = Promise.withResolvers();
      round.resolve();
    }
  }

  #apply(batch: Batch, index: number): void {
    const { partition: lane } = batch.tp(index);
    const value = batch.value(index);
    try {
      if (value === null) throw new TypeError("it has no value");
      const record: LaneRecord = decodeLaneRecord(value);
      this.#route.expect(lane, record);
      this.map.apply(lane, record);
      this.#era = Math.max(this.#era, record.era);
    } catch (error) {
      throw new FollowError(
        `${this.#topic} [${lane}] at offset ${batch.offset(index)}: ` +
          (error as Error).message,
        { cause: error },
      );
    }
  }

  /** The lane's owner wrote a snapshot and deleted what is read here. */
  #beginAnew(lane: number): void {
    this.#consumer.unassign([this.#tp(lane)]);
    // librdkafka's main thread forgets the forwarding when it stops to fetch, a
    // little later; what it is asked for next it answers after that.
    void this.#consumer.memberId;
    this.#route.begin(lane, true);
    this.#consumer.forward(this.#tp(lane), this.#queue);
    this.#consumer.assign([this.#earliest(lane)]);
  }

  async #serve(): Promise<void> {
    const { failure } = this.#route;
    if (failure !== null) {
      throw new FollowError(failure.message, { cause: failure });
    }
    for (;;) {
      const event = await this.#consumer.poll(0);
      if (event === null) return;
      if (event.kind !== "error") continue;
      const { error } = event;
      if (error.fatal || isClientRefused(error.code)) {
        throw new FollowError(error.message, { cause: error });
      }
    }
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #tp(lane: number) {
    return { topic: this.#topic, partition: lane };
  }

  #earliest(lane: number) {
    return { ...this.#tp(lane), offset: "earliest" as const };
  }
}
