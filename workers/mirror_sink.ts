/**
 * The sink of a mirror: copies records to the target cluster as they are, in
 * transactions that also hold where each partition stands and which offsets its
 * records got there.
 *
 *     open ──long enough, or hurry──> closing ──all reported──> committing
 *      ^                                                             │
 *      └──────────────────────── committed ──────────────────────────┘
 *
 * While it is not open, what was fetched waits here, uncopied. The positions are
 * written last, because only the reports tell the offsets; the commit itself
 * waits for them to arrive.
 */
import { encodeDelta, type PartitionDelta } from "../dr/offset_map/mod.ts";
import {
  encodeNoSourcePosition,
  encodeSourcePosition,
} from "../dr/formats/mod.ts";
import {
  type ClientEvent,
  isPurged,
  type KafkaError,
  type OnReport,
  type Outbox,
} from "../src/kafka/mod.ts";
import type { WorkerPage } from "../src/pool/page.ts";
import type {
  MirrorBeginning,
  MirroredTopic,
  MirrorJob,
  Ownership,
  Position,
  TransactionNote,
} from "../src/pool/protocol.ts";
import { CommitPace } from "./commit_pace.ts";
import { RunLog } from "./run_log.ts";
import type { Settlement, Ticket } from "./settlement.ts";
import type { LoopSink } from "./sink.ts";
import { TransactionAbortedError } from "./transactional_sink.ts";

export type CopyOutbox = Pick<
  Outbox,
  | "add"
  | "collect"
  | "copy"
  | "hurry"
  | "pendingBytes"
  | "pendingRecords"
  | "send"
  | "settled"
  | "waitAndCollect"
  | "wake"
  | typeof Symbol.dispose
>;

export interface MirrorSinkParts {
  readonly openOutbox: (onReport: OnReport) => CopyOutbox;
  /** What a code means that a report has. */
  readonly errorOf: (code: number, doing: string) => KafkaError;
  readonly page: WorkerPage;
  readonly settlement: Settlement;
  readonly job: MirrorJob;
  /** Asks for the commit; `committed` is the answer. */
  readonly commit: (
    positions: readonly Position[],
    note: TransactionNote,
  ) => void;
  /** See the message of this name. */
  readonly onLogChanged: (ownership: Ownership, offset: number) => void;
  /** The transaction cannot be committed any more. */
  readonly onAborted: (error: TransactionAbortedError) => void;
}

/** In place of a ticket's slot: the positions, which are no copies. */
const LOG = 0xffffffff;

type State =
  | { readonly kind: "open" }
  | { readonly kind: "closing" }
  | {
    readonly kind: "committing";
    readonly positions: readonly Position[];
    readonly records: number;
  };

export class MirrorSink implements LoopSink {
  readonly #parts: MirrorSinkParts;
  readonly #outbox: CopyOutbox;
  readonly #topics = new Map<string, MirroredTopic>();
  readonly #runs = new RunLog();
  readonly #pace: CommitPace;
  /**
   * By epoch of the ownership: that of the leader that wrote the last record that
   * was copied, if it is known.
   */
  readonly #leaderEpochs = new Map<number, number>();
  #state: State = { kind: "open" };
  #held: Ticket[] = [];
  #snapshot: readonly Uint8Array[] = [];
  /** Where the newest snapshot of the lane begins in its log. */
  #logStart: number | null = null;
  #records = 0;
  #bytes = 0;

  constructor(parts: MirrorSinkParts) {
    this.#parts = parts;
    this.#pace = new CommitPace(parts.job.transaction);
    this.#outbox = parts.openOutbox((...report) => this.#reported(...report));
  }

  /** What partitions of these topics are copied to. */
  aim(topics: readonly MirroredTopic[]): void {
    for (const each of topics) this.#topics.set(each.topic, each);
  }

  /** What is known of ownerships that are to be assigned next. */
  begin(beginnings: readonly MirrorBeginning[]): void {
    for (const { epoch, leaderEpoch, runs } of beginnings) {
      if (leaderEpoch !== null) this.#leaderEpochs.set(epoch, leaderEpoch);
      this.#runs.begin(epoch, runs);
    }
  }

  /** The next transaction writes this, of the lane as it is committed now. */
  snapshot(parts: readonly Uint8Array[]): void {
    this.#snapshot = parts;
  }

  get pendingBytes(): number {
    return this.#outbox.pendingBytes;
  }

  get idle(): boolean {
    return this.#state.kind === "open" && this.#held.length === 0 &&
      this.#parts.settlement.undurable().length === 0;
  }

  /** Copies every record of the ticket, now or in the next transaction. */
  copy(ticket: Ticket): void {
    if (this.#state.kind !== "open") {
      this.#held.push(ticket);
      return;
    }
    const { batch, slot } = ticket;
    const { count, lanes } = batch;
    for (let first = 0, end = 0; first < count; first = end) {
      const lane = lanes[first];
      do end++; while (end < count && lanes[end] === lane);
      if (!this.#continues(ticket, first, lane!)) return;
      if (!this.#continues(ticket, end - 1, lane!)) return;
      const { topic, partition } = batch.tp(first);
      const { target } = this.#topic(topic);
      this.#outbox.copy(slot, batch, first, end, { topic: target, partition });
    }
    this.#records += count;
    this.#bytes += batch.byteLength;
  }

  flush(): void {} // copies go out at once

  collect(): ClientEvent[] {
    const events = this.#outbox.collect();
    this.#closeIfReported();
    return events;
  }

  async waitAndCollect(timeoutMs: number): Promise<ClientEvent[]> {
    const events = await this.#outbox.waitAndCollect(timeoutMs);
    this.#closeIfReported();
    return events;
  }

  wake(): void {
    this.#outbox.wake();
  }

  settle(hurry: boolean, isDrained: boolean): void {
    if (this.#state.kind !== "open") return;
    if (isDrained) this.#pace.drained();
    const nowMs = performance.now();
    if (!hurry && !this.#pace.isDue(nowMs, this.#records)) return;
    this.#state = { kind: "closing" };
    this.#pace.close(nowMs);
    // What lingers would hold everything else up.
    if (this.#outbox.pendingRecords > 0) this.#outbox.hurry();
    this.#closeIfReported();
  }

  /** The coordinator has committed, and begun the next transaction. */
  committed(): void {
    if (this.#state.kind !== "committing") return;
    const { page, settlement } = this.#parts;
    const { positions, records } = this.#state;
    settlement.setDurable(positions);
    settlement.takeSettledRecords();
    page.count("consumed", records);
    page.count("produced", records);
    this.#open();
  }

  takeChanged(): Position[] {
    return []; // whoever commits them knows them
  }

  publish(): void {} // what counts was counted when it was committed

  async close(): Promise<void> {
    await this.#outbox.settled();
    this.#outbox[Symbol.dispose]();
  }

  #open(): void {
    this.#state = { kind: "open" };
    this.#pace.open(performance.now());
    this.#records = 0;
    this.#bytes = 0;
    const held = this.#held;
    this.#held = [];
    for (const ticket of held) this.copy(ticket);
  }

  #closeIfReported(): void {
    if (this.#state.kind !== "closing") return;
    if (this.#outbox.pendingRecords > 0) return;
    const { commit, settlement } = this.#parts;
    const positions = settlement.undurable();
    if (positions.length === 0) {
      this.#open();
      return;
    }
    const delta = this.#write(positions);
    const records = this.#records;
    this.#state = { kind: "committing", positions, records };
    commit(positions, {
      delta,
      records,
      bytes: this.#bytes,
      logStart: this.#logStart,
    });
  }

  /** @returns the record of the lane's log. */
  #write(positions: readonly Position[]): Uint8Array {
    const { era, lane, laneTopic, offsetsTopic, source } = this.#parts.job;
    const deltas: PartitionDelta[] = positions.map(({ tp, epoch, next }) => ({
      topic: tp.topic,
      topicId: this.#topic(tp.topic).topicId,
      partition: tp.partition,
      position: next,
      leaderEpoch: this.#leaderEpochs.get(epoch) ?? null,
      runs: this.#runs.take(epoch),
    }));
    const toLog = (value: Uint8Array, index: number) =>
      this.#outbox.add(LOG, index, {
        topic: laneTopic,
        partition: lane,
        value,
      });
    this.#snapshot.forEach((part, index) => toLog(part, index + 1));
    this.#snapshot = [];
    const delta = encodeDelta(era, deltas);
    toLog(delta, 0);
    for (const { tp, next } of positions) {
      const position = { ...tp, cluster: source };
      this.#outbox.add(LOG, 0, {
        topic: offsetsTopic,
        // At the beginning there may be one of a topic that had this name before.
        ...next === 0
          ? encodeNoSourcePosition(position)
          : encodeSourcePosition({ ...position, next }),
      });
    }
    this.#outbox.send();
    this.#outbox.hurry();
    return delta;
  }

  #reported(
    slot: number,
    index: number,
    code: number,
    _isUnsent: boolean,
    offset: number,
  ): void {
    if (isPurged(code)) return;
    const { errorOf, settlement } = this.#parts;
    if (code !== 0) {
      return this.#abort(errorOf(code, this.#doing(slot, index)).message);
    }
    if (slot === LOG) {
      if (index === 1) this.#logStart = offset; // the snapshot's first part
      return;
    }
    const ticket = settlement.ticket(slot);
    if (ticket === undefined) return;
    const { lanes, offsets } = ticket.batch;
    const { epoch } = settlement.ownership(lanes[index]!);
    this.#runs.add(epoch, offsets[index]!, offset);
    settlement.done(ticket, index);
  }

  /** For messages: what a report is about. */
  #doing(slot: number, index: number): string {
    if (slot === LOG) return "write the lane's log";
    const ticket = this.#parts.settlement.ticket(slot);
    if (ticket === undefined) return "mirror";
    const { lanes, offsets } = ticket.batch;
    const { tp } = this.#parts.settlement.ownership(lanes[index]!);
    return `mirror ${tp.topic} [${tp.partition}] @${offsets[index]}`;
  }

  /** Epochs of leaders only go up in a log: where one goes down, it is another. */
  #continues({ batch }: Ticket, index: number, lane: number): boolean {
    const { onLogChanged, settlement } = this.#parts;
    const { tp, epoch } = settlement.ownership(lane);
    const leaderEpoch = batch.leaderEpoch(index);
    if (leaderEpoch < 0) {
      this.#leaderEpochs.delete(epoch); // old brokers do not say
      return true;
    }
    if (leaderEpoch >= (this.#leaderEpochs.get(epoch) ?? -1)) {
      this.#leaderEpochs.set(epoch, leaderEpoch);
      return true;
    }
    onLogChanged({ tp, epoch }, batch.offset(index));
    this.#abort(`the log of ${tp.topic} [${tp.partition}] is not what it was`);
    return false;
  }

  #abort(message: string): void {
    this.#parts.onAborted(new TransactionAbortedError(message));
  }

  #topic(name: string): MirroredTopic {
    const topic = this.#topics.get(name);
    if (topic === undefined) throw new Error(`no target of topic "${name}"`);
    return topic;
  }
}
