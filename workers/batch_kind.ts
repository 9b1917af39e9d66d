/** Runs a batch processor: one batch after another, which keeps every order. */
import { Phase } from "../src/pool/page.ts";
import { Handlers, type StreamParts } from "./handlers.ts";
import type { WorkerKind } from "./kind.ts";
import type { BatchOutput, BatchProcessor, Output } from "./processor.ts";
import type { Ticket } from "./settlement.ts";

export class BatchKind implements WorkerKind {
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
    ).finally(cancel).then(() => {
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

  // Functions, not methods: processors take them out of their object.
  readonly emit = (index: number, output: Output): void => {
    this.#check(index);
    this.#handlers.emit(this.#ticket, index, output);
    this.#answer(index);
  };

  readonly reject = (index: number, reason: string): void => {
    this.#check(index);
    this.#handlers.reject(this.#ticket, index, reason);
    this.#answer(index);
  };

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
