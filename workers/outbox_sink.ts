/** What the sinks of both guarantees share: records on their way, and reports. */
import {
  type ClientEvent,
  isPurged,
  type KafkaError,
  type OnReport,
  type Outbox,
  type OutputRecord,
} from "../src/kafka/mod.ts";
import type { WorkerPage } from "../src/pool/page.ts";
import type { Position } from "../src/pool/protocol.ts";
import { deadLetter, type DeadLetterPlace } from "./dead_letter.ts";
import type { Rejection, Settlement, Ticket } from "./settlement.ts";
import type { Sink } from "./sink.ts";

export type OutboxUse = Pick<
  Outbox,
  | "add"
  | "collect"
  | "pendingBytes"
  | "pendingRecords"
  | "send"
  | "waitAndCollect"
  | "wake"
  | typeof Symbol.dispose
>;

export interface OutboxSinkParts {
  readonly openOutbox: (onReport: OnReport) => OutboxUse;
  /** What a code means that a report has. */
  readonly errorOf: (code: number, doing: string) => KafkaError;
  readonly page: WorkerPage;
  readonly settlement: Settlement;
  readonly place: DeadLetterPlace;
  /** An output cannot be delivered and trying again would not help. */
  readonly onRefused: (error: KafkaError) => void;
}

export interface FailedOutput {
  readonly ticket: Ticket;
  readonly index: number;
  readonly isDeadLetter: boolean;
  readonly error: KafkaError;
  /** It never left this process. */
  readonly isUnsent: boolean;
}

/** Marks, in a report's index, an output that is a dead letter. */
const DEAD_LETTER = 0x80000000;

export abstract class OutboxSink implements Sink {
  protected readonly parts: OutboxSinkParts;
  protected readonly outbox: OutboxUse;
  protected produced = 0;
  protected deadLettered = 0;

  constructor(parts: OutboxSinkParts) {
    this.parts = parts;
    this.outbox = parts.openOutbox((...report) => this.#reported(...report));
  }

  abstract readonly idle: boolean;
  abstract settle(hurry: boolean): void;
  abstract takeChanged(): Position[];
  abstract publish(): void;

  /**
   * An output, or a dead letter, was not delivered.
   * @returns whether the input can be done all the same
   */
  protected abstract failed(output: FailedOutput): boolean;

  get pendingBytes(): number {
    return this.outbox.pendingBytes;
  }

  add(ticket: Ticket, index: number, record: OutputRecord): void {
    this.parts.settlement.expect(ticket, index);
    this.put(ticket.slot, index, record);
  }

  reject(ticket: Ticket, index: number, reason: string): void {
    ticket.rejections ??= new Map();
    if (ticket.rejections.has(index)) return;
    this.addDeadLetter(ticket, index, { reason, complete: true });
  }

  flush(): void {
    this.outbox.send();
  }

  collect(): ClientEvent[] {
    const events = this.outbox.collect();
    this.flush(); // dead letters of what was refused
    return events;
  }

  async waitAndCollect(timeoutMs: number): Promise<ClientEvent[]> {
    const events = await this.outbox.waitAndCollect(timeoutMs);
    this.flush();
    return events;
  }

  wake(): void {
    this.outbox.wake();
  }

  close(): void {
    this.outbox[Symbol.dispose]();
  }

  protected put(slot: number, marked: number, record: OutputRecord): void {
    this.outbox.add(slot, marked, record);
  }

  /**
   * Where the cluster refuses an output itself, its input becomes a dead
   * letter; where it refuses the dead letter as well, one without the value.
   * @returns false where not even that is left
   */
  protected replace({ ticket, index, isDeadLetter, error }: FailedOutput) {
    if (!isDeadLetter) {
      this.reject(ticket, index, error.message);
      return true;
    }
    const rejection = ticket.rejections?.get(index);
    if (rejection === undefined || !rejection.complete) return false;
    this.addDeadLetter(ticket, index, { ...rejection, complete: false });
    return true;
  }

  protected addDeadLetter(
    ticket: Ticket,
    index: number,
    rejection: Rejection,
  ): void {
    ticket.rejections?.set(index, rejection);
    const { reason, complete } = rejection;
    const { place, settlement } = this.parts;
    const record = deadLetter(ticket.batch, index, reason, place, complete);
    settlement.expect(ticket, index);
    this.put(ticket.slot, (index | DEAD_LETTER) >>> 0, record);
  }

  #reported(
    slot: number,
    marked: number,
    code: number,
    isUnsent: boolean,
  ): void {
    const { errorOf, place, settlement } = this.parts;
    const ticket = settlement.ticket(slot);
    if (ticket === undefined || isPurged(code)) return;
    const isDeadLetter = marked >= DEAD_LETTER;
    const index = isDeadLetter ? marked - DEAD_LETTER : marked;
    if (code === 0) {
      if (isDeadLetter) this.deadLettered++;
      else this.produced++;
    } else {
      const what = isDeadLetter ? `produce to ${place.topic}` : "output";
      const error = errorOf(code, what);
      if (!this.failed({ ticket, index, isDeadLetter, error, isUnsent })) {
        return;
      }
    }
    settlement.done(ticket, index);
  }
}
