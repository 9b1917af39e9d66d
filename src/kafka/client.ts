/**
 * What consumers and producers share: one `rd_kafka_t`, its event queue, and an
 * ordered end: stop polling, wait for calls in flight, free queues, close.
 */
import type { ClusterDescription } from "./admin/cluster.ts";
import {
  ErrorCode,
  errorFromCode,
  KafkaError,
  throwIfError,
} from "./errors.ts";
import { type ClientEvent, EventType, readEvent } from "./events.ts";
import { Handle, type QueueHandle } from "./handle.ts";
import type { Library } from "./library.ts";
import {
  type Address,
  addressIn,
  addressOf,
  cString,
  cStringArray,
  int64In,
  NativeBlock,
  pointerAt,
  readCString,
} from "./memory.ts";
import {
  type ClusterMetadata,
  readBrokers,
  readMetadata,
  readPartitionCounts,
} from "./metadata.ts";
import {
  bufferText,
  newConfiguration,
  type Properties,
  PropertyError,
} from "./properties.ts";

export type ClientType = "producer" | "consumer";

/** Low and high watermark of a partition, as offsets. */
export interface Watermarks {
  readonly low: number;
  readonly high: number;
}

/** A token for SASL/OAUTHBEARER. */
export interface OauthToken {
  readonly value: string;
  /** When it expires, in ms since the epoch. */
  readonly expiresAtMs: number;
  readonly principal: string;
  readonly extensions?: Readonly<Record<string, string>>;
}

const ERROR_BYTES = 512;
/** librdkafka answers in time itself; this only guards against its silence. */
const LATE_MS = 5000;
const TYPE = { producer: 0, consumer: 1 } as const;

export class Client implements AsyncDisposable {
  readonly library: Library;
  readonly #client: Handle<"client">;
  readonly #queues = new Set<QueueHandle>();
  readonly #inFlight = new Set<Promise<unknown>>();
  protected readonly events: QueueHandle;
  #closing: Promise<void> | undefined;
  /** Resolves when a native call has not returned in time, and may never. */
  readonly #stuck = Promise.withResolvers<"stuck">();

  /**
   * Creates the client; it connects in the background.
   * @throws {PropertyError} for a property that librdkafka refuses.
   */
  protected constructor(
    library: Library,
    type: ClientType,
    properties: Properties,
    eventTypes: number,
  ) {
    this.library = library;
    const { symbols } = library;
    const configuration = newConfiguration(library, {
      ...properties,
      "log.queue": true,
    });
    symbols.rd_kafka_conf_set_events(
      configuration,
      eventTypes | EventType.error | EventType.log | EventType.statistics |
        EventType.tokenRefresh,
    );
    const error = new Uint8Array(ERROR_BYTES);
    const pointer = symbols.rd_kafka_new(
      TYPE[type],
      configuration,
      error,
      BigInt(ERROR_BYTES),
    );
    if (pointer === null) {
      symbols.rd_kafka_conf_destroy(configuration);
      throw new PropertyError(
        `cannot create a Kafka ${type}: ${bufferText(error)}`,
      );
    }
    // Destroyed in `close`, after everything that uses it.
    this.#client = new Handle<"client">(`Kafka ${type}`, pointer, () => {});
    this.events = this.own(symbols.rd_kafka_queue_get_main(pointer));
    symbols.rd_kafka_set_log_queue(pointer, this.events.pointer);
  }

  get disposed(): boolean {
    return this.#client.disposed;
  }

  protected get pointer(): Deno.PointerObject {
    return this.#client.pointer;
  }

  /** The client's name, `<client.id>#<type>-<number>`. */
  get name(): string {
    return readCString(this.library.symbols.rd_kafka_name(this.pointer)) ?? "";
  }

  protected own(pointer: Deno.PointerValue): QueueHandle {
    const queue = new Handle<"queue">("queue", pointer, (each) => {
      this.#queues.delete(queue);
      this.library.symbols.rd_kafka_queue_destroy(each);
    });
    this.#queues.add(queue);
    return queue;
  }

  /** Keeps the client open until `call`, which uses it natively, has ended. */
  protected track<T>(call: Promise<T>): Promise<T> {
    this.#inFlight.add(call);
    const done = () => this.#inFlight.delete(call);
    call.then(done, done);
    return call;
  }

  /**
   * A call with a time-out of its own, which librdkafka may fail to keep: a
   * request to a coordinator that leaves the cluster meanwhile was seen to wait
   * for ever (2.15.1). The client is then of no use any more, and is left open
   * when it is disposed of, because closing would wait for the call.
   * @throws {KafkaError} some seconds after the time-out.
   */
  protected async bounded<T>(
    call: Promise<T>,
    timeoutMs: number,
    doing: string,
  ): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      this.#stuck.resolve("stuck");
      late.reject(
        new KafkaError(`${doing}: librdkafka does not answer`, {
          code: ErrorCode.timedOut,
          codeName: "_TIMED_OUT",
          retriable: false,
        }),
      );
    }, timeoutMs + LATE_MS);
    call.catch(() => {}); // it may still fail when nobody listens any more
    try {
      return await Promise.race([call, late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** The next event, or null after `timeoutMs` without one. */
  poll(timeoutMs: number): Promise<ClientEvent | null> {
    return this.pollQueue(this.events, timeoutMs);
  }

  protected async pollQueue(
    queue: QueueHandle,
    timeoutMs: number,
  ): Promise<ClientEvent | null> {
    const { symbols } = this.library;
    const event = await this.track(
      symbols.rd_kafka_queue_poll_wait(queue.pointer, timeoutMs),
    );
    if (event === null) return null;
    try {
      return readEvent(symbols, event);
    } finally {
      symbols.rd_kafka_event_destroy(event);
    }
  }

  /** Ends a `poll` that waits. */
  wake(): void {
    this.library.symbols.rd_kafka_queue_yield(this.events.pointer);
  }

  /**
   * Asks the partition's leader for its watermarks.
   * @throws {KafkaError} when it does not answer within `timeoutMs`.
   */
  async watermarks(
    topic: string,
    partition: number,
    timeoutMs: number,
  ): Promise<Watermarks> {
    const { symbols } = this.library;
    const name = cString(topic);
    using block = new NativeBlock(symbols, 16 + name.length);
    block.bytes.set(name, 16);
    const code = await this.track(
      symbols.rd_kafka_query_watermark_offsets(
        this.pointer,
        pointerAt(block.address + 16 as Address),
        partition,
        block.pointer,
        pointerAt(block.address + 8 as Address),
        timeoutMs,
      ),
    );
    throwIfError(symbols, code, `watermarks of ${topic} [${partition}]`);
    return { low: int64In(block.words, 0), high: int64In(block.words, 2) };
  }

  /**
   * Partition counts of the topics that the cluster has.
   * @throws {KafkaError} when no broker answers within `timeoutMs`.
   */
  async partitionCounts(timeoutMs: number): Promise<Map<string, number>> {
    return await this.#metadata(null, true, timeoutMs, readPartitionCounts);
  }

  /**
   * Of all topics, since to ask for none means those that librdkafka knows, and
   * would create what was deleted of them.
   * @throws {KafkaError} when no broker answers within `timeoutMs`.
   */
  protected async clusterDescription(
    timeoutMs: number,
  ): Promise<ClusterDescription> {
    const { symbols } = this.library;
    const brokers = await this.#metadata(
      null,
      true,
      timeoutMs,
      readBrokers,
      "describe cluster",
    );
    // From that answer.
    const clusterId = symbols.rd_kafka_clusterid(this.pointer, 0);
    const controller = symbols.rd_kafka_controllerid(this.pointer, 0);
    try {
      return {
        clusterId: readCString(clusterId) ?? null,
        controller: controller < 0 ? null : controller,
        brokers,
      };
    } finally {
      if (clusterId !== null) {
        symbols.rd_kafka_mem_free(this.pointer, clusterId);
      }
    }
  }

  /**
   * What any broker says of the cluster and of one topic, which is not created
   * by the question; null: of no topic. No controller is needed for it.
   * @throws {KafkaError} when no broker answers within `timeoutMs`.
   */
  async metadata(
    topic: string | null,
    timeoutMs: number,
  ): Promise<ClusterMetadata> {
    const { symbols } = this.library;
    const read = (metadata: Address) => readMetadata(symbols, metadata);
    if (topic === null) {
      return await this.#metadata(null, false, timeoutMs, read);
    }
    const only = symbols.rd_kafka_topic_new(this.pointer, cString(topic), null);
    if (only === null) throw new TypeError(`no name of a topic: "${topic}"`);
    try {
      return await this.#metadata(only, false, timeoutMs, read);
    } finally {
      symbols.rd_kafka_topic_destroy(only);
    }
  }

  async #metadata<T>(
    only: Deno.PointerValue,
    isAll: boolean,
    timeoutMs: number,
    read: (metadata: Address) => T,
    doing = "metadata",
  ): Promise<T> {
    const { symbols } = this.library;
    using block = new NativeBlock(symbols, 8);
    const code = await this.track(
      symbols.rd_kafka_metadata(
        this.pointer,
        isAll ? 1 : 0,
        only,
        block.pointer,
        timeoutMs,
      ),
    );
    throwIfError(symbols, code, doing);
    const metadata = addressIn(block.words, 0);
    try {
      return read(metadata);
    } finally {
      symbols.rd_kafka_metadata_destroy(pointerAt(metadata));
    }
  }

  /** Answers a `tokenRefresh` event. */
  setOauthToken(token: OauthToken): void {
    const { symbols } = this.library;
    const error = new Uint8Array(ERROR_BYTES);
    const texts = Object.entries(token.extensions ?? {}).flat();
    using extensions = cStringArray(symbols, texts);
    const code = symbols.rd_kafka_oauthbearer_set_token(
      this.pointer,
      cString(token.value),
      BigInt(token.expiresAtMs),
      cString(token.principal),
      texts.length === 0 ? null : extensions.pointer,
      BigInt(texts.length),
      error,
      BigInt(ERROR_BYTES),
    );
    if (code !== 0) {
      throw errorFromCode(symbols, code, "OAuth token", bufferText(error));
    }
  }

  /** Says that no token could be had; librdkafka asks again after 10 s. */
  setOauthTokenFailure(reason: string): void {
    this.library.symbols.rd_kafka_oauthbearer_set_token_failure(
      this.pointer,
      cString(reason),
    );
  }

  /** Ends polls that wait, and waits for all calls that run now. */
  protected async settle(): Promise<void> {
    const calls = new Set(this.#inFlight);
    while (!calls.isDisjointFrom(this.#inFlight)) {
      this.wake(); // ends one of them
      await Promise.race(this.#inFlight).catch(() => {});
    }
  }

  /** Runs before the native client is destroyed. */
  protected beforeClose(): Promise<void> {
    return Promise.resolve();
  }

  /** Closes once; later calls wait for the same end. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const end = await Promise.race([this.#stuck.promise, this.#quiesce()]);
    if (end === "stuck") return;
    for (const queue of [...this.#queues]) queue[Symbol.dispose]();
    const pointer = this.pointer;
    this.#client[Symbol.dispose]();
    await this.library.symbols.rd_kafka_destroy(pointer);
  }

  async #quiesce(): Promise<void> {
    await this.beforeClose();
    while (this.#inFlight.size > 0) await this.settle();
  }

  /** The native client, for another object of `src/kafka` that needs one. */
  borrowPointer(): Deno.PointerObject {
    return this.pointer;
  }

  /** The address of this client, for a worker thread that borrows it. */
  protected get address(): Address {
    return addressOf(this.pointer);
  }
}
