/** Instances that come and go faster than the group can follow. */
import assert from "node:assert/strict";
import { seededRandom } from "../../support/load.ts";
import { isSoak, seed, sized } from "../../support/soak.ts";
import { oneOf } from "../fault.ts";
import type { Instance } from "../instances.ts";
import { pause } from "../../support/pause.ts";
import { scenario } from "./scenario.ts";

const records = sized(40_000, 500_000);
const recordsPerSecond = sized(2_000, 10_000);
/** With fewer instances a pause must be longer, or none lives to work at all. */
const mostPauseMs = sized(2_500, 500);
/** Toggling goes on until this share is committed, so that it disturbs work. */
const meanwhileShare = sized(0.2, 0.05);
const leastToggles = sized(20, 200);
const mostMs = sized(45_000, 300_000);
/** Of goings in order; the others are kills. */
const orderlyShare = 0.8;

scenario(`instances toggled every 0 to ${mostPauseMs} ms lose nothing`, {
  brokers: isSoak ? 3 : 1,
  instances: sized(3, 6),
  partitions: sized(20, 80),
  drainTimeoutMs: sized(60_000, 300_000),
  // A killed member keeps all others waiting so long: the least that Kafka takes.
  env: { PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "6000" },
}, async (stage) => {
  const { instances, watcher } = stage;
  const random = seededRandom(seed);
  const generator = stage.load({ recordsPerSecond, records });
  let toggles = 0;
  let isSent = false;
  const counts = generator.end(mostMs + 60_000).finally(() => isSent = true);
  counts.catch(() => {}); // awaited below
  const endMs = performance.now() + mostMs;
  const isOver = () =>
    performance.now() > endMs ||
    isSent && toggles >= leastToggles &&
      watcher.committed > records * meanwhileShare;
  const on = new Set<Instance>();
  const leaving = new Map<Instance, Promise<void>>();
  while (!isOver()) {
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
    await pause(random() * mostPauseMs);
  }
  const meanwhile = watcher.committed;
  await Promise.all(leaving.values());
  instances.startAll();
  console.log(`${toggles} toggles, ${meanwhile} committed meanwhile`);
  // Else nobody worked who could be disturbed. The soak's pauses may be too short
  // for that on a slow machine, which the line above then says.
  if (!isSoak) assert.notEqual(meanwhile, 0);
  return await counts;
});
