/** Records on their way out, and the reports of what became of them. */
import type { Batch } from "./batch.ts";
import { BatchPack } from "./batch_pack.ts";
import { CopyCall } from "./copy_call.ts";
import { ErrorCode } from "./errors.ts";
import { type ClientEvent, EventType, readEvent } from "./events.ts";
import { HeaderNames } from "./header_names.ts";
import { HeaderPack } from "./header_pack.ts";
import type { Library } from "./library.ts";
import {
  type Address,
  addressOf,
  cString,
  int64In,
  NativeBlock,
  pointerAt,
} from "./memory.ts";
import { type Header, MESSAGE, type OutputRecord } from "./message.ts";
import type { Pack } from "./pack.ts";
import { PackQueue } from "./pack_queue.ts";
import type { TopicPartition } from "./partition_list.ts";
import type { ProducerPort } from "./producer.ts";

/**
 * Who is told when a record was acknowledged or failed: `owner` and `index`
 * are what it was added with (32 bits each), `code` is 0 or an error.
 * `isUnsent` says that librdkafka did not even take it. `offset` is the record's
 * in its new partition where the code is 0.
 */
export type OnReport = (
  owner: number,
  index: number,
  code: number,
  isUnsent: boolean,
  offset: number,
) => void;

const REPORTS_A_CALL = 4096;
/**
 * Long enough for librdkafka's threads to send what lingers. No longer: until
 * then they turn in circles over what may not be sent yet, because as many
 * requests are under way as may be (a processor's whole time, where the cluster is 100 ms
 * away).
 */
const HURRY_MS = 5;
const MESSAGE_BYTES = BigInt(MESSAGE.bytes);
const UNKNOWN_OFFSET = -1;

export class Outbox implements Disposable {
  readonly #library: Library;
  readonly #client: Deno.PointerObject;
  readonly #reports: Deno.PointerObject;
  readonly #topics = new Map<string, Deno.PointerObject>();
  readonly #headerNames: HeaderNames;
  readonly #waiting: PackQueue;
  readonly #copy: CopyCall;
  readonly #reported: NativeBlock;
  readonly #report: NativeBlock;
  readonly #reportAddress: bigint;
  readonly #onReport: OnReport;
  readonly #beforeProduce: () => void;
  #pendingRecords = 0;
  #pendingBytes = 0;
  #hurrying: Promise<unknown> | null = null;
  #disposed = false;

  /** @param beforeProduce may throw to keep anything from being produced */
  constructor(
    library: Library,
    port: ProducerPort,
    onReport: OnReport,
    beforeProduce: () => void = () => {},
  ) {
    const { symbols } = library;
    this.#library = library;
    this.#client = pointerAt(port.client as Address);
    this.#reports = pointerAt(port.reports as Address);
    this.#headerNames = new HeaderNames(library);
    const topicOf = (name: string) => this.#topic(name);
    this.#waiting = new PackQueue({
      plain: () => new BatchPack(library, topicOf),
      any: () =>
        new HeaderPack(library, this.#client, topicOf, this.#headerNames),
    });
    this.#copy = new CopyCall(library, this.#client);
    this.#reported = new NativeBlock(symbols, REPORTS_A_CALL * 8);
    this.#report = new NativeBlock(symbols, MESSAGE.bytes);
    this.#reportAddress = BigInt(this.#report.address);
    this.#onReport = onReport;
    this.#beforeProduce = beforeProduce;
  }

  /** Records given to librdkafka and not reported on yet. */
  get pendingRecords(): number {
    return this.#pendingRecords;
  }

  /**
   * Keys and values of these, and roughly of what waits to be sent, in bytes.
   */
  get pendingBytes(): number {
    return this.#pendingBytes + this.#waiting.units;
  }

  /**
   * Takes a record; `send` hands it to librdkafka, a report follows.
   * @param last a header behind those of the record: cheaper than to make the
   * record another list of headers
   */
  add(
    owner: number,
    index: number,
    record: OutputRecord,
    last: Header | null = null,
  ): void {
    this.#mustBeOpen();
    this.#waiting.add(owner, index, record, last);
  }

  /**
   * Copies the records `first` to `end` of a batch to a partition, with keys,
   * values, headers and timestamps. It is done at once; a report follows for
   * each, under its index. A record is copied once: its headers go with it.
   */
  copy(
    owner: number,
    batch: Batch,
    first: number,
    end: number,
    { topic, partition }: TopicPartition,
  ): void {
    this.#mustBeOpen();
    this.send(); // or records would overtake one another
    this.#beforeProduce();
    this.#copy.aim(addressOf(this.#topic(topic)), partition);
    for (let index = first; index < end; index++) {
      const byteLength = batch.lengthOf(index);
      this.#pendingRecords++;
      this.#pendingBytes += byteLength;
      const code = this.#copy.produce(batch, index, owner, index);
      if (code !== 0) {
        this.#settle(owner, index, code, byteLength, true, UNKNOWN_OFFSET);
      }
    }
  }

  /** Hands everything that was added to librdkafka. */
  send(): void {
    // Who hears that a record was not taken may add another.
    this.#waiting.drain((pack) => this.#produce(pack));
  }

  /**
   * Passes on what was reported, without waiting.
   * @returns other events of the producer: errors, log lines, statistics.
   */
  collect(): ClientEvent[] {
    this.#mustBeOpen();
    const { symbols } = this.#library;
    const others: ClientEvent[] = [];
    for (;;) {
      const event = symbols.rd_kafka_queue_poll(this.#reports, 0);
      if (event === null) return others;
      this.#read(event, others);
    }
  }

  /** Waits for at least one event, then does as `collect`. */
  async waitAndCollect(timeoutMs: number): Promise<ClientEvent[]> {
    this.#mustBeOpen();
    const event = await this.#library.symbols.rd_kafka_queue_poll_wait(
      this.#reports,
      timeoutMs,
    );
    if (event === null) return [];
    const others: ClientEvent[] = [];
    this.#read(event, others);
    others.push(...this.collect());
    return others;
  }

  /** Ends a `waitAndCollect` that waits. */
  wake(): void {
    this.#library.symbols.rd_kafka_queue_yield(this.#reports);
  }

  /** Lets what was sent go out at once, whatever `linger.ms` says. */
  hurry(): void {
    this.#hurrying ??= this.#library.symbols
      .rd_kafka_flush(this.#client, HURRY_MS)
      .finally(() => this.#hurrying = null);
  }

  /** Ends when nothing of this works natively on another thread. */
  async settled(): Promise<void> {
    await this.#hurrying;
  }

  /**
   * The producer itself stays with its owner, who closes it afterwards. No
   * `waitAndCollect` may be waiting, and `settled` must have ended.
   */
  [Symbol.dispose](): void {
    this.#disposed = true;
    const { symbols } = this.#library;
    for (const topic of this.#topics.values()) {
      symbols.rd_kafka_topic_destroy(topic);
    }
    this.#topics.clear();
    this.#waiting[Symbol.dispose]();
    this.#headerNames[Symbol.dispose]();
    this.#copy[Symbol.dispose]();
    this.#reported[Symbol.dispose]();
    this.#report[Symbol.dispose]();
  }

  #produce(pack: Pack): void {
    this.#beforeProduce();
    // Counted before the call: a report may come at once.
    this.#pendingRecords += pack.count;
    this.#pendingBytes += pack.seal();
    // All of it is handed over before anybody is told and may add again.
    for (const refused of pack.produce()) {
      const { owner, index, code, byteLength } = refused;
      this.#settle(owner, index, code, byteLength, true, UNKNOWN_OFFSET);
    }
  }

  #mustBeOpen(): void {
    if (this.#disposed) throw new TypeError("this outbox has been closed");
  }

  #read(event: Deno.PointerObject, others: ClientEvent[]): void {
    const { symbols } = this.#library;
    try {
      if (symbols.rd_kafka_event_type(event) !== EventType.deliveryReport) {
        others.push(readEvent(symbols, event));
        return;
      }
      const { addresses } = this.#reported;
      const to = this.#reportAddress;
      for (;;) {
        const count = Number(symbols.rd_kafka_event_message_array(
          event,
          this.#reported.pointer,
          BigInt(REPORTS_A_CALL),
        ));
        if (count === 0) return;
        for (let index = 0; index < count; index++) {
          symbols.memcpy(to, addresses[index]!, MESSAGE_BYTES);
          const { words } = this.#report;
          const offset = int64In(words, MESSAGE.offset);
          this.#settle(
            words[MESSAGE.opaque + 1]!,
            words[MESSAGE.opaque]!,
            codeOf(words[MESSAGE.error]! | 0, offset),
            words[MESSAGE.payloadLength]! + words[MESSAGE.keyLength]!,
            false,
            offset,
          );
        }
      }
    } finally {
      symbols.rd_kafka_event_destroy(event);
    }
  }

  #settle(
    owner: number,
    index: number,
    code: number,
    byteLength: number,
    isUnsent: boolean,
    offset: number,
  ): void {
    this.#pendingRecords--;
    this.#pendingBytes -= byteLength;
    this.#onReport(owner, index, code, isUnsent, offset);
  }

  #topic(name: string): Deno.PointerObject {
    const known = this.#topics.get(name);
    if (known !== undefined) return known;
    const topic = this.#library.symbols.rd_kafka_topic_new(
      this.#client,
      cString(name),
      null,
    );
    if (topic === null) throw new Error(`cannot produce to topic "${name}"`);
    this.#topics.set(name, topic);
    return topic;
  }
}

/**
 * librdkafka takes a record for delivered when a later one of its partition was
 * acknowledged, also where the broker has refused it (2.15.1,
 * `rd_kafka_dr_implicit_ack`). A broker takes the later one where it knows
 * nothing of the producer yet: the first records for a partition whose leader is
 * just beginning would be lost without a word. Only those have no offset.
 */
const codeOf = (code: number, offset: number): number =>
  code === 0 && offset < 0 ? ErrorCode.inconsistent : code;
