/** Instances that come and go faster than the group can follow. */
import { seededRandom } from "../../support/load.ts";
import { isSoak, seed, sized } from "../../support/soak.ts";
import { oneOf } from "../fault.ts";
import type { Instance } from "../instances.ts";
import { pause } from "../pause.ts";
import { scenario } from "./scenario.ts";

const records = sized(20_000, 500_000);
const recordsPerSecond = sized(2_000, 10_000);
const mostPauseMs = 500;
/** Of goings in order; the others are kills. */
const orderlyShare = 0.6;

scenario("instances toggled every 0 to 500 ms lose nothing", {
  brokers: isSoak ? 3 : 1,
  instances: sized(3, 6),
  partitions: sized(20, 80),
  drainTimeoutMs: sized(60_000, 300_000),
}, async (stage) => {
  const { instances, watcher } = stage;
  const random = seededRandom(seed);
  const generator = stage.load({ recordsPerSecond, records });
  const sent = new AbortController();
  const counts = generator.end(300_000).finally(() => sent.abort());
  counts.catch(() => {}); // awaited below
  const on = new Set<Instance>();
  const leaving = new Map<Instance, Promise<void>>();
  let toggles = 0;
  while (!sent.signal.aborted) {
    const instance = oneOf(random, instances.all);
    const isOrderly = random() < orderlyShare;
    if (on.delete(instance)) {
      const left = isOrderly ? instance.stop() : instance.kill();
      leaving.set(instance, left.finally(() => leaving.delete(instance)));
      toggles++;
    } else if (!leaving.has(instance)) {
      instance.start();
      on.add(instance);
      toggles++;
    }
    await pause(random() * mostPauseMs, sent.signal);
  }
  await Promise.all(leaving.values());
  instances.startAll();
  console.log(`${toggles} toggles, ${watcher.committed} committed meanwhile`);
  return await counts;
});
