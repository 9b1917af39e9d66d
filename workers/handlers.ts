/** What record and batch handlers have in common. */
import type { OutputRecord } from "../src/kafka/mod.ts";
import type { WorkerPage } from "../src/pool/page.ts";
import type { StreamJob } from "../src/pool/protocol.ts";
import type { Sample } from "../src/pool/status.ts";
import type { Log } from "../src/telemetry/log.ts";
import type { DelayTopics } from "./delay_topics.ts";
import type { Failure } from "./failures.ts";
import { reasonOf, toRecord } from "./output.ts";
import type { Context, Output, ProcessorLog, Trace } from "./processor.ts";
import { processorLog } from "./processor_log.ts";
import type { Settlement, Ticket } from "./settlement.ts";
import type { Sink } from "./sink.ts";

export interface StreamParts {
  readonly page: WorkerPage;
  readonly settlement: Settlement;
  readonly sink: Sink;
  readonly job: StreamJob;
  readonly delayTopics: DelayTopics;
  readonly log: Log;
  /** Called for a record now and then, when samples are wanted. */
  readonly onSample: ((sample: Sample) => void) | undefined;
  /** An error outside the user's handlers. */
  readonly onCrash: (error: unknown) => void;
}

const SAMPLE_EVERY_MS = 500;
const SAMPLE_CHARACTERS = 400;

/** What handlers are told; signals are made only for those that ask. */
class HandlerContext implements Context {
  readonly attempt: number;
  readonly trace: Trace | null;
  readonly log: ProcessorLog;
  readonly #worker: AbortSignal;
  readonly #over = new AbortController();
  #signal: AbortSignal | undefined;

  constructor(
    worker: AbortSignal,
    log: ProcessorLog,
    attempt: number,
    trace: Trace | null,
  ) {
    this.#worker = worker;
    this.log = log;
    this.attempt = attempt;
    this.trace = trace;
  }

  get signal(): AbortSignal {
    return this.#signal ??= AbortSignal.any([this.#over.signal, this.#worker]);
  }

  expire(error: Error): void {
    this.#over.abort(error);
  }
}

export class Handlers {
  readonly parts: StreamParts;
  readonly #abort = new AbortController();
  readonly #log: ProcessorLog;
  /** First attempts that end at once, and are in no trace, share one. */
  #first: HandlerContext;
  #nextSampleMs = 0;

  constructor(parts: StreamParts) {
    this.parts = parts;
    this.#log = processorLog(parts.log);
    this.#first = this.#newContext(1);
  }

  /** For one handler. */
  context(past: Failure | null, trace: Trace | null): HandlerContext {
    return past === null && trace === null
      ? this.#first
      : this.#newContext((past?.attempts ?? 0) + 1, trace);
  }

  /** Starts the time of the handler that was given the context. */
  timed(context: HandlerContext): {
    readonly timeout: Promise<never>;
    readonly cancel: () => void;
  } {
    const { handlerTimeoutMs } = this.parts.job.limits;
    if (context === this.#first) this.#first = this.#newContext(1);
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`the handler took over ${handlerTimeoutMs} ms`);
      context.expire(error);
      reject(error);
    }, handlerTimeoutMs);
    promise.catch(() => {}); // the handler may end first
    return { timeout: promise, cancel: () => clearTimeout(timer) };
  }

  abort(): void {
    this.#abort.abort(new Error("the worker ends"));
  }

  /** Whether the worker has ended: what handlers still say is for nobody. */
  get aborted(): boolean {
    return this.#abort.signal.aborted;
  }

  #newContext(attempt: number, trace: Trace | null = null): HandlerContext {
    const log = trace === null
      ? this.#log
      : processorLog(this.parts.log, trace);
    return new HandlerContext(this.#abort.signal, log, attempt, trace);
  }

  /** Whether it is time to show a record to people. */
  get wantsSample(): boolean {
    return this.parts.onSample !== undefined &&
      performance.now() >= this.#nextSampleMs;
  }

  sample(ticket: Ticket, index: number, output: Output | null, error: unknown) {
    this.#nextSampleMs = performance.now() + SAMPLE_EVERY_MS;
    const value = ticket.batch.value(index) ?? new Uint8Array(0);
    const text = new TextDecoder().decode(value.subarray(0, SAMPLE_CHARACTERS));
    this.parts.onSample?.({
      input: text,
      output: output === null
        ? null
        : shown(toRecord(output, this.parts.job.outputTopic)),
      ...(error === undefined ? {} : { reason: reasonOf(error) }),
    });
  }
}

function shown({ value }: OutputRecord): string {
  const text = value instanceof Uint8Array
    ? `${value.length} bytes`
    : value ?? "null";
  return text.slice(0, SAMPLE_CHARACTERS);
}
