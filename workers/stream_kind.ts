/**
 * Runs a processor over records and sends what it returns.
 *
 * A partition's records are handled one after another (ordering `partition`):
 * while an asynchronous handler of one has not ended, later records of the same
 * lane wait, and other lanes go on, up to `concurrency` handlers side by side.
 * A synchronous processor never waits and never queues.
 */
import type { OutputRecord } from "../src/kafka/mod.ts";
import { Phase } from "../src/pool/page.ts";
import { BatchKind } from "./batch_kind.ts";
import { Handlers, type StreamParts } from "./handlers.ts";
import type { WorkerKind } from "./kind.ts";
import { OutputError, toRecord } from "./output.ts";
import type { Output, Processor, RecordProcessor } from "./processor.ts";
import { Queue } from "./queue.ts";
import { RecordView } from "./record.ts";
import type { Ticket } from "./settlement.ts";

interface Waiting {
  readonly ticket: Ticket;
  readonly index: number;
}

export function streamKind(
  processor: Processor,
  parts: StreamParts,
): WorkerKind {
  return "process" in processor
    ? new RecordKind(processor, parts)
    : new BatchKind(processor, parts);
}

class RecordKind implements WorkerKind {
  readonly #processor: RecordProcessor<unknown>;
  readonly #handlers: Handlers;
  readonly #parts: StreamParts;
  /** By lane: the records behind the one whose handler has not ended. */
  readonly #waiting = new Map<number, Queue<Waiting>>();
  /** Lanes that could go on but for the limit on concurrency. */
  readonly #stalled: number[] = [];
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
        this.#queueOf(lane).push({ ticket, index });
        this.#stalled.push(lane);
      } else {
        this.#run(ticket, index, lane);
      }
    }
  }

  abort(): void {
    this.#waiting.clear();
    this.#handlers.abort();
  }

  /** A lane with a queue is busy: its next records wait in it. */
  #queueOf(lane: number): Queue<Waiting> {
    let queue = this.#waiting.get(lane);
    if (queue === undefined) {
      queue = new Queue();
      this.#waiting.set(lane, queue);
    }
    return queue;
  }

  /** Returns whether the handler is still under way. */
  #run(ticket: Ticket, index: number, lane: number): boolean {
    const { page, delays } = this.#parts;
    const record = new RecordView(ticket.batch, index, this.#processor, delays);
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
    this.#queueOf(lane); // whatever comes meanwhile waits behind it
    const { timeout, cancel } = this.#handlers.timed();
    Promise.race([result, timeout]).then(
      (outputs) => this.#finish(ticket, index, outputs),
      (error) => this.#reject(ticket, index, error),
    ).finally(cancel).then(() => {
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
    let next: Waiting | undefined;
    while ((next = queue?.shift()) !== undefined) {
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

const isList = (
  result: Output | readonly Output[],
): result is readonly Output[] => Array.isArray(result);
