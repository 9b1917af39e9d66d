/**
 * Runs a processor over records, one by one, and sends what it returns.
 *
 * The records of a line (see `lines.ts`) are handled one after another: while
 * an asynchronous handler has not ended, or a record waits for its next
 * attempt, those behind it wait, and other lines go on, up to `concurrency`
 * handlers side by side. Nobody waits behind a handler that ends at once, and
 * while there are only such ones no line is looked up.
 */
import type { OutputRecord } from "../src/kafka/mod.ts";
import { Phase } from "../src/pool/page.ts";
import { Delays } from "./delays.ts";
import { type Failure, Failures } from "./failures.ts";
import { Handlers, type StreamParts } from "./handlers.ts";
import type { WorkerKind } from "./kind.ts";
import { Line, type LineId, lineOf } from "./lines.ts";
import { OutputError, toRecord } from "./output.ts";
import type { Output, RecordProcessor } from "./processor.ts";
import { Queue } from "./queue.ts";
import { RecordView } from "./record.ts";
import type { Ticket } from "./settlement.ts";

type Result = Output | readonly Output[] | void;

export class RecordKind implements WorkerKind {
  readonly #processor: RecordProcessor<unknown>;
  readonly #handlers: Handlers;
  readonly #failures: Failures;
  readonly #delays: Delays;
  readonly #parts: StreamParts;
  /** Those with a record under way; one without an id is not found. */
  readonly #lines = new Map<LineId, Line>();
  /** Lines under way, with those that have no id. */
  #open = 0;
  /** Lines that could go on but for the limit on concurrency. */
  #stalled = new Queue<Line>();
  #running = 0;

  constructor(processor: RecordProcessor<unknown>, parts: StreamParts) {
    this.#processor = processor;
    this.#parts = parts;
    this.#handlers = new Handlers(parts);
    this.#failures = new Failures(parts);
    this.#delays = new Delays(parts.onCrash);
  }

  handle(ticket: Ticket): void {
    const { batch } = ticket;
    const { delayTopics } = this.#parts;
    for (let index = 0; index < batch.count; index++) {
      const past = delayTopics.failureBefore(batch, index);
      if (this.#open === 0) this.#run(ticket, index, past, null);
      else this.#join(ticket, index, past);
    }
  }

  abort(): void {
    this.#lines.clear();
    this.#stalled = new Queue();
    this.#delays.clear();
    this.#handlers.abort();
  }

  /** Handles a record as soon as its line and the concurrency let it. */
  #join(ticket: Ticket, index: number, past: Failure | null): void {
    const { job } = this.#parts;
    const id = lineOf(job.ordering, ticket.batch, index);
    const line = this.#lines.get(id);
    if (line !== undefined) {
      line.push({ ticket, index, past });
    } else if (this.#running >= job.limits.concurrency) {
      const stalled = this.#openLine(id);
      stalled.push({ ticket, index, past });
      this.#stalled.push(stalled);
    } else {
      this.#run(ticket, index, past, null);
    }
  }

  #openLine(id: LineId): Line {
    const line = new Line(id);
    this.#open++;
    if (id !== null) this.#lines.set(id, line);
    return line;
  }

  /** The line of a record that does not end at once. */
  #lineOf(ticket: Ticket, index: number): Line {
    const { ordering } = this.#parts.job;
    return this.#openLine(lineOf(ordering, ticket.batch, index));
  }

  /**
   * @param line null: not opened, because nothing of it is under way
   * @returns whether the record is still under way.
   */
  #run(
    ticket: Ticket,
    index: number,
    past: Failure | null,
    line: Line | null,
  ): boolean {
    const { page, delayTopics } = this.#parts;
    const record = new RecordView(
      ticket.batch,
      index,
      this.#processor,
      delayTopics,
    );
    const trace = ticket.trace?.begin(index) ?? null;
    const context = this.#handlers.context(past, trace);
    let result: Result | Promise<Result>;
    page.enter(Phase.user);
    try {
      result = this.#processor.process(record, context);
    } catch (error) {
      page.enter(Phase.native);
      return this.#failed(ticket, index, past, line, error);
    }
    page.enter(Phase.native);
    if (!(result instanceof Promise)) {
      return this.#finish(ticket, index, past, line, result);
    }
    const busy = line ?? this.#lineOf(ticket, index);
    this.#running++;
    const { timeout, cancel } = this.#handlers.timed(context);
    Promise.race([result, timeout]).then(
      (outputs) => this.#finish(ticket, index, past, busy, outputs),
      (error) => this.#failed(ticket, index, past, busy, error),
    ).finally(cancel).then((waits) => {
      this.#running--;
      if (!waits) this.#stalled.push(busy);
      this.#goOn();
      this.#parts.sink.flush();
    }).catch(this.#parts.onCrash);
    return true;
  }

  /** Lines take turns while there is a place for a handler. */
  #goOn(): void {
    const { concurrency } = this.#parts.job.limits;
    while (this.#running < concurrency && !this.#handlers.aborted) {
      const line = this.#stalled.shift();
      if (line === undefined) break;
      this.#advance(line);
    }
  }

  /** Runs what waits in a line, up to a record that does not end at once. */
  #advance(line: Line): void {
    let next;
    while ((next = line.shift()) !== undefined) {
      if (this.#run(next.ticket, next.index, next.past, line)) return;
    }
    this.#open--;
    this.#lines.delete(line.id);
  }

  /** @returns whether the record waits for another attempt. */
  #finish(
    ticket: Ticket,
    index: number,
    past: Failure | null,
    line: Line | null,
    result: Result,
  ): boolean {
    if (this.#handlers.aborted) return false;
    let first: Output | undefined;
    try {
      if (result === undefined) {
        this.#parts.sink.skip();
      } else if (isList(result)) {
        first = result[0];
        // All are made before one is sent: a record goes whole or not at all.
        const records = result.map((each) => this.#toRecord(each));
        for (const each of records) {
          this.#parts.sink.add(ticket, index, each, records.length);
        }
        if (first === undefined) this.#parts.sink.skip();
      } else {
        first = result;
        this.#parts.sink.add(ticket, index, this.#toRecord(result), 1);
      }
    } catch (error) {
      if (!(error instanceof OutputError)) throw error;
      return this.#failed(ticket, index, past, line, error);
    }
    if (this.#handlers.wantsSample) {
      this.#handlers.sample(ticket, index, first ?? null, undefined);
    }
    this.#parts.settlement.handled(ticket, index);
    return false;
  }

  #toRecord(output: Output): OutputRecord {
    return toRecord(output, this.#parts.job.outputTopic);
  }

  /** @returns whether the record waits for another attempt. */
  #failed(
    ticket: Ticket,
    index: number,
    past: Failure | null,
    line: Line | null,
    error: unknown,
  ): boolean {
    if (this.#handlers.aborted) return false;
    ticket.trace?.failed(index, error);
    const wait = this.#failures.fail(ticket, index, past, error);
    if (this.#handlers.wantsSample) {
      this.#handlers.sample(ticket, index, null, error);
    }
    if (wait === null) {
      this.#parts.settlement.handled(ticket, index);
      return false;
    }
    const held = line ?? this.#lineOf(ticket, index);
    this.#delays.after(wait.delayMs, () => {
      held.again({ ticket, index, past: wait.failure });
      this.#stalled.push(held);
      this.#goOn();
      this.#parts.sink.flush();
    });
    return true;
  }
}

const isList = (
  result: Output | readonly Output[],
): result is readonly Output[] => Array.isArray(result);
