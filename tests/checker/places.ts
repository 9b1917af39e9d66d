/**
 * Where a record stands, in one number: that of its topic and partition, and the
 * offset. Millions of places are kept.
 */

const OFFSETS = 2 ** 40;
const MOST_PARTITIONS = 2 ** 13;

/** No record's place. */
export const NOWHERE = 0;

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Place extends TopicPartition {
  readonly offset: number;
}

export class Places {
  readonly #numbers = new Map<string, number[]>();
  /** By number; the first is `NOWHERE`'s. */
  readonly #partitions: TopicPartition[] = [{ topic: "", partition: -1 }];

  /** How many numbers are given out; `tp` is below it. */
  get size(): number {
    return this.#partitions.length;
  }

  /** @throws {RangeError} when a check meets 8,192 partitions. */
  tp(topic: string, partition: number): number {
    let numbers = this.#numbers.get(topic);
    if (numbers === undefined) this.#numbers.set(topic, numbers = []);
    return numbers[partition] ??= this.#add({ topic, partition });
  }

  /** @throws {RangeError} for an offset of 2^40 or more. */
  place(tp: number, offset: number): number {
    if (!(offset >= 0 && offset < OFFSETS)) {
      throw new RangeError(`offset ${offset} is beyond what can be checked`);
    }
    return tp * OFFSETS + offset;
  }

  at(place: number): Place {
    return { ...this.#partitions[tpOf(place)]!, offset: offsetOf(place) };
  }

  topicPartition(tp: number): TopicPartition {
    return this.#partitions[tp]!;
  }

  #add(partition: TopicPartition): number {
    if (this.#partitions.length === MOST_PARTITIONS) {
      throw new RangeError(`more than ${MOST_PARTITIONS - 1} partitions`);
    }
    return this.#partitions.push(partition) - 1;
  }
}

export const tpOf = (place: number) => Math.floor(place / OFFSETS);
export const offsetOf = (place: number) => place % OFFSETS;
