/** Waits for lanes' logs, that end: a partition without a leader never answers. */
import { type FollowerOptions, LaneFollower } from "./follower.ts";
import type { OffsetMap } from "./offset_map.ts";

/** Of the lanes' logs, most of which a busy cluster reads within seconds. */
const MAP_MS = 60_000;

export interface MapWait {
  /** That of the lanes. */
  readonly topic: string;
  /** Default: a minute. */
  readonly patienceMs?: number | undefined;
  /** What is thrown then, of what a user reads. */
  readonly failed: (message: string) => Error;
}

/** @throws what the work throws; `failed` once it took too long; the signal's reason. */
export async function inMapTime<T>(
  { failed, patienceMs = MAP_MS, topic }: MapWait,
  work: (signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const late = AbortSignal.timeout(patienceMs);
  try {
    return await work(AbortSignal.any([signal, late]));
  } catch (error) {
    signal.throwIfAborted();
    if (!late.aborted) throw error;
    throw failed(
      `${topic} cannot be read, which says what was mirrored: see that its ` +
        "partitions have leaders",
    );
  }
}

/**
 * The mirror's map, read to its end.
 * @throws as `LaneFollower`, and as `inMapTime`.
 */
export const readMap = (
  { failed, signal, ...options }:
    & Omit<FollowerOptions, "lanes">
    & Pick<MapWait, "failed">,
): Promise<OffsetMap> =>
  inMapTime(
    { topic: options.topic, failed },
    async (its) => {
      await using follower = await LaneFollower.open({
        ...options,
        signal: its,
      });
      await follower.load(its);
      return follower.map;
    },
    signal,
  );
