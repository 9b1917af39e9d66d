/**
 * Answers that never arrive to requests that were served: the client cannot know
 * the outcome. Of transactions those to EndTxn, else those to Produce.
 */
import assert from "node:assert/strict";
import { isSoak, sized } from "../../support/soak.ts";
import { eventually } from "../../support/wait.ts";
import { scenario } from "./scenario.ts";

const drops = sized(10, 50);

scenario(`${drops} lost answers to what was written lose and repeat nothing`, {
  brokers: isSoak ? 3 : 1,
  instances: 2,
  partitions: 8,
  drainTimeoutMs: 120_000,
}, async (stage, guarantee) => {
  const { instances, watcher, world } = stage;
  instances.startAll();
  const generator = stage.load({ recordsPerSecond: 1_000 });
  await eventually(() => watcher.committed > 0, { what: "committed" });
  const api = guarantee === "exactly-once" ? "EndTxn" : "Produce";
  using stack = new DisposableStack();
  const rules = world.proxies.map((proxy) =>
    stack.use(proxy.drop({
      apis: [api],
      count: drops,
      // Some must arrive, or nothing would ever be done.
      probability: 0.3,
      then: "cut",
    }))
  );
  const dropped = () => rules.reduce((sum, each) => sum + each.dropped, 0);
  await eventually(() => dropped() >= drops, {
    what: `lost ${drops} answers to ${api}`,
    timeoutMs: 240_000,
  });
  stack.dispose();
  const counts = await generator.stop();
  assert.equal(counts.unknown, 0);
  return counts;
});
