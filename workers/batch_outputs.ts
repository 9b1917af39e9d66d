/**
 * Takes a batch's answers as long as the batch is being handled. They are kept
 * until then: the sink must not have a part of an input's outputs while the
 * rest may still come, and what is tried again has none.
 */
import type { OutputRecord } from "../src/kafka/mod.ts";
import { Phase, type WorkerPage } from "../src/pool/page.ts";
import { toRecord } from "./output.ts";
import { type BatchOutput, type Output, RetryError } from "./processor.ts";

export type Answer =
  | { readonly index: number; readonly record: OutputRecord }
  | { readonly index: number; readonly reason: string };

export class BatchOutputs implements BatchOutput {
  readonly #topic: string;
  readonly #page: WorkerPage;
  readonly #answered: Uint8Array;
  readonly #answers: Answer[] = [];
  readonly #retries = new Map<number, RetryError>();
  #closed = false;

  /** @param topic where an output goes that names none */
  constructor(count: number, topic: string, page: WorkerPage) {
    this.#topic = topic;
    this.#page = page;
    this.#answered = new Uint8Array(count);
  }

  // Functions, not methods: processors take them out of their object.
  readonly emit = (index: number, output: Output): void => {
    this.#check(index);
    this.#answers.push({ index, record: toRecord(output, this.#topic) });
    this.#answer(index);
  };

  readonly reject = (index: number, reason: string): void => {
    this.#check(index);
    this.#answers.push({ index, reason });
    this.#answer(index);
  };

  readonly retry = (index: number, delayMs?: number): void => {
    this.#check(index);
    const error = new RetryError(
      "the processor wants another attempt",
      delayMs === undefined ? {} : { delayMs },
    );
    this.#retries.set(index, error);
    this.#answer(index);
  };

  /** Takes no more. */
  close(): void {
    this.#closed = true;
  }

  /** What is to be sent, in the order of the calls. */
  get answers(): readonly Answer[] {
    return this.#retries.size === 0
      ? this.#answers
      : this.#answers.filter(({ index }) => !this.#retries.has(index));
  }

  /** The processor's wish to try an input again. */
  wishOf(index: number): RetryError | undefined {
    return this.#retries.get(index);
  }

  isAnswered(index: number): boolean {
    return this.#answered[index] === 1;
  }

  /** A later output would be counted to whichever ticket has the slot then. */
  #check(index: number): void {
    if (this.#closed) throw new TypeError("this batch has been settled");
    if (!(index in this.#answered)) {
      throw new RangeError(`record ${index} of ${this.#answered.length}`);
    }
  }

  #answer(index: number): void {
    this.#answered[index] = 1;
    this.#page.enter(Phase.user); // a long batch shows that it goes on
  }
}
