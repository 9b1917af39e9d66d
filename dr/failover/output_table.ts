/** Collects outputs by the inputs that caused them, in little memory. Pure. */
import type { DoneInput } from "../../src/pool/done_outputs.ts";

/** Whose outputs belong together: all but the offset and the ordinal. */
export interface OutputPlace<Topic> {
  readonly group: string;
  readonly topic: Topic;
  readonly partition: number;
  /** The topic of the outputs. */
  readonly output: string;
  readonly count: number;
}

interface Collected<Topic> {
  readonly place: OutputPlace<Topic>;
  /** Offset, ordinal, offset, ordinal, ... as they came. */
  readonly cells: number[];
}

export class OutputTable<Topic> {
  readonly #places = new Map<string, Collected<Topic>>();
  #count = 0;

  /** All that were added, those that came twice included. */
  get count(): number {
    return this.#count;
  }

  /** @param key the same for the same place */
  add(
    key: string,
    place: () => OutputPlace<Topic>,
    offset: number,
    ordinal: number,
  ): void {
    let collected = this.#places.get(key);
    if (collected === undefined) {
      this.#places.set(key, collected = { place: place(), cells: [] });
    }
    collected.cells.push(offset, ordinal);
    this.#count++;
  }

  /** Each output once, in order. */
  entries(): (OutputPlace<Topic> & {
    readonly outputs: readonly DoneInput[];
  })[] {
    return Array.from(this.#places.values(), ({ place, cells }) => ({
      ...place,
      outputs: inputsOf(cells),
    }));
  }
}

function inputsOf(cells: readonly number[]): DoneInput[] {
  const order = Array.from({ length: cells.length / 2 }, (_, at) => at * 2)
    .sort((one, other) =>
      cells[one]! - cells[other]! || cells[one + 1]! - cells[other + 1]!
    );
  const inputs: [number, ...number[]][] = [];
  for (const at of order) {
    const [offset, ordinal] = [cells[at]!, cells[at + 1]!];
    const last = inputs.at(-1);
    if (last?.[0] !== offset) inputs.push([offset, ordinal]);
    else if (last.at(-1) !== ordinal) last.push(ordinal);
  }
  return inputs;
}
