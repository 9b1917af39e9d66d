/// <reference lib="deno.worker" />
/**
 * The life of a worker thread, whatever its kind: opens what the coordinator
 * lends it, runs the loop, and says what became of it. It owns no native object
 * but its own buffers.
 */
import process from "node:process";
import {
  type ClientEvent,
  errorFromCode,
  Inbox,
  isClientRefused,
  type KafkaError,
  type Library,
  type OnReport,
  openLibrary,
  Outbox,
} from "../src/kafka/mod.ts";
import { FencedError, Phase, WorkerPage } from "../src/pool/page.ts";
import type {
  FromWorker,
  Job,
  OpenMessage,
  ToWorker,
  WorkerFailure,
} from "../src/pool/protocol.ts";
import { RateGate } from "../src/pool/rate_limit.ts";
import { captureConsole } from "../src/telemetry/console_lines.ts";
import {
  createLog,
  LevelSwitch,
  type Log,
  logClientLine,
  type LogLine,
} from "../src/telemetry/log.ts";
import { errorText } from "../src/telemetry/log_errors.ts";
import { BatchTimes } from "./batch_times.ts";
import type { WorkerKind } from "./kind.ts";
import { Loop } from "./loop.ts";
import { type OnFetchFailure, Router } from "./router.ts";
import { Settlement } from "./settlement.ts";
import type { LoopSink } from "./sink.ts";
import { TransactionAbortedError } from "./transactional_sink.ts";
import type { WorkerTracing } from "./worker_tracing.ts";

/** What a kind of worker is given to work with. */
export interface ThreadParts {
  readonly page: WorkerPage;
  readonly settlement: Settlement;
  readonly log: Log;
  readonly post: (message: FromWorker) => void;
  readonly openOutbox: (onReport: OnReport) => Outbox;
  readonly errorOf: (code: number, doing: string) => KafkaError;
  readonly onFetchFailure: OnFetchFailure;
  /** The loop, once there are records. */
  readonly loop: () => Loop | undefined;
  /** The thread's work is void, or it cannot go on. */
  readonly fail: (error: unknown) => void;
  /** The cluster refuses what this worker must do; see `WorkerFailure`. */
  readonly refuse: (error: KafkaError) => void;
}

/** What a kind of worker is made of. */
export interface ThreadWork {
  readonly router: Router;
  readonly kind: WorkerKind;
  readonly sink: LoopSink;
  /** See `LoopParts`. */
  readonly exactEveryMs: number | null;
  /** See `LoopParts`; default: null. */
  readonly tracing?: WorkerTracing | null;
  /** The transaction that it asked to commit is committed. */
  readonly committed?: () => void;
}

export interface ThreadKind<J extends Job, Prepared> {
  /** What may fail and take time; an error is the thread's failure to open. */
  readonly prepare: (job: J) => Promise<Prepared>;
  readonly build: (
    message: OpenMessage<J>,
    prepared: Prepared,
    parts: ThreadParts,
  ) => ThreadWork;
  /** What only this kind is told. */
  readonly told?: (message: ToWorker) => void;
}

class RefusedError extends Error {}

/** Serves the coordinator's messages until the thread ends. */
export function serveThread<J extends Job, Prepared>(
  kind: ThreadKind<J, Prepared>,
): void {
  new ThreadMain(kind).serve();
}

class ThreadMain<J extends Job, Prepared> {
  readonly #kind: ThreadKind<J, Prepared>;
  readonly #endThread = self.close.bind(self);
  #loop: Loop | undefined;
  #work: ThreadWork | undefined;
  #prepared: Promise<Prepared> | undefined;
  #isTransactional = false;
  /** The deadline of a `stop` that came while the kind was preparing. */
  #stopEarly: number | undefined;
  #log = createLog({ level: "info", write: this.#write.bind(this) });

  constructor(kind: ThreadKind<J, Prepared>) {
    this.#kind = kind;
  }

  serve(): void {
    captureConsole(() => this.#log);
    self.onmessage = ({ data }: MessageEvent<ToWorker>) => this.#receive(data);
    // What the user's code throws outside its handlers must not end the thread
    // while a native call is under way: it ends the loop, in order.
    self.addEventListener("error", (event) => {
      event.preventDefault();
      this.#crash(event.error ?? event.message);
    });
    self.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      this.#crash(event.reason);
    });
    // Ending the thread would not be noticed by anybody but the watchdog, and
    // Deno gives a worker's `Deno.exit` no more effect than that.
    const refuseToEnd = () => {
      throw new Error("a processor cannot end its thread or the process");
    };
    Object.assign(self, { close: refuseToEnd });
    Object.assign(Deno, { exit: refuseToEnd });
  }

  #receive(message: ToWorker): void {
    switch (message.kind) {
      case "prepare":
        this.#prepared = this.#kind.prepare(message.job as J);
        this.#prepared.catch(() => {}); // told when it is opened
        break;
      case "open":
        // Who makes threads gives each the job of its kind.
        this.#open(message as OpenMessage<J>);
        break;
      case "topics":
      case "snapshot":
      case "kept":
      case "beginnings":
        this.#kind.told?.(message);
        break;
      case "assign":
        this.#loop?.assign(message.partitions);
        post({ kind: "assigned", partitions: message.partitions });
        break;
      case "release":
        this.#loop?.release(message.partitions);
        break;
      case "committed":
        this.#work?.committed?.();
        this.#loop?.wake();
        break;
      case "stop":
        if (this.#loop === undefined) this.#stopEarly = message.deadlineMs;
        else this.#loop.stop(message.deadlineMs);
        break;
      default:
        message satisfies never;
    }
  }

  async #open(message: OpenMessage<J>): Promise<void> {
    const { job, workerId } = message;
    this.#log = createLog({
      level: new LevelSwitch(job.logLevel),
      write: this.#write.bind(this),
      fields: { worker: workerId },
    });
    this.#isTransactional = job.transaction !== null;
    let prepared: Prepared;
    try {
      prepared = await this.#prepared!;
    } catch (error) {
      this.#fail("open", error);
      return;
    }
    const library = openLibrary(message.libraryPath);
    const parts = this.#parts(message, library);
    const work = this.#kind.build(message, prepared, parts);
    this.#work = work;
    const { page, settlement } = parts;
    const inbox = new Inbox(library, message.inbox, work.router);
    this.#loop = new Loop({
      tracing: null,
      ...work,
      page,
      settlement,
      inbox,
      rate: new RateGate(message.rateLimit),
      limits: job.limits,
      post,
      onEvent: (event) => this.#onProducerEvent(event),
      heapBytes,
    });
    post({ kind: "ready" });
    if (this.#stopEarly !== undefined) this.#loop.stop(this.#stopEarly);
    await this.#run(this.#loop, work, settlement, inbox);
  }

  async #run(
    loop: Loop,
    { sink, tracing }: ThreadWork,
    settlement: Settlement,
    inbox: Inbox,
  ): Promise<void> {
    let failure: unknown;
    try {
      await loop.run();
    } catch (error) {
      failure = error;
    }
    settlement.abandon();
    tracing?.abandon();
    tracing?.publish(true);
    this.#work = undefined;
    inbox[Symbol.dispose]();
    await sink.close();
    if (failure === undefined) {
      post({ kind: "stopped" });
    } else if (failure instanceof FencedError) {
      // It may be taken for hung, and then nobody listens any more.
      post({ kind: "stopped" });
      this.#endThread();
    } else if (failure instanceof TransactionAbortedError) {
      const { message, refused } = failure;
      post({
        kind: "failed",
        failure: { reason: "aborted", message, refused },
      });
    } else {
      const isRefused = failure instanceof RefusedError;
      this.#fail(isRefused ? "cluster" : "crash", failure);
    }
  }

  #parts(message: OpenMessage<J>, library: Library): ThreadParts {
    const page = new WorkerPage(message.page);
    return {
      page,
      settlement: new Settlement(new BatchTimes(page)),
      log: this.#log,
      post,
      openOutbox: (onReport) =>
        new Outbox(
          library,
          message.producer,
          onReport,
          // A fenced worker produces nothing.
          () => page.enter(Phase.native),
        ),
      errorOf: (code, doing) => errorFromCode(library.symbols, code, doing),
      onFetchFailure: (ownership, error) =>
        post({
          kind: "fetchFailed",
          ownership,
          code: error.code,
          message: error.message,
        }),
      loop: () => this.#loop,
      fail: (error) => this.#crash(error),
      refuse: (error) => this.#loop?.fail(new RefusedError(error.message)),
    };
  }

  #onProducerEvent(event: ClientEvent): void {
    switch (event.kind) {
      case "error":
        if (isClientRefused(event.error.code)) {
          this.#loop?.fail(new RefusedError(event.error.message));
        } else if (event.error.fatal) {
          this.#loop?.fail(
            this.#isTransactional
              ? new TransactionAbortedError(event.error.message)
              : event.error,
          );
        } else {
          this.#log.warn("producer", { error: event.error.message });
        }
        break;
      case "log":
        logClientLine(this.#log, event.log);
        break;
      case "tokenRefresh":
        post({ kind: "tokenRefresh", config: event.config });
        break;
      default:
        // Statistics are not asked for; a producer has no rebalances.
        break;
    }
  }

  #crash(error: unknown): void {
    if (this.#loop === undefined) this.#fail("open", error);
    else this.#loop.fail(error);
  }

  #fail(reason: WorkerFailure["reason"], error: unknown): void {
    const message = errorText(error);
    // Otherwise all threads would say the same, and the coordinator says it
    // once.
    if (reason === "crash") this.#log.error("worker failed", { error });
    post({ kind: "failed", failure: { reason, message } });
  }

  #write(line: LogLine): void {
    post({ kind: "log", line });
  }
}

const post = (message: FromWorker) => self.postMessage(message);

/** Heap and buffers of this thread. */
function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
