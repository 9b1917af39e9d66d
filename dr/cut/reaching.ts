/** Tells on the target, in the form of a heartbeat, how far it has come: `Reach`. */
import { pause } from "../waits.ts";
import type { CutLeaderOptions } from "./compose.ts";
import { beat } from "./heartbeats.ts";
import { restMs, type SideWork } from "./leader.ts";
import { Reach } from "./reach.ts";
import type { RecordWriter } from "./record_writer.ts";
import { ATTEMPT_MS } from "./requests.ts";
import { sourceCluster } from "./source_cluster.ts";

/** @param writer to the target */
export function reaching(
  options: CutLeaderOptions,
  writer: Pick<RecordWriter, "write">,
): SideWork["work"] {
  const { formats, onReached, positions, source, target, topics } = options;
  // What does not answer soon is asked again for the next sample.
  const timeoutMs = ATTEMPT_MS;
  const cluster = sourceCluster({ ...options, admin: source.admin, timeoutMs });
  const reach = new Reach(Date.now());
  return async (signal) => {
    const atMs = Date.now();
    const begunMs = performance.now();
    const partitions = await cluster.partitions(signal);
    reach.sampled(atMs, await cluster.ends(partitions, signal));
    const tookMs = performance.now() - begunMs;
    const reachedAtMs = reach.review(positions);
    if (reachedAtMs !== null) {
      await beat({
        source: source.alias,
        target: target.alias,
        topic: topics.reached,
        encode: formats.encodeHeartbeat,
        writer,
        now: () => reachedAtMs,
      }, signal);
      onReached?.(reachedAtMs);
    }
    await pause(restMs(tookMs, tookMs), signal);
  };
}
