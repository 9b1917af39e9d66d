/**
 * Administration of a cluster. Requests run side by side, each with an answer
 * queue of its own, and never wait on this thread.
 */
import { setTimeout as delay } from "node:timers/promises";
import { AclAdmin } from "./admin/acls.ts";
import type { ClusterDescription } from "./admin/cluster.ts";
import { ConfigAdmin } from "./admin/configs.ts";
import { GroupAdmin } from "./admin/groups.ts";
import { PartitionAdmin } from "./admin/partitions.ts";
import type {
  LeaderAccess,
  NativeRequest,
  RequestOptions,
  RequestSettings,
} from "./admin/request.ts";
import { type RequestClient, sendRequest } from "./admin/send_request.ts";
import { adminSymbols } from "./admin/symbols.ts";
import { TopicAdmin } from "./admin/topics.ts";
import { Client, type OauthToken } from "./client.ts";
import { ErrorCode, KafkaError } from "./errors.ts";
import type { Library } from "./library.ts";
import type { ClientProperties } from "./properties.ts";

export type AdminProperties = ClientProperties & {
  readonly "group.id"?: string | undefined;
};

/** `group.id`: see the constructor. */
const DEFAULTS = {
  "group.id": "switchyard-admin",
  // Where librdkafka (2.15.1) connects to a broker because a request names it,
  // it does so without its back-off: while the broker refuses, thousands of
  // times a second, a core for each client. A connection to every broker costs
  // less, and requests find it open.
  "enable.sparse.connections": false,
  // As Java's clients, and not 10 s: requests wait for it after an outage.
  "reconnect.backoff.max.ms": 1_000,
} as const;
const DESCRIBE_MS = 1_000;
const RETRY_MS = 100;

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
  readonly #access: LeaderAccess;
  readonly #requests: RequestClient;
  readonly #closed = new AbortController();
  readonly #properties: AdminProperties;
  /** The newest of `#clients`, for requests to come. */
  #coordinated: Coordinated | null = null;
  readonly #clients = new Set<Coordinated>();

  /**
   * @param properties `group.id` names a group that is looked up and never
   * joined; another one is needed only where access to it is denied.
   */
  constructor(library: Library, properties: AdminProperties) {
    // A consumer, because librdkafka (2.15 still) dereferences NULL when a
    // client without a group asks for offsets that have just moved elsewhere.
    super(library, "consumer", { ...DEFAULTS, ...properties }, 0);
    this.#properties = properties;
    const core = library.symbols;
    const symbols = adminSymbols(library);
    this.#requests = {
      core,
      symbols,
      pointer: () => this.pointer,
      newQueue: () => this.own(core.rd_kafka_queue_new(this.pointer)),
      closed: this.#closed.signal,
    };
    this.#access = {
      core,
      symbols,
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

  /**
   * Not by DescribeCluster: of a broker that has just started, and knows neither
   * brokers nor topics, librdkafka (2.15.1) takes the answer for an error without
   * a code, and ends the process (`rd_kafka_admin_response_parse`).
   * @throws {KafkaError} when no broker answers within `timeoutMs`; the signal's
   * reason.
   */
  async describeCluster(options: RequestOptions): Promise<ClusterDescription> {
    const { signal, timeoutMs } = options;
    if (timeoutMs < 0) throw new RangeError(`timeoutMs ${timeoutMs}: below 0`);
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const leftMs = Math.ceil(deadlineMs - performance.now());
      // Whoever closes this client has to wait for the call.
      const callMs = Math.max(1, Math.min(leftMs, DESCRIBE_MS));
      try {
        return await this.#unlessStopped(
          () => this.clusterDescription(callMs),
          signal,
        );
      } catch (error) {
        const isWorthIt = error instanceof KafkaError &&
          deadlineMs - performance.now() > RETRY_MS;
        if (!isWorthIt) throw error;
      }
      await this.#unlessStopped(
        (stop) => delay(RETRY_MS, undefined, { signal: stop }).catch(() => {}),
        signal,
      );
    }
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
    await this.#unlessStopped<unknown>(
      () =>
        topics.length === 1
          ? this.metadata(topics[0]!, timeoutMs)
          : this.partitionCounts(timeoutMs),
      signal,
    );
  }

  /** The call goes on where nobody waits for it any more. */
  async #unlessStopped<T>(
    call: (stop: AbortSignal) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    const signals = signal === undefined ? [] : [signal];
    const stop = AbortSignal.any([this.#closed.signal, ...signals]);
    stop.throwIfAborted();
    const answer = call(stop);
    answer.catch(() => {}); // it may fail when nobody waits any more
    const stopped = Promise.withResolvers<never>();
    const abort = () => stopped.reject(stop.reason);
    stop.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([answer, stopped.promise]);
    } finally {
      stop.removeEventListener("abort", abort);
    }
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
    this.#closed.signal.throwIfAborted();
    const client = this.#coordinated ??= this.#newCoordinated();
    const { admin } = client;
    client.requests++;
    try {
      return await admin.track(admin.#request(doing, settings, send, read));
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
    const client = { admin, requests: 0, isSpent: false };
    this.#clients.add(client);
    return client;
  }

  /** Closes it once others that share it have their answers. */
  #retire(client: Coordinated): void {
    if (this.#coordinated === client) this.#coordinated = null;
    if (client.requests > 0) return;
    client.admin[Symbol.asyncDispose]()
      .finally(() => this.#clients.delete(client));
  }

  #request<T>(
    doing: string,
    settings: RequestSettings,
    send: (request: NativeRequest) => void,
    read: (answer: Deno.PointerObject) => T,
  ): Promise<T> {
    return sendRequest(this.#requests, doing, settings, send, read);
  }

  /** Requests that still wait are rejected. */
  protected override async beforeClose(): Promise<void> {
    this.#closed.abort(new TypeError("this Kafka admin has been closed"));
    await Promise.all(
      Array.from(this.#clients, ({ admin }) => admin[Symbol.asyncDispose]()),
    );
  }
}
