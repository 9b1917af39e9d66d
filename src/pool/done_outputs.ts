/**
 * Outputs that were there before this pool began: those of inputs that another
 * pool had processed, before a failover, beyond the position at which this one
 * goes on.
 */

/** By input partition; a partition may come several times. */
export type DoneOutputs = readonly DonePartition[];

export interface DonePartition {
  readonly topic: string;
  readonly partition: number;
  /**
   * By input: its offset, and the ordinals of its outputs that are there. With
   * no ordinal, the input has all that it should have.
   */
  readonly outputs: readonly DoneInput[];
}

export type DoneInput = readonly [offset: number, ...ordinals: number[]];

/** By topic and partition. */
export type DoneIndex = ReadonlyMap<
  string,
  ReadonlyMap<number, readonly DoneInput[]>
>;

/** @returns null where nothing is done. */
export function indexDone(done: DoneOutputs | null): DoneIndex | null {
  const index = new Map<string, Map<number, DoneInput[]>>();
  for (const { topic, partition, outputs } of done ?? []) {
    if (outputs.length === 0) continue;
    const ofTopic = index.get(topic) ?? new Map<number, DoneInput[]>();
    index.set(topic, ofTopic);
    ofTopic.set(partition, [...ofTopic.get(partition) ?? [], ...outputs]);
  }
  return index.size === 0 ? null : index;
}

/** What is done of one partition, for looking up. */
export class DoneOffsets {
  readonly #inputs = new Map<number, DoneInput>();
  #highest = -1;

  /** @param from below this offset nobody will ask */
  constructor(inputs: readonly DoneInput[], from: number) {
    for (const input of inputs) {
      const [offset] = input;
      if (offset < from) continue;
      this.#highest = Math.max(this.#highest, offset);
      this.#inputs.set(offset, both(this.#inputs.get(offset), input));
    }
  }

  /** The last offset of which anything is done; -1: nothing is. */
  get highest(): number {
    return this.#highest;
  }

  has(offset: number, ordinal: number): boolean {
    if (offset > this.#highest) return false;
    const input = this.#inputs.get(offset);
    return input !== undefined &&
      (isWhole(input) || input.indexOf(ordinal, 1) > 0);
  }
}

const isWhole = (input: DoneInput) => input.length === 1;

/** What two entries of one input say. */
function both(one: DoneInput | undefined, other: DoneInput): DoneInput {
  if (one === undefined || isWhole(other)) return other;
  if (isWhole(one)) return one;
  const [, ...ordinals] = other;
  return [...one, ...ordinals];
}
