/** A prober on the embedded cluster, which drills use. */
import assert from "node:assert/strict";
import { PROBE_TOPIC } from "../../dr/health/mod.ts";
import { MockCluster } from "../../src/kafka/mod.ts";
import { library } from "../support/embedded.ts";
import { QUICK_HEALTH, WatchedCluster } from "../support/watched_cluster.ts";

Deno.test("a cluster that loses one broker of three is not down, one that loses all is, until they are back", async () => {
  await using cluster = new MockCluster(library, 3);
  cluster.createTopic(PROBE_TOPIC, 1, 3);
  cluster.createTopic("orders", 3, 3);
  await using watched = new WatchedCluster(cluster.bootstrapServers, {
    topics: ["orders"],
    health: QUICK_HEALTH,
  });
  const healthy = await watched.becomes("healthy");
  assert.deepEqual(healthy.reasons, []);

  cluster.setBrokerDown(3);
  const lost = await watched.until(
    "told of the broker",
    ({ probes }) =>
      probes.brokers.last?.kind === "passed" &&
      probes.brokers.last.remark !== null && probes.brokers.count > 5,
  );
  assert.match(lost.reasons.join("\n"), /1 of 3 brokers do not answer/);
  assert.ok(!watched.changes.includes("down"));

  cluster.setBrokerDown(1);
  cluster.setBrokerDown(2);
  const down = await watched.becomes("down");
  assert.match(down.reasons.join("\n"), /3 of 3 brokers do not answer/);

  for (const id of [1, 2, 3]) cluster.setBrokerUp(id);
  await watched.becomes("healthy");
});
