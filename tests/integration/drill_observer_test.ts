/** What a drill sees of a topic, on real Kafka. */
import assert from "node:assert/strict";
import { Admin } from "../../src/kafka/mod.ts";
import { stableEndOf } from "../../src/commands/drill/observer.ts";
import { clusterSteps } from "../support/cluster_steps.ts";
import { library } from "../support/embedded.ts";

const ONLY = 0;

clusterSteps("a drill looks at a topic of Apache Kafka", {}, {
  async "outputs of an open transaction are none that have come"({
    cluster,
    client,
  }) {
    const topic = "open";
    await cluster.createTopic(topic, 2);
    await using admin = new Admin(library, {
      "bootstrap.servers": cluster.bootstrapServers,
    });
    const seen: number[] = [];
    await client.write([{ transactionalId: topic }], async (session) => {
      const look = async () => seen.push(await stableEndOf(admin, topic));
      await look();
      await session.begin(ONLY);
      await session.send(ONLY, topic, { value: "one", partition: 1 });
      await session.flush(ONLY);
      await look();
      await session.commit(ONLY);
      await look();
    });
    // With the marker.
    assert.deepEqual(seen, [0, 0, 2]);
  },
});
