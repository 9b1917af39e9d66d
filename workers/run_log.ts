/** Which offsets the records of a transaction had, and have got. Pure. */
import type { Run } from "../dr/offset_map/mod.ts";

const NO_RUNS: readonly Run[] = [];

interface OpenRun {
  readonly upstream: number;
  readonly downstream: number;
  length: number;
}

export class RunLog {
  /** By epoch of the ownership. */
  readonly #runs = new Map<number, OpenRun[]>();

  /** Records of an ownership come in the order of their offsets. */
  add(epoch: number, upstream: number, downstream: number): void {
    let runs = this.#runs.get(epoch);
    if (runs === undefined) this.#runs.set(epoch, runs = []);
    const last = runs.at(-1);
    if (
      last !== undefined && upstream === last.upstream + last.length &&
      downstream === last.downstream + last.length
    ) last.length++;
    else runs.push({ upstream, downstream, length: 1 });
  }

  /** Those of an ownership since the last call. */
  take(epoch: number): readonly Run[] {
    const runs = this.#runs.get(epoch) ?? NO_RUNS;
    this.#runs.delete(epoch);
    return runs;
  }
}
