/** Looks for outputs again while the cluster may come back. */
import { KafkaError, ReadError } from "../../src/kafka/mod.ts";
import { pause } from "../waits.ts";
import { FailoverError } from "./errors.ts";
import type { OutputFinder } from "./find_outputs.ts";
import type { ScanReport } from "./scan_outputs.ts";

/** One attempt, and what it has found. */
export interface Look<Finder = OutputFinder> {
  readonly finder: Finder;
  /** Why some may not have been found, as a user reads it. */
  readonly problems: string[];
}

/** A million outputs take some seconds. */
const OUTPUTS_MS = 120_000;
/** A broker that is just not there comes back, or its partitions move. */
const AGAIN_FOR_MS = 30_000;
const AGAIN_MS = 500;
const NOTHING_SCANNED: ScanReport = { outputs: 0, records: 0, withoutCut: [] };

/**
 * Each attempt begins anew, since it finds again what those before have found.
 * What is not found by then is done again: nothing is lost by that.
 * @returns the attempt that has come to its end, or the one that has found most.
 * @throws what `scan` throws, but for what the cluster does not do; the signal's
 * reason.
 */
export async function lookPatiently<
  Finder extends Pick<OutputFinder, "count" | "unknown">,
>(
  newFinder: () => Finder,
  scan: (look: Look<Finder>, signal: AbortSignal) => Promise<ScanReport>,
  signal: AbortSignal,
): Promise<Look<Finder> & { readonly report: ScanReport }> {
  const beganMs = performance.now();
  const late = AbortSignal.timeout(OUTPUTS_MS);
  const either = AbortSignal.any([signal, late]);
  let best: Look<Finder> | null = null;
  for (;;) {
    const look = { finder: newFinder(), problems: [] };
    try {
      const report = await scan(look, either);
      return { ...withUnknown(look), report };
    } catch (error) {
      signal.throwIfAborted();
      const isOurs = !late.aborted && !isOfCluster(error);
      if (isOurs) throw error;
      if (best === null || look.finder.count > best.finder.count) best = look;
      const isOver = late.aborted || error instanceof FailoverError ||
        performance.now() - beganMs > AGAIN_FOR_MS;
      if (isOver) {
        const why = late.aborted
          ? `${OUTPUTS_MS / 1000} s were not enough`
          : (error as Error).message;
        best.problems.push(`not all outputs that are there are known (${why})`);
        return { ...withUnknown(best), report: NOTHING_SCANNED };
      }
    }
    await pause(AGAIN_MS, either);
  }
}

function withUnknown<Finder extends Pick<OutputFinder, "unknown">>(
  { finder, problems }: Look<Finder>,
): Look<Finder> {
  if (finder.unknown === 0) return { finder, problems };
  const unknown = `of ${finder.unknown} outputs the inputs are not known any ` +
    "more";
  return { finder, problems: [...problems, unknown] };
}

/** What the cluster that is promoted does not do, and may do later. */
export const isOfCluster = (error: unknown): error is Error =>
  error instanceof KafkaError || error instanceof ReadError ||
  error instanceof FailoverError;
