/** What the sinks of both guarantees share: records on their way, and reports. */
import {
  type ClientEvent,
  type Header,
  isPurged,
  isRecordRefused,
  type KafkaError,
  type OnReport,
  type Outbox,
  type OutputRecord,
} from "../src/kafka/mod.ts";
import { COORDINATES_HEADER } from "../src/pool/coordinates.ts";
import type { Counter, WorkerPage } from "../src/pool/page.ts";
import { BEFORE_HEADER } from "../src/pool/places.ts";
import type { Position } from "../src/pool/protocol.ts";
import { deadLetter, type DeadLetterPlace } from "./dead_letter.ts";
import { NO_DELAY_TOPICS } from "./delay_topics.ts";
import type { Failure } from "./failures.ts";
import type {
  NumberedOutput,
  OutputCoordinates,
} from "./output_coordinates.ts";
import type { Postponement } from "./retry.ts";
import type { Rejection, Settlement, Ticket } from "./settlement.ts";
import type { Sink } from "./sink.ts";

export type OutboxUse = Pick<
  Outbox,
  | "add"
  | "collect"
  | "hurry"
  | "pendingBytes"
  | "pendingRecords"
  | "send"
  | "settled"
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
  /** Null: outputs say nothing of their inputs, and none is known to be there. */
  readonly coordinates: OutputCoordinates | null;
  /** An output cannot be delivered and trying again would not help. */
  readonly onRefused: (error: KafkaError) => void;
}

export type Counts = Readonly<Record<Exclude<Counter, "fetched">, number>>;

/** A result of the processor, or the input itself. */
export type OutputKind = "result" | "deadLetter" | "postponed";

export interface FailedOutput {
  readonly ticket: Ticket;
  readonly index: number;
  readonly kind: OutputKind;
  readonly error: KafkaError;
  /** It never left this process. */
  readonly isUnsent: boolean;
}

// Marks, in a report's index, what an output is.
const DEAD_LETTER = 0x80000000;
const POSTPONED = 0x40000000;
const INDEX = POSTPONED - 1;

/** Where outputs have no coordinates, and none is there already. */
const UNNUMBERED: NumberedOutput = {
  ordinal: 0,
  header: null,
  before: null,
  isDone: false,
};

export abstract class OutboxSink implements Sink {
  protected readonly parts: OutboxSinkParts;
  protected readonly outbox: OutboxUse;
  protected produced = 0;
  protected deadLettered = 0;
  protected skipped = 0;
  protected retried = 0;
  protected alreadyDone = 0;

  constructor(parts: OutboxSinkParts) {
    this.parts = parts;
    this.outbox = parts.openOutbox((slot, marked, code, isUnsent) =>
      this.#reported(slot, marked, code, isUnsent)
    );
  }

  abstract readonly idle: boolean;
  abstract settle(hurry: boolean, isDrained: boolean): void;
  abstract takeChanged(exact: boolean, last: boolean): Position[];
  abstract publish(): void;

  /**
   * An output, or a dead letter, was not delivered.
   * @returns whether the input can be done all the same
   */
  protected abstract failed(output: FailedOutput): boolean;

  get pendingBytes(): number {
    return this.outbox.pendingBytes;
  }

  add(ticket: Ticket, index: number, record: OutputRecord, count = 0): void {
    const { coordinates } = this.parts;
    const output = coordinates?.next(ticket, index, count, record.topic) ??
      UNNUMBERED;
    if (output.isDone) this.alreadyDone++;
    else this.#send(ticket, index, index, record, output);
  }

  reject(
    ticket: Ticket,
    index: number,
    reason: string,
    failure?: Failure,
  ): void {
    ticket.rejections ??= new Map();
    if (ticket.rejections.has(index)) return;
    this.addDeadLetter(ticket, index, { reason, complete: true, failure });
  }

  postpone(ticket: Ticket, index: number, postponement: Postponement): void {
    const { coordinates, place: { delayTopics = NO_DELAY_TOPICS } } =
      this.parts;
    ticket.postponements ??= new Map();
    ticket.postponements.set(index, postponement);
    const topic = delayTopics.topicOf(postponement.delayMs);
    const output = coordinates?.next(ticket, index, 1, topic) ?? UNNUMBERED;
    if (output.isDone) {
      this.alreadyDone++;
      return;
    }
    const record = delayTopics.postponed(
      ticket.batch,
      index,
      postponement,
      Date.now(),
      coordinates?.doneOf(ticket, index),
    );
    this.#send(ticket, index, index | POSTPONED, record, output);
  }

  skip(): void {
    this.skipped++;
  }

  /** What has been counted since the last call. */
  protected takeCounts(): Counts {
    const { produced, deadLettered, skipped, retried, alreadyDone } = this;
    this.produced =
      this.deadLettered =
      this.skipped =
      this.retried =
      this.alreadyDone =
        0;
    const consumed = this.parts.settlement.takeSettledRecords();
    return {
      consumed,
      produced,
      deadLettered,
      skipped,
      retried,
      alreadyDone,
    };
  }

  protected count(counts: Counts): void {
    const { page } = this.parts;
    page.count("consumed", counts.consumed);
    page.count("produced", counts.produced);
    page.count("deadLettered", counts.deadLettered);
    page.count("skipped", counts.skipped);
    page.count("retried", counts.retried);
    page.count("alreadyDone", counts.alreadyDone);
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

  async close(): Promise<void> {
    await this.outbox.settled();
    this.outbox[Symbol.dispose]();
  }

  /** @param header behind those of the record */
  protected put(
    slot: number,
    marked: number,
    record: OutputRecord,
    header: Header | null,
  ): void {
    this.outbox.add(slot, marked, record, header);
  }

  #send(
    ticket: Ticket,
    index: number,
    marked: number,
    record: OutputRecord,
    { before, header }: NumberedOutput,
  ): void {
    this.parts.settlement.expect(ticket, index);
    const own = withoutCoordinates(record);
    const said = before === null
      ? own
      : { ...own, headers: [...own.headers ?? [], before] };
    const traced = ticket.trace?.sending(index, said) ?? said;
    this.put(ticket.slot, marked, traced, header);
  }

  /**
   * Where the cluster refuses a result itself, or the input in a delay topic,
   * the input becomes a dead letter; where it refuses the dead letter as well,
   * one without the value.
   * @returns false where not even that is left
   */
  protected replace({ ticket, index, kind, error }: FailedOutput): boolean {
    if (kind !== "deadLetter") {
      this.parts.coordinates?.replaceOnly(ticket, index);
    }
    if (kind === "result") {
      this.reject(ticket, index, error.message);
      return true;
    }
    if (kind === "postponed") {
      const { failure, reason } = ticket.postponements!.get(index)!;
      ticket.postponements!.delete(index);
      this.reject(ticket, index, reason, failure);
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
    const { coordinates, place } = this.parts;
    const output = coordinates?.letter(ticket, index, rejection, place.topic) ??
      UNNUMBERED;
    const { ordinal } = output;
    ticket.rejections?.set(index, { ...rejection, ordinal });
    if (output.isDone) {
      this.alreadyDone++;
      return;
    }
    const record = deadLetter(ticket.batch, index, rejection, place);
    const marked = (index | DEAD_LETTER) >>> 0;
    this.#send(ticket, index, marked, record, output);
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
    const index = marked & INDEX;
    const kind = kindOf(marked);
    if (code === 0) {
      if (kind === "deadLetter") this.deadLettered++;
      else if (kind === "postponed") this.retried++;
      else this.produced++;
    } else {
      const what = kind === "deadLetter"
        ? `produce to ${place.topic}`
        : isRecordRefused(code)
        ? "output"
        : "produce";
      const error = errorOf(code, what);
      if (!this.failed({ ticket, index, kind, error, isUnsent })) return;
    }
    settlement.done(ticket, index);
  }
}

/** Those that came with the headers of the input say where that comes from. */
function withoutCoordinates(record: OutputRecord): OutputRecord {
  const { headers } = record;
  return headers === undefined || !headers.some(areCoordinates)
    ? record
    : { ...record, headers: headers.filter((each) => !areCoordinates(each)) };
}

const areCoordinates = ({ key }: Header) =>
  key === COORDINATES_HEADER || key === BEFORE_HEADER;

function kindOf(marked: number): OutputKind {
  if ((marked & DEAD_LETTER) !== 0) return "deadLetter";
  return (marked & POSTPONED) !== 0 ? "postponed" : "result";
}
