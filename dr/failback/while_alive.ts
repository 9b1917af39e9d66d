/** Work that needs a cluster which may be lost in the middle of it. */
import { type Admin, KafkaError } from "../../src/kafka/mod.ts";
import { pause } from "../waits.ts";
import { FailbackError } from "./errors.ts";

export interface AliveTimings {
  readonly lookMs: number;
  /** Of one question. */
  readonly askMs: number;
  /** A cluster that has not answered for so long is lost. */
  readonly lostMs: number;
}

const TIMINGS: AliveTimings = { lookMs: 2_000, askMs: 5_000, lostMs: 30_000 };

/**
 * Readers, for example, wait for a dead cluster for good.
 * @param name of the cluster, as in "the primary"
 * @throws {FailbackError} once it is lost; the work's signal aborts with that.
 * What the work throws; the signal's reason.
 */
export async function whileAlive<T>(
  admin: Pick<Admin, "describeCluster">,
  name: string,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
  timings = TIMINGS,
): Promise<T> {
  const ended = new AbortController();
  const lost = new AbortController();
  const watching = untilLost(admin, ended.signal, timings).then((why) => {
    if (why === null) return;
    lost.abort(
      new FailbackError("failed", `${name} does not answer any more (${why})`),
    );
  });
  try {
    return await work(AbortSignal.any([signal, lost.signal]));
  } catch (error) {
    lost.signal.throwIfAborted();
    throw error;
  } finally {
    ended.abort();
    await watching;
  }
}

/** @returns why; null: the work has ended before. */
async function untilLost(
  admin: Pick<Admin, "describeCluster">,
  ended: AbortSignal,
  { askMs, lookMs, lostMs }: AliveTimings,
): Promise<string | null> {
  let answeredMs = performance.now();
  for (;;) {
    await pause(lookMs, ended);
    if (ended.aborted) return null;
    try {
      await admin.describeCluster({ timeoutMs: askMs, signal: ended });
      answeredMs = performance.now();
    } catch (error) {
      if (ended.aborted) return null;
      if (!(error instanceof KafkaError)) throw error;
      if (performance.now() - answeredMs >= lostMs) return error.message;
    }
  }
}
