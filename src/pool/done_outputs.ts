/**
 * Outputs that were there before this pool began: those of inputs that another
 * pool had processed, before a failover, beyond the position at which this one
 * goes on.
 */

/** In any order; a partition comes once for each topic and count, or oftener. */
export type DoneOutputs = readonly DonePartition[];

/** Outputs of one input partition that are in one topic. */
export interface DonePartition {
  readonly topic: string;
  /** Another topic of that name has other inputs, of which nothing is done. */
  readonly topicId: string;
  readonly partition: number;
  /** The topic that the outputs are in. */
  readonly output: string;
  /** How many outputs each of the inputs had then; 0: not known. */
  readonly count: number;
  readonly outputs: readonly DoneInput[];
}

/** An input, and which of its outputs are there. */
export type DoneInput = readonly [offset: number, ...ordinals: number[]];

/** What is there of one input's outputs in one topic. */
export interface DonePart extends Pick<DonePartition, "output" | "count"> {
  readonly ordinals: readonly number[];
}

/** By topic and partition. */
export type DoneIndex = ReadonlyMap<
  string,
  ReadonlyMap<number, readonly DonePartition[]>
>;

/** @returns null where nothing is done. */
export function indexDone(done: DoneOutputs | null): DoneIndex | null {
  const index = new Map<string, Map<number, DonePartition[]>>();
  for (const each of done ?? []) {
    if (each.outputs.length === 0) continue;
    const ofTopic = index.get(each.topic) ??
      new Map<number, DonePartition[]>();
    index.set(each.topic, ofTopic);
    ofTopic.set(each.partition, [...ofTopic.get(each.partition) ?? [], each]);
  }
  return index.size === 0 ? null : index;
}

/** Outputs of several inputs, of one topic and count. */
interface Part {
  readonly output: string;
  readonly count: number;
  readonly isHandover: boolean;
  readonly inputs: Map<number, DoneInput>;
}

/** What is done of one partition, for looking up. */
export class DoneOffsets {
  readonly #parts: Part[] = [];
  #highest = -1;

  /**
   * @param from below this offset nobody will ask
   * @param handovers topics of dead letters and of records that are tried again:
   * an input of which the only output is there is settled by it
   */
  constructor(
    done: readonly DonePartition[],
    from: number,
    handovers: ReadonlySet<string>,
  ) {
    for (const { count, output, outputs } of done) {
      const isHandover = count === 1 && handovers.has(output);
      const { inputs } = this.#partOf({ count, output, isHandover });
      for (const input of outputs) {
        const [offset, ...ordinals] = input;
        if (offset < from) continue;
        this.#highest = Math.max(this.#highest, offset);
        const known = inputs.get(offset);
        inputs.set(offset, known ? [...known, ...ordinals] : input);
      }
    }
  }

  /** The last offset of which anything is done; -1: nothing is. */
  get highest(): number {
    return this.#highest;
  }

  /** Whether an output is not to be sent. */
  has(offset: number, output: string, ordinal: number, count: number): boolean {
    if (offset > this.#highest) return false;
    for (const part of this.#parts) {
      const input = part.inputs.get(offset);
      if (input === undefined) continue;
      if (part.isHandover) return true;
      if (
        part.count === count && part.output === output &&
        input.indexOf(ordinal, 1) > 0
      ) return true;
    }
    return false;
  }

  /** What is there of one input. */
  of(offset: number): DonePart[] {
    return this.#parts.flatMap(({ count, inputs, output }) => {
      const input = inputs.get(offset);
      return input ? [{ output, count, ordinals: input.slice(1) }] : [];
    });
  }

  #partOf(wanted: Omit<Part, "inputs">): Part {
    const known = this.#parts.find(({ count, output }) =>
      count === wanted.count && output === wanted.output
    );
    if (known !== undefined) return known;
    const part = { ...wanted, inputs: new Map<number, DoneInput>() };
    this.#parts.push(part);
    return part;
  }
}
