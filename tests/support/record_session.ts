/**
 * Producers of a record pipe's JVM that send in turns, transaction after
 * transaction.
 *
 *     request, after the head:  count of producers, (count of settings, (name,
 *                               value)...)...
 *                               ('r' producer, topic, record  |
 *                               'b', 'c', 'x' or 'f', producer)... 'e'
 *     answer:                   outcomes, as of 'l', and for each step
 *                               'd' number of the step, error message or null
 */
import {
  endMark,
  type FrameWriter,
  type NewRecord,
  recordMark,
} from "./record_codec.ts";

/** Bytes that are gathered before they are handed to the JVM. */
const sendBytes = 1 << 15;

/** A step of a transaction that Kafka's client refused; it has begun anew. */
export class StepError extends Error {
  override readonly name = "StepError";
}

type Waiting = PromiseWithResolvers<void>;

export class RecordSession {
  readonly #writer: FrameWriter;
  readonly #hand: () => Promise<void>;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;

  /** `RecordPipe.write` makes them. */
  constructor(writer: FrameWriter, hand: () => Promise<void>) {
    this.#writer = writer;
    this.#hand = hand;
  }

  /** What becomes of it is told later. */
  async send(
    producer: number,
    topic: string,
    record: NewRecord,
  ): Promise<void> {
    this.#writer.byte(recordMark);
    this.#writer.int32(producer);
    this.#writer.bytes(topic);
    this.#writer.record(record);
    if (this.#writer.length >= sendBytes) await this.#hand();
  }

  /** Hands over what is gathered. */
  async hand(): Promise<void> {
    await this.#hand();
  }

  /** Also initialises a new producer. @throws {StepError} */
  begin = (producer: number): Promise<void> => this.#step("b", producer);

  /**
   * @throws {StepError} whether it is committed is not known; the next `begin`
   * starts with a new producer of the same transactional id.
   */
  commit = (producer: number): Promise<void> => this.#step("c", producer);

  /** @throws {StepError} as `commit`. */
  abort = (producer: number): Promise<void> => this.#step("x", producer);

  /**
   * Resolves when the outcome of everything that this one sent has been told.
   *
   * @throws {StepError} when it has sent nothing yet.
   */
  flush = (producer: number): Promise<void> => this.#step("f", producer);

  /** The pipe tells the end of each step, in their order. */
  done(failure: string | null): void {
    const waiting = this.#waiting.shift();
    if (failure === null) waiting?.resolve();
    else waiting?.reject(new StepError(failure));
  }

  /** Nothing will be answered any more. */
  fail(error: Error): void {
    this.#failure = error;
    for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
  }

  async end(): Promise<void> {
    this.#writer.byte(endMark);
    await this.#hand();
  }

  async #step(kind: string, producer: number): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#writer.byte(kind.charCodeAt(0));
    this.#writer.int32(producer);
    const waiting = Promise.withResolvers<void>();
    this.#waiting.push(waiting);
    await this.#hand();
    await waiting.promise;
  }
}
