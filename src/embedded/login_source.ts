/**
 * Feeds generated logins to the embedded cluster, never faster than they are
 * settled.
 *
 * The embedded cluster drops a partition's oldest batches while it holds more
 * than 5 MiB or 100,000 of them (`rd_kafka_mock_msgset_new` in rdkafka_mock.c),
 * read or not. An input that was dropped before it is settled would be lost, so
 * the source stays so close to the settled input that everything unsettled
 * would fit into one partition, however keys spread. The output and dead-letter
 * topics are written by the pool and read by people only: there, losing what is
 * old is fine.
 */
import {
  type ClientEvent,
  errorFromCode,
  type Library,
  MOCK_PARTITION_BYTES,
  Outbox,
  Producer,
} from "../kafka/mod.ts";
import type { SpanSink, Tracing } from "../telemetry/spans.ts";
import {
  loginAt,
  type LoginStream,
  MOST_LOGIN_BYTES,
} from "./login_generator.ts";
import { LoginTracing } from "./login_tracing.ts";
import { Pace } from "./pace.ts";

export interface LoginSourceOptions {
  readonly bootstrapServers: string;
  readonly topic: string;
  readonly stream: LoginStream;
  /** Logins per second, while the pool keeps up. */
  readonly rate: number;
  /** Ends after this many; default: never. */
  readonly limit?: number;
  /**
   * How many of the topic's records are settled, such that a restarted worker
   * would not read them again.
   */
  readonly settled: () => number;
  /** Errors and log lines of the producer. */
  readonly onEvent?: (event: ClientEvent) => void;
  /** Which logins begin a trace. Default: null, none does. */
  readonly tracing?: Tracing | null;
  /** Takes their spans. */
  readonly onSpans?: SpanSink;
}

/** A record's own overhead, and a batch's in case it is alone in one. */
const OVERHEAD_BYTES = 20 + 61;
const SAFE_SHARE = 0.8;

/** Logins that may be in the cluster and not settled. */
export const MOST_UNSETTLED = Math.floor(
  SAFE_SHARE * MOCK_PARTITION_BYTES / (MOST_LOGIN_BYTES + OVERHEAD_BYTES),
);

const SLICE_MS = 10;
/** About 5 ms of work, so that the main thread stays free for the pool. */
const SLICE_LOGINS = 2000;

export class LoginSource implements AsyncDisposable {
  readonly #options: LoginSourceOptions;
  readonly #library: Library;
  readonly #producer: Producer;
  readonly #outbox: Outbox;
  readonly #tracing: LoginTracing | null;
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #generated = 0;
  #acknowledged = 0;
  #failureCode = 0;

  constructor(library: Library, options: LoginSourceOptions) {
    this.#library = library;
    this.#options = options;
    const { onSpans = () => {}, topic, tracing = null } = options;
    this.#tracing = tracing === null
      ? null
      : new LoginTracing({ ...tracing, topic, onSpans });
    this.#producer = new Producer(library, {
      "bootstrap.servers": options.bootstrapServers,
      "enable.idempotence": true,
      "linger.ms": 5,
    });
    this.#outbox = new Outbox(
      library,
      this.#producer.port,
      (_owner, number, code) => this.#reported(number, code),
    );
  }

  /** Logins that were handed to the producer. */
  get generated(): number {
    return this.#generated;
  }

  /** Logins that are in the topic. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /**
   * Generates until the limit is reached or `signal` aborts, then waits until
   * all that was generated is acknowledged. To be called once.
   * @throws {KafkaError} when the cluster did not take a login.
   */
  run(signal: AbortSignal): Promise<void> {
    const run = this.#run(AbortSignal.any([signal, this.#end.signal]));
    this.#running = run.catch(() => {}); // its caller is told
    return run;
  }

  async #run(stop: AbortSignal): Promise<void> {
    const { rate, limit = Infinity } = this.#options;
    const pace = new Pace(rate, performance.now());
    while (!stop.aborted && this.#generated < limit) {
      const count = pace.take(performance.now(), this.#room(limit));
      this.#generate(count);
      this.#collect();
      await pause(SLICE_MS, stop);
    }
    while (this.#outbox.pendingRecords > 0 && !this.#end.signal.aborted) {
      await pause(SLICE_MS, this.#end.signal);
      this.#collect();
    }
  }

  #room(limit: number): number {
    const unsettled = this.#generated - this.#options.settled();
    return Math.min(
      SLICE_LOGINS,
      limit - this.#generated,
      MOST_UNSETTLED - unsettled,
    );
  }

  #generate(count: number): void {
    const { stream, topic } = this.#options;
    const end = this.#generated + count;
    while (this.#generated < end) {
      const { key, value } = loginAt(stream, this.#generated++);
      const record = { topic, key, value };
      if (this.#tracing === null) {
        this.#outbox.add(0, 0, record);
      } else {
        const { header, number } = this.#tracing.begin();
        this.#outbox.add(0, number, record, header);
      }
    }
    this.#outbox.send();
  }

  #collect(): void {
    for (const event of this.#outbox.collect()) this.#options.onEvent?.(event);
    this.#tracing?.flush();
    if (this.#failureCode === 0) return;
    throw errorFromCode(
      this.#library.symbols,
      this.#failureCode,
      `generate logins for ${this.#options.topic}`,
    );
  }

  #reported(number: number, code: number): void {
    this.#tracing?.end(number, code);
    if (code === 0) this.#acknowledged++;
    else this.#failureCode = code;
  }

  /** Ends `run`, without waiting for acknowledgements. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running;
    this.#outbox[Symbol.dispose]();
    await this.#producer[Symbol.asyncDispose]();
  }
}

/** Waits, but not after `signal` has aborted. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  if (signal.aborted) resolve();
  const end = () => {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
    resolve();
  };
  const timer = setTimeout(end, ms);
  signal.addEventListener("abort", end, { once: true });
  return promise;
}
