/**
 * Administration of a cluster. Requests run side by side, each with an answer
 * queue of its own, and never wait on this thread.
 */
import { AclAdmin } from "./admin/acls.ts";
import { type ClusterDescription, describeCluster } from "./admin/cluster.ts";
import { ConfigAdmin } from "./admin/configs.ts";
import { GroupAdmin } from "./admin/groups.ts";
import { PartitionAdmin } from "./admin/partitions.ts";
import {
  type AdminAccess,
  type NativeRequest,
  newSettings,
  type RequestOptions,
  type RequestSettings,
} from "./admin/request.ts";
import { adminSymbols } from "./admin/symbols.ts";
import { TopicAdmin } from "./admin/topics.ts";
import { Client, type OauthToken } from "./client.ts";
import { ErrorCode, errorFromCode, KafkaError } from "./errors.ts";
import type { QueueHandle } from "./handle.ts";
import type { Library } from "./library.ts";
import { readCString } from "./memory.ts";
import type { ClientProperties } from "./properties.ts";

export type AdminProperties = ClientProperties & {
  readonly "group.id"?: string | undefined;
};

const UNUSED_GROUP = "switchyard-admin";

/** librdkafka answers in time itself; this only guards against its silence. */
const LATE_MS = 5_000;
const RETRY_AFTER_MS = 100;
/** The longest that librdkafka knows. */
const HOUR_MS = 3_600_000;

/** A client for requests that a coordinator answers. */
interface Coordinated {
  readonly admin: Admin;
  requests: number;
  isSpent: boolean;
}

/**
 * As with any client, errors, log lines and token refreshes wait in `poll`.
 * A request that fails as a whole is repeated while that may help and time is
 * left, and then throws a `KafkaError`; an item of it that fails answers with
 * an `error`, which the caller may repeat if `retriable`.
 */
export class Admin extends Client {
  readonly topics: TopicAdmin;
  readonly partitions: PartitionAdmin;
  readonly configs: ConfigAdmin;
  readonly groups: GroupAdmin;
  readonly acls: AclAdmin;
  readonly #access: AdminAccess;
  readonly #closed = new AbortController();
  readonly #properties: AdminProperties;
  #coordinated: Coordinated | null = null;
  readonly #retiring = new Set<Promise<void>>();

  /**
   * @param properties `group.id` names a group that is looked up and never
   * joined; another one is needed only where access to it is denied.
   */
  constructor(library: Library, properties: AdminProperties) {
    // A consumer, because librdkafka (2.15 still) dereferences NULL when a
    // client without a group asks for offsets that have just moved elsewhere.
    super(library, "consumer", { "group.id": UNUSED_GROUP, ...properties }, 0);
    this.#properties = properties;
    this.#access = {
      core: library.symbols,
      symbols: adminSymbols(library),
      request: (doing, settings, send, read) =>
        this.track(
          settings.byCoordinator === true
            ? this.#requestByCoordinator(doing, settings, send, read)
            : this.#request(doing, settings, send, read),
        ),
      refresh: (topics, options) => this.#refresh(topics, options),
    };
    this.topics = new TopicAdmin(this.#access);
    this.partitions = new PartitionAdmin(this.#access);
    this.configs = new ConfigAdmin(this.#access);
    this.groups = new GroupAdmin(this.#access);
    this.acls = new AclAdmin(this.#access);
  }

  describeCluster(options: RequestOptions): Promise<ClusterDescription> {
    return describeCluster(this.#access, options);
  }

  override setOauthToken(token: OauthToken): void {
    super.setOauthToken(token);
    this.#coordinated?.admin.setOauthToken(token);
  }

  /** A request for topics by name knows only one, so several are all. */
  async #refresh(
    topics: readonly string[],
    { signal, timeoutMs }: RequestOptions,
  ): Promise<void> {
    const stop = this.#stopping(signal);
    stop.throwIfAborted();
    const answer = this.track<unknown>(
      topics.length === 1
        ? this.metadata(topics[0]!, timeoutMs)
        : this.partitionCounts(timeoutMs),
    );
    answer.catch(() => {}); // it may fail when nobody waits any more
    const stopped = Promise.withResolvers<never>();
    const abort = () => stopped.reject(stop.reason);
    stop.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([answer, stopped.promise]);
    } finally {
      stop.removeEventListener("abort", abort);
    }
  }

  #stopping(signal: AbortSignal | undefined): AbortSignal {
    const signals = signal === undefined ? [] : [signal];
    return AbortSignal.any([this.#closed.signal, ...signals]);
  }

  /**
   * librdkafka (2.15.1) ends the process when a coordinator appears whose
   * request has timed out meanwhile (`rd_kafka_enq_once_del_source_return`). So
   * it is not told of the time-out, and the client that still has such a request
   * is closed.
   */
  async #requestByCoordinator<T>(
    doing: string,
    settings: RequestSettings,
    send: (request: NativeRequest) => void,
    read: (answer: Deno.PointerObject) => T,
  ): Promise<T> {
    const client = this.#coordinated ??= this.#newCoordinated();
    client.requests++;
    try {
      return await client.admin.#request(doing, settings, send, read);
    } catch (error) {
      const isAnswered = error instanceof KafkaError &&
        error.code !== ErrorCode.timedOut;
      client.isSpent ||= !isAnswered;
      throw error;
    } finally {
      client.requests--;
      if (client.isSpent) this.#retire(client);
    }
  }

  #newCoordinated(): Coordinated {
    const admin = new Admin(this.library, this.#properties);
    // Its errors, log lines and token refreshes are this one's.
    this.library.symbols.rd_kafka_queue_forward(
      admin.events.pointer,
      this.events.pointer,
    );
    return { admin, requests: 0, isSpent: false };
  }

  /** Closes it once others that share it have their answers. */
  #retire(client: Coordinated): void {
    if (this.#coordinated === client) this.#coordinated = null;
    if (client.requests > 0) return;
    const closing = client.admin[Symbol.asyncDispose]();
    this.#retiring.add(closing);
    closing.finally(() => this.#retiring.delete(closing));
  }

  async #request<T>(
    doing: string,
    settings: RequestSettings,
    send: (request: NativeRequest) => void,
    read: (answer: Deno.PointerObject) => T,
  ): Promise<T> {
    const { core } = this.#access;
    const stop = this.#stopping(settings.signal);
    stop.throwIfAborted();
    using queue = this.own(core.rd_kafka_queue_new(this.pointer));
    const deadline = performance.now() + settings.timeoutMs;
    let { timeoutMs } = settings;
    const isOurs = settings.byCoordinator === true;
    for (;;) {
      const nativeMs = isOurs ? HOUR_MS : timeoutMs;
      this.#send({ ...settings, timeoutMs: nativeMs }, queue, send);
      const waitMs = isOurs ? timeoutMs : timeoutMs + LATE_MS;
      const answer = await this.#poll(queue, waitMs, stop);
      try {
        return this.#read(doing, answer, read);
      } catch (error) {
        timeoutMs = Math.floor(deadline - performance.now() - RETRY_AFTER_MS);
        if (!isTransient(error) || timeoutMs <= 0) throw error;
      } finally {
        if (answer !== null) core.rd_kafka_event_destroy(answer);
      }
      await this.#poll(queue, RETRY_AFTER_MS, stop);
    }
  }

  #send(
    settings: RequestSettings,
    queue: QueueHandle,
    send: (request: NativeRequest) => void,
  ): void {
    const client = this.pointer;
    const native = newSettings(this.#access, client, settings);
    try {
      send({ client, settings: native, queue: queue.pointer });
    } finally {
      this.#access.symbols.rd_kafka_AdminOptions_destroy(native);
    }
  }

  /** The next event, or null after `timeoutMs` without one. */
  async #poll(
    queue: QueueHandle,
    timeoutMs: number,
    stop: AbortSignal,
  ): Promise<Deno.PointerValue> {
    stop.throwIfAborted();
    const { core } = this.#access;
    const wake = () => core.rd_kafka_queue_yield(queue.pointer);
    stop.addEventListener("abort", wake, { once: true });
    try {
      const event = await core.rd_kafka_queue_poll_wait(
        queue.pointer,
        timeoutMs,
      );
      if (event === null) stop.throwIfAborted();
      return event;
    } finally {
      stop.removeEventListener("abort", wake);
    }
  }

  #read<T>(
    doing: string,
    answer: Deno.PointerValue,
    read: (answer: Deno.PointerObject) => T,
  ): T {
    const { core } = this.#access;
    if (answer === null) {
      throw errorFromCode(core, ErrorCode.timedOut, doing);
    }
    const code = core.rd_kafka_event_error(answer);
    if (code === ErrorCode.none) return read(answer);
    const text = readCString(core.rd_kafka_event_error_string(answer));
    throw errorFromCode(core, code, doing, text);
  }

  /** Requests that still wait are rejected. */
  protected override async beforeClose(): Promise<void> {
    this.#closed.abort(new TypeError("this Kafka admin has been closed"));
    await this.#coordinated?.admin[Symbol.asyncDispose]();
    await Promise.all(this.#retiring);
  }
}

/** For example while the group's coordinator moves. */
const isTransient = (error: unknown) =>
  error instanceof KafkaError && error.retriable &&
  error.code !== ErrorCode.timedOut;
