/**
 * Where parts of librdkafka's memory go in an arena: neighbours are copied by one
 * call, with what lies between them.
 */

/** Neighbours, and where they go in the arena. */
export interface Run {
  /** Addresses. */
  readonly start: number;
  end: number;
  readonly at: number;
}

/** What is further apart is copied by a call each. */
const GAP_BYTES = 512;

/** Of what has no address. */
export const NONE = -1;

export class Neighbours {
  readonly runs: Run[] = [];
  #run: Run | undefined;
  #size = 0;

  /** Of the arena, in bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * @param address 0: null
   * @returns where it begins in the arena.
   */
  place(address: number, length: number): number {
    if (address === 0) return NONE;
    const run = this.#run;
    const gap = run === undefined ? NONE : address - run.end;
    if (run !== undefined && gap >= 0 && gap <= GAP_BYTES) {
      run.end = address + length;
      this.#size += gap + length;
    } else {
      this.#run = { start: address, end: address + length, at: this.#size };
      this.runs.push(this.#run);
      this.#size += length;
    }
    return this.#size - length;
  }
}
