/**
 * A producer. Its owner creates and closes it; records go through an `Outbox`
 * on whichever thread borrows its `port`, so that delivery reports return to
 * the thread that sent.
 */
import { Client } from "./client.ts";
import { errorFromCode, throwIfErrorObject } from "./errors.ts";
import { EventType } from "./events.ts";
import type { GroupMembership } from "./group_membership.ts";
import type { Library } from "./library.ts";
import { addressOf } from "./memory.ts";
import {
  type PartitionOffset,
  withPartitionListAsync,
} from "./partition_list.ts";
import type { ProducerProperties } from "./properties.ts";

/** Numbers by which another thread uses a producer; plain data. */
export interface ProducerPort {
  readonly client: number;
  readonly reports: number;
}

/**
 * For `initTransactions`, to be called again and again: while no broker is known
 * yet, or the coordinator ends what is open under the id, librdkafka (2.15.1)
 * asks again after half a second, and at once when it is called again
 * (`rd_kafka_txn_op_init_transactions`).
 */
export const INIT_AGAIN_MS = 30;

/**
 * QUEUE | INFLIGHT | NON_BLOCKING: it would wait for the threads of all brokers,
 * which may be looking up the name of one that is gone.
 */
const PURGE_EVERYTHING = 0x1 | 0x2 | 0x4;

export class Producer extends Client {
  constructor(library: Library, properties: ProducerProperties) {
    super(library, "producer", {
      "partitioner": "murmur2_random",
      ...properties,
    }, EventType.deliveryReport);
  }

  get port(): ProducerPort {
    return { client: this.address, reports: addressOf(this.events.pointer) };
  }

  /** Records that are not reported on yet, and events that nobody took yet. */
  get outstanding(): number {
    return this.library.symbols.rd_kafka_outq_len(this.pointer);
  }

  /** Gives up what is not acknowledged; each such record is still reported. */
  purge(): void {
    this.library.symbols.rd_kafka_purge(this.pointer, PURGE_EVERYTHING);
  }

  /** Waits until everything was sent, or throws after `timeoutMs`. */
  async flush(timeoutMs: number): Promise<void> {
    const { symbols } = this.library;
    const code = await this.track(
      symbols.rd_kafka_flush(this.pointer, timeoutMs),
    );
    if (code !== 0) throw errorFromCode(symbols, code, "flush");
  }

  /** Fences older producers of this `transactional.id`: see `INIT_AGAIN_MS`. */
  async initTransactions(timeoutMs: number): Promise<void> {
    const { rd_kafka_init_transactions: init } = this.library.symbols;
    await this.#answered(
      "initialise transactions",
      timeoutMs,
      this.track(init(this.pointer, timeoutMs)),
    );
  }

  beginTransaction(): void {
    const { symbols } = this.library;
    const error = symbols.rd_kafka_begin_transaction(this.pointer);
    throwIfErrorObject(symbols, error, "begin transaction");
  }

  /**
   * Makes offsets part of the transaction. The brokers refuse them when the
   * group has gone on without `member`.
   */
  async sendOffsets(
    member: GroupMembership,
    offsets: readonly PartitionOffset[],
    timeoutMs: number,
  ): Promise<void> {
    const { symbols } = this.library;
    const sent = withPartitionListAsync(
      symbols,
      offsets,
      (list) =>
        this.track(
          symbols.rd_kafka_send_offsets_to_transaction(
            this.pointer,
            list,
            member.pointer,
            timeoutMs,
          ),
        ),
    );
    await this.#answered("send offsets to transaction", timeoutMs, sent);
  }

  /** Every delivery report must have been collected before. */
  async commitTransaction(timeoutMs: number): Promise<void> {
    const { rd_kafka_commit_transaction: commit } = this.library.symbols;
    await this.#answered(
      "commit transaction",
      timeoutMs,
      this.track(commit(this.pointer, timeoutMs)),
    );
  }

  async abortTransaction(timeoutMs: number): Promise<void> {
    const { rd_kafka_abort_transaction: abort } = this.library.symbols;
    await this.#answered(
      "abort transaction",
      timeoutMs,
      this.track(abort(this.pointer, timeoutMs)),
    );
  }

  /** @throws {KafkaError} that the call gives, or where it gives none in time. */
  async #answered(
    doing: string,
    timeoutMs: number,
    call: Promise<Deno.PointerValue>,
  ): Promise<void> {
    const error = await this.bounded(call, timeoutMs, doing);
    throwIfErrorObject(this.library.symbols, error, doing);
  }

  /** Closing drops what was not acknowledged: flush first to keep it. */
  protected override beforeClose(): Promise<void> {
    this.purge();
    return Promise.resolve();
  }
}
