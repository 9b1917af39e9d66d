/**
 * One worker thread and the native objects that it borrows: a queue, a ring of
 * fetched messages and a producer. The only file that makes threads.
 *
 *     starting ──ready──> running ──stop──> stopping ──stopped──> ended
 *        │                   │                  │
 *        └──────failed───────┴──────────────────┴──> ended
 *                            └──abandon──> abandoned
 */
import {
  type Consumer,
  freeLeftovers,
  isClientRefused,
  KafkaError,
  type Library,
  type NativeBlock,
  newRing,
  Producer,
  type ProducerProperties,
  type QueueHandle,
} from "../kafka/mod.ts";
import { errorText } from "../telemetry/log_errors.ts";
import { within } from "./deadline.ts";
import type { DoneOutputs } from "./done_outputs.ts";
import type { KeptOutputs } from "./kept_outputs.ts";
import { PageView, Phase } from "./page.ts";
import type {
  FromWorker,
  Job,
  MirrorBeginning,
  MirroredTopic,
  Ownership,
  Position,
  RefusedInput,
  ToWorker,
  WorkerFailure,
} from "./protocol.ts";
import { initTransactions } from "./transactions.ts";

export interface ThreadOptions {
  /** The code that it runs: one of workers/*_worker.ts. */
  readonly module: URL;
  readonly id: number;
  /** A small number; no two threads that live have the same. */
  readonly slot: number;
  readonly library: Library;
  readonly consumer: Consumer;
  readonly producerProperties: (slot: number) => ProducerProperties;
  readonly rateLimit: SharedArrayBuffer;
  readonly job: Job;
  /** Of a stream job. Until it is known, the thread opens and does not begin. */
  readonly done?: Promise<DoneOutputs | null>;
  readonly refused: readonly RefusedInput[];
  readonly events: ThreadEvents;
}

/** What the pool is told; each with the thread that it concerns. */
export interface ThreadEvents {
  onReady(thread: WorkerThread): void;
  onMessage(thread: WorkerThread, message: FromWorker): void;
  /** The thread has ended by itself; it is not abandoned. */
  onFailed(thread: WorkerThread, failure: WorkerFailure): void;
}

export type ThreadState =
  | "starting"
  | "running"
  | "stopping"
  | "ended"
  /** It hangs in user code. Deno cannot stop it; it is fenced and left. */
  | "abandoned";

/** Longer than any native wait of a worker, which a dead one may leave. */
const NATIVE_WAIT_MS = 500;
/** How long closing may take before the process must end without it. */
const CLOSE_MS = 5000;

export class WorkerThread implements AsyncDisposable {
  readonly id: number;
  readonly slot: number;
  readonly queue: QueueHandle;
  readonly page = new PageView();
  readonly #options: ThreadOptions;
  readonly #ring: NativeBlock;
  readonly #producer: Producer;
  readonly #worker: Worker;
  readonly #ended = Promise.withResolvers<void>();
  /** What the thread was asked to take or to give back, by epoch. */
  readonly #asked = new Map<number, (position: Position | null) => void>();
  /** Ends what the coordinator itself waits for on behalf of the thread. */
  readonly #abort = new AbortController();
  #state: ThreadState = "starting";
  /** Whether the thread knows what it is for. */
  #opened = false;
  #closing: Promise<boolean> | undefined;
  /** It is to be replaced or no longer wanted: it gets no more partitions. */
  retiring = false;

  constructor(options: ThreadOptions) {
    const { consumer, library, job } = options;
    this.id = options.id;
    this.slot = options.slot;
    this.#options = options;
    this.queue = consumer.newQueue();
    this.#ring = newRing(library, job.limits.pendingRecords);
    this.#producer = new Producer(
      library,
      options.producerProperties(options.slot),
    );
    this.#worker = new Worker(options.module, {
      type: "module",
      name: `worker-${options.id}`,
    });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) =>
      this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.#died(errorText(event.message));
    };
    this.#post({ kind: "prepare", job });
    this.#open();
  }

  get state(): ThreadState {
    return this.#state;
  }

  /** Whether it is the thread that must move on, and not a cluster. */
  get isOnItsOwn(): boolean {
    return this.#opened &&
      this.#state !== "ended" && this.#state !== "abandoned";
  }

  /** Whether it can be given partitions. */
  get available(): boolean {
    return this.#state === "running" && !this.retiring;
  }

  get producer(): Producer {
    return this.#producer;
  }

  /** Its transaction is committed, and the next one has begun. */
  committed(): void {
    this.#post({ kind: "committed" });
  }

  /** What partitions of these topics are mirrored to. */
  mirror(topics: readonly MirroredTopic[]): void {
    this.#post({ kind: "topics", topics });
  }

  /** To be said before anything is assigned. */
  keep(outputs: readonly KeptOutputs[]): void {
    this.#post({ kind: "kept", outputs });
  }

  /** To be said before the ownerships are assigned. */
  begin(beginnings: readonly MirrorBeginning[]): void {
    this.#post({ kind: "beginnings", beginnings });
  }

  /** To be written in front of the next record of the lane's log. */
  snapshot(parts: readonly Uint8Array[]): void {
    this.#post({ kind: "snapshot", parts });
  }

  /**
   * Gives partitions. Nothing of them may be fetched before this has ended: the
   * thread would not know whose records it has.
   */
  async assign(partitions: readonly Position[]): Promise<void> {
    await this.#ask({ kind: "assign", partitions });
  }

  /**
   * Asks for partitions back.
   * @returns by epoch, where each stands, or null when the thread ended before
   * it could say so.
   */
  async release(
    partitions: readonly Ownership[],
  ): Promise<Map<number, Position | null>> {
    return await this.#ask({
      kind: "release",
      partitions: partitions.map(({ tp, epoch }) => ({ tp, epoch })),
    });
  }

  /** Settles what it has within the deadline and ends. */
  async stop(deadlineMs: number): Promise<void> {
    if (this.#state === "starting" || this.#state === "running") {
      this.#state = "stopping";
      this.#abort.abort(new Error("the thread is stopped"));
    }
    if (this.#state === "stopping" && this.#opened) {
      this.#post({ kind: "stop", deadlineMs });
    }
    await this.#ended.promise;
  }

  /** Gives a hung thread up. Nothing that it holds can be freed any more. */
  abandon(): void {
    this.#state = "abandoned";
    this.#end();
  }

  /**
   * From now on it produces nothing: its next step fails, whatever its cluster
   * does, and what waits in librdkafka is given up. It ends by that.
   * @returns when it cannot be in the middle of producing any more.
   */
  async fence(): Promise<void> {
    const phase = this.page.fenceNow();
    if (!this.#producer.disposed) this.#producer.purge();
    if (phase === Phase.native) await this.#ended.promise;
  }

  /** Its work cannot count any more: it gets nothing, and ends at once. */
  async giveUp(): Promise<void> {
    this.retiring = true;
    await this.stop(0);
  }

  /**
   * Frees what belonged to the thread; it must have ended.
   * @param patienceMs for the producer, which a dead cluster may hold up
   * @returns false when something is left that would keep librdkafka from
   * closing, so that only ending the process is a way out.
   */
  close(patienceMs = CLOSE_MS): Promise<boolean> {
    this.#closing ??= this.#close(patienceMs);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(patienceMs: number): Promise<boolean> {
    if (this.#state === "abandoned") return false;
    await this.stop(0);
    this.#worker.terminate();
    freeLeftovers(this.#options.library, this.#ring);
    const closed = await within(
      this.#producer[Symbol.asyncDispose](),
      patienceMs,
    );
    this.queue[Symbol.dispose]();
    this.#ring[Symbol.dispose]();
    return closed;
  }

  /** A transactional producer must have its id before it is of any use. */
  async #open(): Promise<void> {
    const { done, job } = this.#options;
    const { signal } = this.#abort;
    const stopped = Promise.withResolvers<never>();
    stopped.promise.catch(() => {}); // perhaps nobody waits for it
    signal.addEventListener("abort", () => stopped.reject(signal.reason));
    let known: DoneOutputs | null = null;
    try {
      if (job.transaction !== null) {
        await initTransactions(this.#producer, signal);
        this.#producer.beginTransaction();
      }
      if (done !== undefined) {
        known = await Promise.race([done, stopped.promise]);
      }
    } catch (error) {
      if (!signal.aborted) this.#failToOpen(error);
    }
    if (this.#state === "starting") {
      this.#opened = true;
      this.#post(this.#openMessage(known));
    } else if (this.#state === "stopping") {
      this.#state = "ended";
      this.#end();
    }
  }

  #failToOpen(error: unknown): void {
    const refused = error instanceof KafkaError && isClientRefused(error.code);
    this.#fail({
      reason: refused ? "cluster" : "crash",
      message: error instanceof Error ? error.message : String(error),
    });
  }

  #openMessage(done: DoneOutputs | null): ToWorker {
    const { consumer, id, job, library, rateLimit, refused } = this.#options;
    return {
      kind: "open",
      workerId: id,
      libraryPath: library.path,
      inbox: {
        queue: consumer.addressOf(this.queue),
        ring: this.#ring.address,
        capacity: job.limits.pendingRecords,
      },
      producer: this.#producer.port,
      page: this.page.memory,
      rateLimit,
      job,
      done: done && JSON.stringify(done),
      refused,
    };
  }

  #post(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  async #ask(
    message: Extract<ToWorker, { kind: "assign" | "release" }>,
  ): Promise<Map<number, Position | null>> {
    const { partitions } = message;
    if (this.#state !== "running") {
      return new Map(partitions.map(({ epoch }) => [epoch, null]));
    }
    const answers = partitions.map(({ epoch }) =>
      new Promise<[number, Position | null]>((resolve) =>
        this.#asked.set(epoch, (position) => resolve([epoch, position]))
      )
    );
    this.#post(message);
    return new Map(await Promise.all(answers));
  }

  #receive(message: FromWorker): void {
    if (this.#state === "abandoned") return; // it woke up too late
    switch (message.kind) {
      case "ready":
        if (this.#state !== "starting") break;
        this.#state = "running";
        this.#options.events.onReady(this);
        break;
      case "assigned":
      case "released":
        this.#options.events.onMessage(this, message);
        for (const position of message.partitions) {
          this.#asked.get(position.epoch)?.(position);
          this.#asked.delete(position.epoch);
        }
        break;
      case "failed":
        this.#fail(message.failure);
        break;
      case "stopped":
        this.#state = "ended";
        this.#end();
        break;
      case "tokenRefresh":
      case "settled":
      case "deferring":
      case "commit":
      case "fetchFailed":
      case "logChanged":
      case "log":
      case "sample":
      case "spans":
        this.#options.events.onMessage(this, message);
        break;
      default:
        message satisfies never;
    }
  }

  #fail(failure: WorkerFailure): void {
    this.#state = "ended";
    this.#end();
    this.#options.events.onFailed(this, failure);
  }

  /** The thread ended without a word, perhaps inside a native wait. */
  async #died(message: string): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, NATIVE_WAIT_MS));
    if (this.#state === "ended" || this.#state === "abandoned") return;
    this.#fail({ reason: "crash", message });
  }

  #end(): void {
    for (const resolve of this.#asked.values()) resolve(null);
    this.#asked.clear();
    this.#ended.resolve();
  }
}
