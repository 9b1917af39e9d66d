/** Where outputs go, and how a worker learns that they arrived. */
import {
  type ClientEvent,
  errorFromCode,
  isPurged,
  isRecordRefused,
  type KafkaError,
  type Library,
  Outbox,
  type OutputRecord,
  type ProducerPort,
} from "../src/kafka/mod.ts";
import { Phase, type WorkerPage } from "../src/pool/page.ts";
import type { Failure } from "./failures.ts";
import { deadLetter, type DeadLetterPlace } from "./dead_letter.ts";
import type { Postponement } from "./retry.ts";
import type { Rejection, Settlement, Ticket } from "./settlement.ts";

export interface Sink {
  /**
   * Produces an output of an input; the input is done when all arrived.
   *
   * Kinds add all outputs of an input, or its dead letter, within one turn of
   * the event loop: between two turns the sink has everything of an input or
   * nothing. A transaction that ends between two turns depends on it.
   */
  add(ticket: Ticket, index: number, record: OutputRecord): void;
  /**
   * Produces the input itself to the dead-letter topic.
   * @param failure where it was tried more than once
   */
  reject(
    ticket: Ticket,
    index: number,
    reason: string,
    failure?: Failure,
  ): void;
  /** Produces the input itself to the delay topic of this delay. */
  postpone(ticket: Ticket, index: number, postponement: Postponement): void;
  /** Hands what was added to the cluster. */
  flush(): void;
  /** Bytes that are not acknowledged. */
  readonly pendingBytes: number;
  /** Serves what has arrived, without waiting; returns other events. */
  collect(): ClientEvent[];
  /** Waits for something to arrive, then does as `collect`. */
  waitAndCollect(timeoutMs: number): Promise<ClientEvent[]>;
  wake(): void;
  /** Adds what arrived since the last call to the page's counters. */
  publish(): void;
  close(): void;
}

/** The output cannot be delivered and trying again would not help. */
export type OnRefused = (error: KafkaError) => void;

/** Marks, in a report's index, an output that is a dead letter. */
const DEAD_LETTER = 0x80000000;

/**
 * The sink of at-least-once: an input is done when librdkafka has reported each
 * of its outputs as acknowledged by the cluster.
 */
export class AcknowledgedSink implements Sink {
  readonly #library: Library;
  readonly #outbox: Outbox;
  readonly #page: WorkerPage;
  readonly #settlement: Settlement;
  readonly #place: DeadLetterPlace;
  readonly #onRefused: OnRefused;
  #produced = 0;
  #deadLettered = 0;

  constructor(
    library: Library,
    port: ProducerPort,
    page: WorkerPage,
    settlement: Settlement,
    place: DeadLetterPlace,
    onRefused: OnRefused,
  ) {
    this.#library = library;
    this.#page = page;
    this.#settlement = settlement;
    this.#place = place;
    this.#onRefused = onRefused;
    this.#outbox = new Outbox(
      library,
      port,
      (slot, index, code) => this.#reported(slot, index, code),
      () => page.enter(Phase.native),
    );
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  add(ticket: Ticket, index: number, record: OutputRecord): void {
    this.#settlement.expect(ticket, index);
    this.#outbox.add(ticket.slot, index, record);
  }

  reject(
    ticket: Ticket,
    index: number,
    reason: string,
    failure?: Failure,
  ): void {
    ticket.rejections ??= new Map();
    if (ticket.rejections.has(index)) return;
    this.#addDeadLetter(ticket, index, { reason, complete: true, failure });
  }

  postpone(): void {
    throw new Error("no delay topics");
  }

  flush(): void {
    this.#outbox.send();
  }

  collect(): ClientEvent[] {
    const events = this.#outbox.collect();
    this.#outbox.send(); // dead letters of what was refused
    return events;
  }

  async waitAndCollect(timeoutMs: number): Promise<ClientEvent[]> {
    const events = await this.#outbox.waitAndCollect(timeoutMs);
    this.#outbox.send();
    return events;
  }

  wake(): void {
    this.#outbox.wake();
  }

  publish(): void {
    this.#page.count("produced", this.#produced);
    this.#page.count("deadLettered", this.#deadLettered);
    this.#produced = this.#deadLettered = 0;
  }

  close(): void {
    this.#outbox[Symbol.dispose]();
  }

  #addDeadLetter(ticket: Ticket, index: number, rejection: Rejection): void {
    ticket.rejections?.set(index, rejection);
    const record = deadLetter(ticket.batch, index, rejection, this.#place);
    this.#settlement.expect(ticket, index);
    this.#outbox.add(ticket.slot, (index | DEAD_LETTER) >>> 0, record);
  }

  #reported(slot: number, marked: number, code: number): void {
    const ticket = this.#settlement.ticket(slot);
    if (ticket === undefined || isPurged(code)) return;
    const isDeadLetter = marked >= DEAD_LETTER;
    const index = isDeadLetter ? marked - DEAD_LETTER : marked;
    if (code === 0) {
      if (isDeadLetter) this.#deadLettered++;
      else this.#produced++;
    } else if (!this.#replaceRefused(ticket, index, isDeadLetter, code)) {
      const what = isDeadLetter ? `produce to ${this.#place.topic}` : "produce";
      this.#onRefused(errorFromCode(this.#library.symbols, code, what));
      return;
    }
    this.#settlement.done(ticket, index);
  }

  /**
   * Where the cluster refuses an output itself, its input becomes a dead
   * letter; where it refuses the dead letter as well, one without the value.
   */
  #replaceRefused(
    ticket: Ticket,
    index: number,
    isDeadLetter: boolean,
    code: number,
  ): boolean {
    if (!isRecordRefused(code)) return false;
    if (!isDeadLetter) {
      const error = errorFromCode(this.#library.symbols, code, "output");
      this.reject(ticket, index, error.message);
      return true;
    }
    const rejection = ticket.rejections?.get(index);
    if (rejection === undefined || !rejection.complete) return false;
    this.#addDeadLetter(ticket, index, { ...rejection, complete: false });
    return true;
  }
}
