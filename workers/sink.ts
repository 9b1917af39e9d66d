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
import { deadLetter, type DeadLetterPlace } from "./dead_letter.ts";
import { type Failures, NO_DELAYS } from "./delays.ts";
import type { Postponement } from "./retry.ts";
import type { Rejection, Settlement, Ticket } from "./settlement.ts";

export interface Sink {
  /** Produces an output of an input; the input is done when all arrived. */
  add(ticket: Ticket, index: number, record: OutputRecord): void;
  /**
   * Produces the input itself to the dead-letter topic.
   * @param failures the attempts that were made; absent: those that the headers
   * of a record from a delay topic tell, and this one
   */
  reject(
    ticket: Ticket,
    index: number,
    reason: string,
    failures?: Failures,
  ): void;
  /**
   * Produces the input itself to the delay topic of this delay; where the
   * cluster refuses it there, to the dead-letter topic.
   */
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

// Marks, in a report's index, what an output is.
const DEAD_LETTER = 0x80000000;
const POSTPONED = 0x40000000;
const INDEX = POSTPONED - 1;

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
  #retried = 0;

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
    failures?: Failures,
  ): void {
    ticket.rejections ??= new Map();
    if (ticket.rejections.has(index)) return;
    this.#addDeadLetter(ticket, index, { reason, failures, complete: true });
  }

  postpone(ticket: Ticket, index: number, postponement: Postponement): void {
    const { delays = NO_DELAYS } = this.#place;
    const now = Date.now();
    const record = delays.postponed(ticket.batch, index, postponement, now);
    ticket.postponements ??= new Map();
    ticket.postponements.set(index, postponement);
    this.#settlement.expect(ticket, index);
    this.#outbox.add(ticket.slot, index | POSTPONED, record);
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
    this.#page.count("retried", this.#retried);
    this.#produced = this.#deadLettered = this.#retried = 0;
  }

  close(): void {
    this.#outbox[Symbol.dispose]();
  }

  #addDeadLetter(ticket: Ticket, index: number, rejection: Rejection): void {
    ticket.rejections?.set(index, rejection);
    const { reason, complete, failures } = rejection;
    const record = deadLetter(
      ticket.batch,
      index,
      reason,
      this.#place,
      complete,
      failures,
    );
    this.#settlement.expect(ticket, index);
    this.#outbox.add(ticket.slot, (index | DEAD_LETTER) >>> 0, record);
  }

  #reported(slot: number, marked: number, code: number): void {
    const ticket = this.#settlement.ticket(slot);
    if (ticket === undefined || isPurged(code)) return;
    const index = marked & INDEX;
    const kind = kindOf(marked);
    if (code === 0) {
      if (kind === "deadLetter") this.#deadLettered++;
      else if (kind === "postponed") this.#retried++;
      else this.#produced++;
    } else if (!this.#replaceRefused(ticket, index, kind, code)) {
      const { topic } = this.#place;
      const what = kind === "deadLetter" ? `produce to ${topic}` : "produce";
      this.#onRefused(errorFromCode(this.#library.symbols, code, what));
      return;
    }
    this.#settlement.done(ticket, index);
  }

  /**
   * Where the cluster refuses an output itself, or the input in a delay topic,
   * the input becomes a dead letter; where it refuses the dead letter as well,
   * one without the value.
   */
  #replaceRefused(
    ticket: Ticket,
    index: number,
    kind: OutputKind,
    code: number,
  ): boolean {
    if (!isRecordRefused(code)) return false;
    if (kind === "postponed") {
      const { reason, attempt, firstFailureMs } = ticket.postponements!
        .get(index)!;
      ticket.postponements!.delete(index);
      this.reject(ticket, index, reason, { attempts: attempt, firstFailureMs });
      return true;
    }
    if (kind === "output") {
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

type OutputKind = "output" | "deadLetter" | "postponed";

function kindOf(marked: number): OutputKind {
  if ((marked & DEAD_LETTER) !== 0) return "deadLetter";
  return (marked & POSTPONED) !== 0 ? "postponed" : "output";
}
