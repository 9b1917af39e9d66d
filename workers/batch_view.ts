/** Some records of a batch, as a batch. */
import type { Batch } from "../src/kafka/mod.ts";
import type { InputBatch } from "./processor.ts";

export class BatchView implements InputBatch {
  readonly count: number;
  readonly offsets: Float64Array;
  readonly #batch: Batch;
  readonly #indexes: readonly number[];

  /** @param indexes of the records in the batch, ascending */
  constructor(batch: Batch, indexes: readonly number[]) {
    this.count = indexes.length;
    this.offsets = Float64Array.from(indexes, (each) => batch.offsets[each]!);
    this.#batch = batch;
    this.#indexes = indexes;
  }

  tp(index: number) {
    return this.#batch.tp(this.#at(index));
  }
  offset(index: number): number {
    return this.#batch.offset(this.#at(index));
  }
  timestamp(index: number): number {
    return this.#batch.timestamp(this.#at(index));
  }
  key(index: number) {
    return this.#batch.key(this.#at(index));
  }
  keyText(index: number): string | null {
    return this.#batch.keyText(this.#at(index));
  }
  value(index: number) {
    return this.#batch.value(this.#at(index));
  }
  text(index: number): string | null {
    return this.#batch.text(this.#at(index));
  }
  passingText(index: number): string | null {
    return this.#batch.passingText(this.#at(index));
  }
  headers(index: number) {
    return this.#batch.headers(this.#at(index));
  }

  #at(index: number): number {
    const at = this.#indexes[index];
    if (at === undefined) {
      throw new RangeError(`record ${index} of ${this.count}`);
    }
    return at;
  }
}
