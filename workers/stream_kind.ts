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
import type {
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

/** What record and batch processors have in common. */
class Handlers {
  readonly parts: StreamParts;
  readonly #abort = new AbortController();
  readonly #context: Context;
  #nextSampleMs = 0;

  constructor(parts: StreamParts) {
    this.parts = parts;
    this.#context = {
      signal: this.#abort.signal,
      attempt: 1,
      log: parts.log,
    };
  }

  get context(): Context {
    return this.#context;
  }

  /** A context whose signal also ends after the handler's time. */
  timed(): { context: Context; timeout: Promise<never>; cancel: () => void } {
    const { handlerTimeoutMs } = this.parts.job.limits;
    const over = new AbortController();
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`the handler took over ${handlerTimeoutMs} ms`);
      over.abort(error);
      reject(error);
    }, handlerTimeoutMs);
    promise.catch(() => {}); // the handler may end first
    const signal = AbortSignal.any([over.signal, this.#abort.signal]);
    return {
      context: { ...this.#context, signal },
      timeout: promise,
      cancel: () => clearTimeout(timer),
    };
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

  #run(ticket: Ticket, index: number, lane: number): void {
    const { page } = this.#parts;
    const record = new RecordView(ticket.batch, index, this.#processor.input);
    let result: ReturnType<RecordProcessor<unknown>["process"]>;
    page.enter(Phase.user);
    try {
      result = this.#processor.process(record, this.#handlers.context);
    } catch (error) {
      page.enter(Phase.native);
      this.#reject(ticket, index, error);
      return;
    }
    page.enter(Phase.native);
    if (result instanceof Promise) {
      this.#runLater(ticket, index, lane, result);
    } else {
      this.#finish(ticket, index, result);
    }
  }

  #runLater(
    ticket: Ticket,
    index: number,
    lane: number,
    result: Promise<Output | readonly Output[] | void>,
  ): void {
    this.#running++;
    this.#waiting.set(lane, this.#waiting.get(lane) ?? []);
    const { timeout, cancel } = this.#handlers.timed();
    Promise.race([result, timeout]).then(
      (outputs) => this.#finish(ticket, index, outputs),
      (error) => this.#reject(ticket, index, error),
    ).then(() => {
      cancel();
      this.#running--;
      this.#goOn(lane);
      this.#parts.sink.flush();
    }).catch(this.#parts.onCrash);
  }

  /** Runs what waits in this lane, then in lanes that waited for a place. */
  #goOn(first: number): void {
    let lane: number | undefined = first;
    while (lane !== undefined) {
      const queue = this.#waiting.get(lane);
      this.#waiting.delete(lane);
      while (queue !== undefined && queue.length > 0) {
        if (this.#running >= this.#parts.job.limits.concurrency) {
          this.#waiting.set(lane, queue);
          this.#stalled.push(lane);
          return;
        }
        const { ticket, index } = queue.shift()!;
        this.#run(ticket, index, lane);
        const behind = this.#waiting.get(lane);
        if (behind !== undefined) {
          behind.push(...queue);
          break;
        }
      }
      lane = this.#stalled.shift();
    }
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
    const emitted = new Uint8Array(ticket.batch.count);
    const { context, timeout, cancel } = this.#handlers.timed();
    let result: void | Promise<void>;
    page.enter(Phase.user);
    try {
      result = this.#processor.processBatch(ticket.batch, {
        emit: (index, output) => {
          this.#handlers.emit(ticket, index, output);
          emitted[index] = 1;
          page.enter(Phase.user);
        },
        reject: (index, reason) => {
          this.#handlers.reject(ticket, index, reason);
          emitted[index] = 1;
          page.enter(Phase.user);
        },
      }, context);
    } catch (error) {
      page.enter(Phase.native);
      cancel();
      this.#finish(ticket, emitted, error);
      return;
    }
    page.enter(Phase.native);
    if (!(result instanceof Promise)) {
      cancel();
      this.#finish(ticket, emitted, undefined);
      return;
    }
    this.#running = true;
    Promise.race([result, timeout]).then(
      () => this.#finish(ticket, emitted, undefined),
      (error) => this.#finish(ticket, emitted, error ?? "unknown error"),
    ).then(() => {
      cancel();
      this.#running = false;
      while (!this.#running && this.#waiting.length > 0) {
        this.#run(this.#waiting.shift()!);
      }
      this.#parts.sink.flush();
    }).catch(this.#parts.onCrash);
  }

  #finish(ticket: Ticket, emitted: Uint8Array, error: unknown): void {
    const { page, settlement } = this.#parts;
    let skipped = 0;
    for (let index = 0; index < emitted.length; index++) {
      if (emitted[index] === 0) {
        if (error === undefined) skipped++;
        else this.#handlers.reject(ticket, index, error);
      }
      settlement.done(ticket, index);
    }
    page.count("skipped", skipped);
  }
}

/** An output that cannot be written: it is the processor's mistake. */
class OutputError extends TypeError {
  override readonly name = "OutputError";
}

function toRecord(output: Output, topic: string): OutputRecord {
  if (typeof output !== "object" || output === null || !("value" in output)) {
    throw new OutputError("an output must be an object with a `value`");
  }
  return {
    topic: output.topic ?? topic,
    key: output.key,
    value: toValue(output.value),
    headers: output.headers,
    timestampMs: output.timestampMs,
    partition: output.partition,
  };
}

function toValue(value: unknown): string | Uint8Array | null {
  if (value === null || typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw new OutputError(`an output is not JSON: ${reasonOf(error)}`);
  }
  if (json === undefined) throw new OutputError("an output has no value");
  return json;
}

const isList = (
  result: Output | readonly Output[],
): result is readonly Output[] => Array.isArray(result);

function reasonOf(error: unknown): string {
  if (error instanceof Error) {
    const plain = error.name === "Error" || error.name.startsWith("Invalid");
    return plain ? error.message : `${error.name}: ${error.message}`;
  }
  return String(error);
}

function shown({ value }: OutputRecord): string {
  const text = value instanceof Uint8Array
    ? `${value.length} bytes`
    : value ?? "null";
  return text.slice(0, SAMPLE_CHARACTERS);
}
