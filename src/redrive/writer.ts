/**
 * Puts records back in transactions. One transactional id for a dead-letter
 * topic: whoever begins later fences the one before, and aborts what that had
 * open, so that two never put the same back.
 */
import {
  isFencedProducer,
  isPurged,
  isRecordRefused,
  KafkaError,
  type Library,
  Outbox,
  type OutputRecord,
  Producer,
  type ProducerProperties,
} from "../kafka/mod.ts";

/** Nothing of the transaction that was open counts. */
export class WriteError extends Error {
  override readonly name = "WriteError";
}

/**
 * An open transaction holds back those who read only what is committed: this
 * long when the process is killed, unless it is started again before.
 */
const TRANSACTION_MS = 10_000;
const REQUEST_MS = 30_000;
const WAIT_MS = 100;
const COMMIT_TRIES = 10;

export class Writer implements AsyncDisposable {
  readonly #producer: Producer;
  readonly #outbox: Outbox;
  /** Of the records of the open transaction, by index. */
  #names: string[] = [];
  #failed: { readonly name: string; readonly code: number } | null = null;

  private constructor(library: Library, properties: ProducerProperties) {
    this.#producer = new Producer(library, properties);
    this.#outbox = new Outbox(
      library,
      this.#producer.port,
      (_owner, index, code) => this.#reported(index, code),
    );
  }

  /** Fences whoever writes under this id, and ends what it had open. */
  static async open(
    library: Library,
    { "message.timeout.ms": _, ...properties }: ProducerProperties,
    transactionalId: string,
  ): Promise<Writer> {
    const writer = new Writer(library, {
      ...properties,
      "transactional.id": transactionalId,
      "transaction.timeout.ms": TRANSACTION_MS,
    });
    try {
      await writer.#producer.initTransactions(REQUEST_MS);
    } catch (error) {
      await writer[Symbol.asyncDispose]();
      throw writeError(error);
    }
    return writer;
  }

  /** @throws {WriteError} when another has taken over. */
  begin(): void {
    this.#names = [];
    this.#failed = null;
    try {
      this.#producer.beginTransaction();
    } catch (error) {
      throw writeError(error);
    }
  }

  /** @param name said where the cluster refuses the record */
  add(record: OutputRecord, name: string): void {
    this.#outbox.add(0, this.#names.length, record);
    this.#names.push(name);
  }

  /** @throws {WriteError} after which this writer is of no more use. */
  async commit(): Promise<void> {
    try {
      this.#outbox.send();
      while (this.#outbox.pendingRecords > 0) {
        await this.#outbox.waitAndCollect(WAIT_MS);
      }
      if (this.#failed === null) await this.#commit();
    } catch (error) {
      throw writeError(error);
    }
    if (this.#failed === null) return;
    const { code, name } = this.#failed;
    await this.#abort();
    throw new WriteError(
      isRecordRefused(code)
        ? `the cluster refuses ${name} (error ${code}); leave it out by --filter`
        : `${name} was not written (error ${code})`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#outbox[Symbol.dispose]();
    await this.#producer[Symbol.asyncDispose]();
  }

  /** The same commit may be asked for again while its outcome is not known. */
  async #commit(): Promise<void> {
    for (let tries = 1;; tries++) {
      try {
        return await this.#producer.commitTransaction(REQUEST_MS);
      } catch (error) {
        const again = error instanceof KafkaError && error.retriable &&
          tries < COMMIT_TRIES;
        if (!again) throw error;
      }
    }
  }

  /** Why the transaction failed matters more than that it did not end. */
  async #abort(): Promise<void> {
    try {
      await this.#producer.abortTransaction(REQUEST_MS);
    } catch (error) {
      if (!(error instanceof KafkaError)) throw error;
      if (isFencedProducer(error.code)) throw writeError(error);
    }
  }

  #reported(index: number, code: number): void {
    if (code === 0 || isPurged(code)) return;
    this.#failed ??= { name: this.#names[index]!, code };
  }
}

function writeError(error: unknown): unknown {
  if (!(error instanceof KafkaError)) return error;
  if (isFencedProducer(error.code)) {
    return new WriteError(
      "another redrive of this topic has begun and has taken over; of the " +
        "last transaction here nothing was written",
    );
  }
  return new WriteError(`${error.message}; run it again, it goes on there`);
}
