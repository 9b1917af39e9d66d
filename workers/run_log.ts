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

  /** What was known of an ownership before its first record: runs and marks. */
  begin(epoch: number, runs: readonly Run[]): void {
    if (runs.length > 0) this.#runs.set(epoch, runs.map((run) => ({ ...run })));
  }

  /** Records of an ownership come in the order of their offsets. */
  add(epoch: number, upstream: number, downstream: number): void {
    let runs = this.#runs.get(epoch);
    if (runs === undefined) this.#runs.set(epoch, runs = []);
    const last = runs.at(-1);
    if (
      last !== undefined && last.length > 0 &&
      upstream === last.upstream + last.length &&
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
