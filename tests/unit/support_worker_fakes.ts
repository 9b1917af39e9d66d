/** Stand-ins for what a worker's code touches of Kafka. */
import { setImmediate } from "node:timers";
import {
  type Batch,
  type ClientEvent,
  EncodingError,
  type OutputRecord,
  type ReadHeader,
} from "../../src/kafka/mod.ts";
import type { Position, WorkerLimits } from "../../src/pool/protocol.ts";
import type { Failure } from "../../workers/failures.ts";
import type { Postponement } from "../../workers/retry.ts";
import type { Settlement, Ticket } from "../../workers/settlement.ts";
import type { Sink } from "../../workers/sink.ts";

export const TOPIC = "in";

export interface FakeRecord {
  /** Default `TOPIC`. */
  readonly topic?: string;
  /** Also its partition. */
  readonly lane: number;
  readonly offset: number;
  /** Absent: a value that names lane and offset; null: a tombstone. */
  readonly value?: string | Uint8Array<ArrayBuffer> | null;
  readonly key?: string | null;
  readonly headers?: readonly ReadHeader[];
  readonly timestampMs?: number;
  readonly leaderEpoch?: number;
}

type BatchReads =
  | "byteLength"
  | "count"
  | "free"
  | "freed"
  | "headers"
  | "headerText"
  | "mayHaveHeaders"
  | "key"
  | "keyIdentity"
  | "keyText"
  | "lanes"
  | "leaderEpoch"
  | "offset"
  | "offsets"
  | "passingText"
  | "text"
  | "timestamp"
  | "tp"
  | "unload"
  | "value";

/** Fetched records; reading them after `free` throws, as with real ones. */
export class FakeBatch implements Pick<Batch, BatchReads> {
  readonly count: number;
  readonly lanes: Int32Array;
  readonly offsets: Float64Array;
  readonly byteLength: number;
  readonly #records: readonly FakeRecord[];
  freed = false;
  unloaded = false;

  constructor(records: readonly FakeRecord[]) {
    this.#records = records;
    this.count = records.length;
    this.lanes = Int32Array.from(records, (each) => each.lane);
    this.offsets = Float64Array.from(records, (each) => each.offset);
    this.byteLength = records.reduce(
      (sum, _, index) => sum + (this.value(index)?.length ?? 0),
      0,
    );
  }

  tp(index: number) {
    const { topic = TOPIC, lane } = this.#record(index);
    return { topic, partition: lane };
  }

  offset(index: number): number {
    return this.#record(index).offset;
  }

  timestamp(index: number): number {
    return this.#record(index).timestampMs ?? -1;
  }

  leaderEpoch(index: number): number {
    return this.#record(index).leaderEpoch ?? -1;
  }

  key(index: number): Uint8Array<ArrayBuffer> | null {
    const { key } = this.#record(index);
    return typeof key === "string" ? new TextEncoder().encode(key) : null;
  }

  keyIdentity(index: number): string | null {
    return this.#record(index).key ?? null;
  }

  keyText(index: number): string | null {
    return this.#record(index).key ?? null;
  }

  value(index: number): Uint8Array<ArrayBuffer> | null {
    const { value = valueOf(this.#record(index)) } = this.#record(index);
    return typeof value === "string" ? new TextEncoder().encode(value) : value;
  }

  text(index: number): string | null {
    const bytes = this.value(index);
    if (bytes === null) return null;
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      throw new EncodingError("value is not valid UTF-8");
    }
  }

  passingText(index: number): string | null {
    return this.text(index);
  }

  headers(index: number): readonly ReadHeader[] {
    return this.#record(index).headers ?? [];
  }

  mayHaveHeaders(): boolean {
    return true;
  }

  headerText(index: number, name: Uint8Array): string | null {
    const key = new TextDecoder().decode(name.subarray(0, -1));
    const value = this.headers(index).findLast((each) => each.key === key)
      ?.value ?? null;
    return value && new TextDecoder().decode(value);
  }

  free(): void {
    this.freed = true;
  }

  /** What is read later is loaded anew, so there is nothing to see. */
  unload(): void {
    this.unloaded = true;
  }

  #record(index: number): FakeRecord {
    if (this.freed) throw new TypeError("this batch has been settled");
    const record = this.#records[index];
    if (record === undefined) {
      throw new RangeError(`record ${index} of ${this.count}`);
    }
    return record;
  }
}

/** A batch for code that asks for a real one. */
export const batchOf = (records: readonly FakeRecord[]): Batch =>
  new FakeBatch(records) as unknown as Batch;

/** The value of a record that is given none, as JSON. */
export const valueOf = ({ lane, offset }: FakeRecord) =>
  JSON.stringify({ lane, offset });

export interface Sent {
  readonly ticket: Ticket;
  readonly index: number;
  readonly lane: number;
  readonly offset: number;
}

/** Keeps what it is given until the test acknowledges it. */
export class FakeSink implements Sink {
  readonly outputs: (Sent & { readonly record: OutputRecord })[] = [];
  readonly rejections: (Sent & {
    readonly reason: string;
    readonly failure: Failure | undefined;
  })[] = [];
  readonly postponed: (Sent & { readonly postponement: Postponement })[] = [];
  /** How much of all that the cluster has been handed. */
  flushed = 0;
  pendingBytes = 0;
  idle = true;
  closed = false;
  published = 0;
  consumed = 0;
  skipped = 0;
  /** Whether somebody waited, at each look at what is settled. */
  readonly hurries: boolean[] = [];
  readonly #settlement: Settlement;
  readonly #events: ClientEvent[] = [];
  #arrival = Promise.withResolvers<void>();

  constructor(settlement: Settlement) {
    this.#settlement = settlement;
  }

  add(ticket: Ticket, index: number, record: OutputRecord): void {
    this.#settlement.expect(ticket, index);
    this.outputs.push({ ...sentOf(ticket, index), record });
  }

  reject(
    ticket: Ticket,
    index: number,
    reason: string,
    failure?: Failure,
  ): void {
    this.#settlement.expect(ticket, index);
    this.rejections.push({ ...sentOf(ticket, index), reason, failure });
  }

  postpone(ticket: Ticket, index: number, postponement: Postponement): void {
    this.#settlement.expect(ticket, index);
    this.postponed.push({ ...sentOf(ticket, index), postponement });
  }

  skip(): void {
    this.skipped++;
  }

  flush(): void {
    this.flushed = this.outputs.length + this.rejections.length +
      this.postponed.length;
  }

  /** The cluster has stored everything that it was handed. */
  acknowledge(): void {
    const sent = [
      ...this.outputs.splice(0),
      ...this.rejections.splice(0),
      ...this.postponed.splice(0),
    ];
    this.flushed = 0;
    for (const { ticket, index } of sent) this.#settlement.done(ticket, index);
    this.#arrival.resolve();
  }

  /** Something else has happened to the producer. */
  report(event: ClientEvent): void {
    this.#events.push(event);
    this.#arrival.resolve();
  }

  collect(): ClientEvent[] {
    return this.#events.splice(0);
  }

  async waitAndCollect(): Promise<ClientEvent[]> {
    await this.#arrival.promise;
    this.#arrival = Promise.withResolvers();
    return this.collect();
  }

  wake(): void {
    this.#arrival.resolve();
  }

  settle(hurry: boolean): void {
    this.hurries.push(hurry);
  }

  takeChanged(exact: boolean, last: boolean): Position[] {
    const positions = exact ? this.#settlement.takeExact(last) : [];
    positions.push(...this.#settlement.takeChanged());
    return positions;
  }

  publish(): void {
    this.published++;
    this.consumed += this.#settlement.takeSettledRecords();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }
}

function sentOf(ticket: Ticket, index: number): Sent {
  const lane = ticket.batch.lanes[index]!;
  return { ticket, index, lane, offset: ticket.batch.offsets[index]! };
}

export const LIMITS: WorkerLimits = {
  batchRecords: 100,
  pendingRecords: 1000,
  pendingBytes: 1_000_000,
  concurrency: 4,
  handlerTimeoutMs: 1000,
};

/** Lets everything run that does not wait for a timer. */
export const turn = (): Promise<void> =>
  new Promise((resolve) => setImmediate(resolve));
