/**
 * I3: what a group's position on the target says is done, is done there.
 *
 * **Missing output**: an input below the position, or settled by its metadata,
 * has fewer outputs and dead letters on the target than it demands.
 *
 * The world stands still while it is judged; between two judgements it grows.
 */
import { type Claim } from "../checker/commit_metadata.ts";
import type { Id } from "../checker/report.ts";
import type { Found } from "./report.ts";

interface Input {
  readonly offset: number;
  readonly id: Id;
}

export class CutLedger {
  readonly #outputs = new Map<Id, number>();
  /** By partition: inputs that were not verified yet, in the order of offsets. */
  readonly #inputs = new Map<string, Input[]>();
  readonly #outputsOf: (id: Id) => number;

  /** @param outputsOf how many an input demands. Default 1 for each. */
  constructor(outputsOf: (id: Id) => number = () => 1) {
    this.#outputsOf = outputsOf;
  }

  /** An output or dead letter that read_committed readers see. */
  output(id: Id): void {
    this.#outputs.set(id, (this.#outputs.get(id) ?? 0) + 1);
  }

  /** Each partition's in the order of offsets. */
  input(topic: string, partition: number, offset: number, id: Id): void {
    const key = `${partition} ${topic}`;
    const inputs = this.#inputs.get(key);
    if (inputs === undefined) this.#inputs.set(key, [{ offset, id }]);
    else inputs.push({ offset, id });
  }

  /**
   * Returns how many inputs are done as the position claims; they are verified
   * and need not be looked at again.
   */
  judge(
    topic: string,
    partition: number,
    { claims, found }: { readonly claims: Claim; readonly found: Found },
  ): number {
    const key = `${partition} ${topic}`;
    const left: Input[] = [];
    let done = 0;
    for (const input of this.#inputs.get(key) ?? []) {
      const { offset, id } = input;
      if (!claims(offset)) {
        left.push(input);
        continue;
      }
      const outputs = this.#outputs.get(id) ?? 0;
      const wanted = this.#outputsOf(id);
      if (outputs >= wanted) {
        done++;
        continue;
      }
      left.push(input);
      found("missing output", {
        topic,
        partition,
        offset,
        sentence: `input ${id} is done, says the group's position, and has ` +
          `${outputs} of ${wanted} outputs`,
      });
    }
    this.#inputs.set(key, left);
    return done;
  }
}
