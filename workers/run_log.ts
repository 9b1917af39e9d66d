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

  /**
   * In whichever order: reports may come in another one than records were sent
   * in, where one is on its way from a native wait while later ones are read.
   */
  add(epoch: number, upstream: number, downstream: number): void {
    let runs = this.#runs.get(epoch);
    if (runs === undefined) this.#runs.set(epoch, runs = []);
    const last = runs.at(-1);
    if (last !== undefined && isNext(last, upstream, downstream)) last.length++;
    else runs.push({ upstream, downstream, length: 1 });
  }

  /** Those of an ownership since the last call, ascending. */
  take(epoch: number): readonly Run[] {
    const runs = this.#runs.get(epoch) ?? NO_RUNS;
    this.#runs.delete(epoch);
    const isInOrder = runs.every((run, at) =>
      at === 0 || run.upstream > runs[at - 1]!.upstream
    );
    return isInOrder ? runs : ordered(runs);
  }
}

function ordered(runs: readonly Run[]): readonly Run[] {
  const all: OpenRun[] = [];
  for (const run of runs.toSorted((a, b) => a.upstream - b.upstream)) {
    const last = all.at(-1);
    if (last !== undefined && isNext(last, run.upstream, run.downstream)) {
      last.length += run.length;
    } else all.push({ ...run });
  }
  return all;
}

/** Nothing is added to a mark. */
const isNext = (run: Run, upstream: number, downstream: number) =>
  run.length > 0 &&
  upstream === run.upstream + run.length &&
  downstream === run.downstream + run.length;
