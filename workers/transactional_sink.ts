/**
 * The sink of exactly-once: outputs, dead letters and the positions of their
 * inputs count together or not at all. The worker's producer is always in a
 * transaction; the coordinator commits it and begins the next one.
 *
 *     open ──long enough, or hurry──> closing ──all reported──> committing
 *      ^                                                             │
 *      └──────────────────────── committed ──────────────────────────┘
 *
 * While it is not open, what is added waits in the outbox: records are processed
 * on while a commit is under way, within the bound of pending bytes.
 */
import {
  type ClientEvent,
  type Header,
  isRecordRefused,
  type OutputRecord,
} from "../src/kafka/mod.ts";
import type {
  Position,
  RefusedInput,
  TransactionLimits,
} from "../src/pool/protocol.ts";
import { CommitPace } from "./commit_pace.ts";
import {
  type Counts,
  type FailedOutput,
  OutboxSink,
  type OutboxSinkParts,
} from "./outbox_sink.ts";
import type { Postponement } from "./retry.ts";
import type { Rejection, Ticket } from "./settlement.ts";

export interface TransactionalSinkParts extends OutboxSinkParts {
  readonly limits: TransactionLimits;
  /** Inputs whose outputs the cluster has refused before. */
  readonly refused: readonly RefusedInput[];
  /** Asks for the commit; `committed` is the answer. */
  readonly commit: (positions: readonly Position[]) => void;
  /** The transaction cannot be committed any more. */
  readonly onAborted: (error: TransactionAbortedError) => void;
}

/** This worker's transaction is void; another worker must repeat its work. */
export class TransactionAbortedError extends Error {
  override readonly name = "TransactionAbortedError";
  readonly refused: readonly RefusedInput[];

  constructor(message: string, refused: readonly RefusedInput[] = []) {
    super(message);
    this.refused = refused;
  }
}

type State =
  | { readonly kind: "open" }
  | { readonly kind: "closing" }
  | {
    readonly kind: "committing";
    readonly positions: readonly Position[];
    readonly counts: Counts;
  };

export class TransactionalSink extends OutboxSink {
  readonly #pace: CommitPace;
  readonly #commit: (positions: readonly Position[]) => void;
  readonly #onAborted: (error: TransactionAbortedError) => void;
  /** By topic, partition and offset. */
  readonly #refused: Map<string, RefusedInput>;
  readonly #found: RefusedInput[] = [];
  #state: State = { kind: "open" };
  /** Of the transaction that takes records; of the next one where none does. */
  #records = 0;

  constructor(parts: TransactionalSinkParts) {
    super(parts);
    this.#pace = new CommitPace(parts.limits);
    this.#commit = parts.commit;
    this.#onAborted = parts.onAborted;
    this.#refused = new Map(
      parts.refused.map((each) => [
        nameOf(each.tp.topic, each.tp.partition, each.offset),
        each,
      ]),
    );
  }

  get idle(): boolean {
    return this.#state.kind === "open" &&
      this.parts.settlement.undurable().length === 0;
  }

  override add(
    ticket: Ticket,
    index: number,
    record: OutputRecord,
    count?: number,
  ): void {
    const known = this.#known(ticket, index);
    if (known !== undefined) this.reject(ticket, index, known.reason);
    else super.add(ticket, index, record, count);
  }

  override postpone(
    ticket: Ticket,
    index: number,
    postponement: Postponement,
  ): void {
    if (this.#known(ticket, index) === undefined) {
      super.postpone(ticket, index, postponement);
    } else {
      this.reject(ticket, index, postponement.reason, postponement.failure);
    }
  }

  protected override addDeadLetter(
    ticket: Ticket,
    index: number,
    rejection: Rejection,
  ): void {
    const known = this.#known(ticket, index);
    const complete = rejection.complete && known?.withValue !== false;
    super.addDeadLetter(ticket, index, { ...rejection, complete });
  }

  protected override put(
    slot: number,
    marked: number,
    record: OutputRecord,
    header: Header | null,
  ): void {
    this.#records++;
    super.put(slot, marked, record, header);
  }

  override flush(): void {
    if (this.#state.kind === "open") super.flush();
  }

  override collect(): ClientEvent[] {
    const events = super.collect();
    this.#closeIfReported();
    return events;
  }

  override async waitAndCollect(timeoutMs: number): Promise<ClientEvent[]> {
    const events = await super.waitAndCollect(timeoutMs);
    this.#closeIfReported();
    return events;
  }

  settle(hurry: boolean, isDrained: boolean): void {
    if (this.#state.kind !== "open") return;
    if (isDrained) this.#pace.drained();
    const nowMs = performance.now();
    if (!hurry && !this.#pace.isDue(nowMs, this.#records)) return;
    // While it is open: the dead letter of an input that librdkafka refuses to
    // send belongs to the same transaction as what it did send of it.
    this.flush();
    this.#state = { kind: "closing" };
    this.#pace.close(nowMs);
    this.#records = 0;
    // What lingers would hold everything else up.
    this.outbox.hurry();
    this.#closeIfReported();
  }

  /** The coordinator has committed, and begun the next transaction. */
  committed(): void {
    if (this.#state.kind !== "committing") return;
    const { positions, counts } = this.#state;
    this.parts.settlement.setDurable(positions);
    this.count(counts);
    this.#open();
  }

  takeChanged(): Position[] {
    return []; // whoever commits them knows them
  }

  publish(): void {} // what counts was counted when it was committed

  /**
   * A record that the cluster refuses makes the transaction void. What it was
   * is found out and told, so that it is a dead letter in the next attempt.
   */
  protected failed(output: FailedOutput): boolean {
    const { ticket, index, kind, error, isUnsent } = output;
    if (!isRecordRefused(error.code)) {
      this.#onAborted(new TransactionAbortedError(error.message));
      return false;
    }
    if (isUnsent && this.replace(output)) return true;
    const rejection = ticket.rejections?.get(index);
    const postponement = ticket.postponements?.get(index);
    if (kind === "deadLetter" && rejection?.complete !== true) {
      this.parts.onRefused(error);
      return false;
    }
    this.#found.push({
      tp: ticket.batch.tp(index),
      offset: ticket.batch.offset(index),
      reason: rejection?.reason ?? postponement?.reason ?? error.message,
      withValue: kind !== "deadLetter",
    });
    return true;
  }

  /** What is known of an input that the cluster has refused before. */
  #known(ticket: Ticket, index: number): RefusedInput | undefined {
    if (this.#refused.size === 0) return undefined;
    const { topic, partition } = ticket.batch.tp(index);
    const offset = ticket.batch.offset(index);
    return this.#refused.get(nameOf(topic, partition, offset));
  }

  #open(): void {
    this.#state = { kind: "open" };
    this.#pace.open(performance.now());
    this.flush();
  }

  #closeIfReported(): void {
    if (this.#state.kind !== "closing") return;
    const { outbox, parts: { settlement } } = this;
    if (outbox.pendingRecords > 0) return;
    if (this.#found.length > 0) {
      this.#onAborted(
        new TransactionAbortedError(this.#found[0]!.reason, this.#found),
      );
      return;
    }
    const positions = settlement.undurable();
    // Outputs never count without the positions of their inputs.
    if (positions.length === 0) {
      this.#open();
      return;
    }
    this.#state = { kind: "committing", positions, counts: this.takeCounts() };
    this.#commit(positions);
  }
}

const nameOf = (topic: string, partition: number, offset: number) =>
  `${topic}-${partition}@${offset}`;
