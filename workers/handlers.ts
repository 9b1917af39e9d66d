/** What record and batch handlers have in common. */
import type { OutputRecord } from "../src/kafka/mod.ts";
import type { WorkerPage } from "../src/pool/page.ts";
import type { StreamJob } from "../src/pool/protocol.ts";
import type { Sample } from "../src/pool/status.ts";
import { attemptOf, type Delays } from "./delays.ts";
import { reasonOf, toRecord } from "./output.ts";
import type { Context, Output, ProcessorLog } from "./processor.ts";
import { InvalidRecordError } from "./record.ts";
import type { Postponement } from "./retry.ts";
import type { Settlement, Ticket } from "./settlement.ts";
import type { Sink } from "./sink.ts";

export interface StreamParts {
  readonly page: WorkerPage;
  readonly settlement: Settlement;
  readonly sink: Sink;
  readonly job: StreamJob;
  readonly delays: Delays;
  readonly log: ProcessorLog;
  /** Called for a record now and then, when samples are wanted. */
  readonly onSample: ((sample: Sample) => void) | undefined;
  /** An error outside the user's handlers. */
  readonly onCrash: (error: unknown) => void;
}

const SAMPLE_EVERY_MS = 500;
const SAMPLE_CHARACTERS = 400;

/** What handlers are told; signals are made only for those that ask. */
class HandlerContext implements Context {
  readonly attempt = 1;
  readonly log: ProcessorLog;
  readonly #worker: AbortSignal;
  readonly #over = new AbortController();
  #signal: AbortSignal | undefined;

  constructor(worker: AbortSignal, log: ProcessorLog) {
    this.#worker = worker;
    this.log = log;
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
  #context: HandlerContext;
  #nextSampleMs = 0;

  constructor(parts: StreamParts) {
    this.parts = parts;
    this.#context = new HandlerContext(this.#abort.signal, parts.log);
  }

  /** Of the next handler. Those that end at once share one. */
  get context(): Context {
    return this.#context;
  }

  /** Starts the time of the handler that was given the context. */
  timed(): { timeout: Promise<never>; cancel: () => void } {
    const { handlerTimeoutMs } = this.parts.job.limits;
    const context = this.#context;
    this.#context = new HandlerContext(this.#abort.signal, this.parts.log);
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

  emit(ticket: Ticket, index: number, output: Output): void {
    const { sink, job } = this.parts;
    sink.add(ticket, index, toRecord(output, job.outputTopic));
  }

  reject(ticket: Ticket, index: number, error: unknown): void {
    const { sink } = this.parts;
    const reason = reasonOf(error);
    const postponement = this.#postponement(ticket, index, error, reason);
    if (postponement === null) sink.reject(ticket, index, reason);
    else sink.postpone(ticket, index, postponement);
  }

  /** Null: trying it again is over, or vain. */
  #postponement(
    ticket: Ticket,
    index: number,
    error: unknown,
    reason: string,
  ): Postponement | null {
    const { delays, job } = this.parts;
    const { attempts, delaysMs } = job.retry;
    if (delaysMs.length === 0 || error instanceof InvalidRecordError) {
      return null;
    }
    const before = attemptOf(ticket.batch, index, delays);
    const attempt = (before?.attempts ?? 0) + 1;
    if (attempt >= attempts) return null;
    const delayMs = delaysMs[Math.min(attempt, delaysMs.length) - 1]!;
    const firstFailureMs = before?.firstFailureMs ?? Date.now();
    return { delayMs, attempt, firstFailureMs, reason };
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
