/**
 * Runs a processor over records and sends what it returns.
 *
 * A partition's records are handled one after another (ordering `partition`):
 * while an asynchronous handler of one has not ended, later records of the same
 * lane wait, and other lanes go on, up to `concurrency` handlers side by side.
 * A synchronous processor never waits and never queues.
 */
import type { OutputRecord } from "../src/kafka/mod.ts";
import { Phase, type WorkerPage } from "../src/pool/page.ts";
import type { StreamJob } from "../src/pool/protocol.ts";
import type { Sample } from "../src/pool/status.ts";
import type { WorkerKind } from "./kind.ts";
import { OutputError, reasonOf, toRecord } from "./output.ts";
import type {
  BatchOutput,
  BatchProcessor,
  Context,
  Output,
  Processor,
  ProcessorLog,
  RecordProcessor,
} from "./processor.ts";
import { RecordView } from "./record.ts";
import type { Settlement, Ticket } from "./settlement.ts";
import type { Sink } from "./sink.ts";

export interface StreamParts {
  readonly page: WorkerPage;
  readonly settlement: Settlement;
  readonly sink: Sink;
  readonly job: StreamJob;
  readonly log: ProcessorLog;
  /** Called for a record now and then, when samples are wanted. */
  readonly onSample: ((sample: Sample) => void) | undefined;
  /** An error outside the user's handlers. */
  readonly onCrash: (error: unknown) => void;
}

interface Waiting {
  readonly ticket: Ticket;
  readonly index: number;
}

const SAMPLE_EVERY_MS = 500;
const SAMPLE_CHARACTERS = 400;

export function streamKind(
  processor: Processor,
  parts: StreamParts,
): WorkerKind {
  return "process" in processor
    ? new RecordKind(processor, parts)
    : new BatchKind(processor, parts);
}

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

/** What record and batch processors have in common. */
class Handlers {
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
    this.parts.sink.reject(ticket, index, reasonOf(error));
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

class RecordKind implements WorkerKind {
  readonly #processor: RecordProcessor<unknown>;
  readonly #handlers: Handlers;
  readonly #parts: StreamParts;
  /** By lane: the records behind the one whose handler has not ended. */
  readonly #waiting = new Map<number, Waiting[]>();
  /** Lanes that could go on but for the limit on concurrency. */
  #stalled: number[] = [];
  #running = 0;

  constructor(processor: RecordProcessor<unknown>, parts: StreamParts) {
    this.#processor = processor;
    this.#parts = parts;
    this.#handlers = new Handlers(parts);
  }

  handle(ticket: Ticket): void {
    const { lanes, count } = ticket.batch;
    for (let index = 0; index < count; index++) {
      const lane = lanes[index]!;
      const queue = this.#waiting.get(lane);
      if (queue !== undefined) {
        queue.push({ ticket, index });
      } else if (this.#running >= this.#parts.job.limits.concurrency) {
        this.#waiting.set(lane, [{ ticket, index }]);
        this.#stalled.push(lane);
      } else {
        this.#run(ticket, index, lane);
      }
    }
  }

  abort(): void {
    this.#waiting.clear();
    this.#stalled = [];
    this.#handlers.abort();
  }

  /** Returns whether the handler is still under way. */
  #run(ticket: Ticket, index: number, lane: number): boolean {
    const { page } = this.#parts;
    const record = new RecordView(ticket.batch, index, this.#processor.input);
    let result: ReturnType<RecordProcessor<unknown>["process"]>;
    page.enter(Phase.user);
    try {
      result = this.#processor.process(record, this.#handlers.context);
    } catch (error) {
      page.enter(Phase.native);
      this.#reject(ticket, index, error);
      return false;
    }
    page.enter(Phase.native);
    if (!(result instanceof Promise)) {
      this.#finish(ticket, index, result);
      return false;
    }
    this.#runLater(ticket, index, lane, result);
    return true;
  }

  #runLater(
    ticket: Ticket,
    index: number,
    lane: number,
    result: Promise<Output | readonly Output[] | void>,
  ): void {
    this.#running++;
    if (!this.#waiting.has(lane)) this.#waiting.set(lane, []);
    const { timeout, cancel } = this.#handlers.timed();
    Promise.race([result, timeout]).then(
      (outputs) => this.#finish(ticket, index, outputs),
      (error) => this.#reject(ticket, index, error),
    ).then(() => {
      cancel();
      this.#running--;
      this.#stalled.push(lane);
      this.#goOn();
      this.#parts.sink.flush();
    }).catch(this.#parts.onCrash);
  }

  /** Lanes take turns while there is a place for a handler. */
  #goOn(): void {
    const { concurrency } = this.#parts.job.limits;
    while (this.#running < concurrency) {
      const lane = this.#stalled.shift();
      if (lane === undefined) break;
      this.#advance(lane);
    }
  }

  /** Runs what waits in a lane, up to a handler that does not end at once. */
  #advance(lane: number): void {
    const queue = this.#waiting.get(lane);
    for (let next = queue?.shift(); next !== undefined; next = queue?.shift()) {
      if (this.#run(next.ticket, next.index, lane)) return;
    }
    this.#waiting.delete(lane);
  }

  #finish(
    ticket: Ticket,
    index: number,
    result: Output | readonly Output[] | void,
  ): void {
    let first: Output | undefined;
    try {
      if (result === undefined) {
        this.#parts.page.count("skipped", 1);
      } else if (isList(result)) {
        first = result[0];
        // All are made before one is sent: a record goes whole or not at all.
        const records = result.map((each) => this.#toRecord(each));
        for (const each of records) this.#parts.sink.add(ticket, index, each);
        if (first === undefined) this.#parts.page.count("skipped", 1);
      } else {
        first = result;
        this.#parts.sink.add(ticket, index, this.#toRecord(result));
      }
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      this.#reject(ticket, index, error);
      return;
    }
    if (this.#handlers.wantsSample) {
      this.#handlers.sample(ticket, index, first ?? null, undefined);
    }
    this.#parts.settlement.done(ticket, index);
  }

  #toRecord(output: Output): OutputRecord {
    return toRecord(output, this.#parts.job.outputTopic);
  }

  #reject(ticket: Ticket, index: number, error: unknown): void {
    this.#handlers.reject(ticket, index, error);
    if (this.#handlers.wantsSample) {
      this.#handlers.sample(ticket, index, null, error);
    }
    this.#parts.settlement.done(ticket, index);
  }
}

class BatchKind implements WorkerKind {
  readonly #processor: BatchProcessor;
  readonly #handlers: Handlers;
  readonly #parts: StreamParts;
  #waiting: Ticket[] = [];
  #running = false;

  constructor(processor: BatchProcessor, parts: StreamParts) {
    this.#processor = processor;
    this.#parts = parts;
    this.#handlers = new Handlers(parts);
  }

  handle(ticket: Ticket): void {
    // One batch at a time keeps every partition in order.
    if (this.#running) this.#waiting.push(ticket);
    else this.#run(ticket);
  }

  abort(): void {
    this.#waiting = [];
    this.#handlers.abort();
  }

  #run(ticket: Ticket): void {
    const { page } = this.#parts;
    const outputs = new BatchOutputs(ticket, this.#handlers);
    let result: void | Promise<void>;
    page.enter(Phase.user);
    try {
      const { context } = this.#handlers;
      result = this.#processor.processBatch(ticket.batch, outputs, context);
    } catch (error) {
      page.enter(Phase.native);
      this.#finish(ticket, outputs, { error });
      return;
    }
    page.enter(Phase.native);
    if (!(result instanceof Promise)) {
      this.#finish(ticket, outputs, null);
      return;
    }
    this.#running = true;
    const { timeout, cancel } = this.#handlers.timed();
    Promise.race([result, timeout]).then(
      () => this.#finish(ticket, outputs, null),
      (error) => this.#finish(ticket, outputs, { error }),
    ).then(() => {
      cancel();
      this.#running = false;
      while (!this.#running && this.#waiting.length > 0) {
        this.#run(this.#waiting.shift()!);
      }
      this.#parts.sink.flush();
    }).catch(this.#parts.onCrash);
  }

  #finish(
    ticket: Ticket,
    outputs: BatchOutputs,
    failure: { readonly error: unknown } | null,
  ): void {
    const { page, settlement } = this.#parts;
    const missing = outputs.close();
    if (failure === null) page.count("skipped", missing.length);
    else {
      for (const index of missing) {
        this.#handlers.reject(ticket, index, failure.error);
      }
    }
    for (let index = 0; index < ticket.batch.count; index++) {
      settlement.done(ticket, index);
    }
  }
}

/** Takes a batch's outputs as long as the batch is being handled. */
class BatchOutputs implements BatchOutput {
  readonly #ticket: Ticket;
  readonly #handlers: Handlers;
  readonly #answered: Uint8Array;
  #closed = false;

  constructor(ticket: Ticket, handlers: Handlers) {
    this.#ticket = ticket;
    this.#handlers = handlers;
    this.#answered = new Uint8Array(ticket.batch.count);
  }

  emit(index: number, output: Output): void {
    this.#check(index);
    this.#handlers.emit(this.#ticket, index, output);
    this.#answer(index);
  }

  reject(index: number, reason: string): void {
    this.#check(index);
    this.#handlers.reject(this.#ticket, index, reason);
    this.#answer(index);
  }

  /** Takes no more; returns the inputs that have no answer. */
  close(): number[] {
    this.#closed = true;
    const missing: number[] = [];
    this.#answered.forEach((answered, index) => {
      if (answered === 0) missing.push(index);
    });
    return missing;
  }

  /** A later output would be counted to whichever ticket has the slot then. */
  #check(index: number): void {
    if (this.#closed) throw new TypeError("this batch has been settled");
    if (!(index in this.#answered)) {
      throw new RangeError(`record ${index} of ${this.#answered.length}`);
    }
  }

  #answer(index: number): void {
    this.#answered[index] = 1;
    this.#handlers.parts.page.enter(Phase.user);
  }
}

const isList = (
  result: Output | readonly Output[],
): result is readonly Output[] => Array.isArray(result);

function shown({ value }: OutputRecord): string {
  const text = value instanceof Uint8Array
    ? `${value.length} bytes`
    : value ?? "null";
  return text.slice(0, SAMPLE_CHARACTERS);
}
