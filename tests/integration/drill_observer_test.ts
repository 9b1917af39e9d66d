/** What a drill sees of a topic, on real Kafka. */
import assert from "node:assert/strict";
import { Admin, readTopic, wholeTopic } from "../../src/kafka/mod.ts";
import { digestOf, stableEndOf } from "../../src/commands/drill/observer.ts";
import { clusterSteps } from "../support/cluster_steps.ts";
import { library } from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

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
    const end = () => stableEndOf(admin, topic);
    assert.equal(await end(), 0);
    await client.write([{ transactionalId: topic }], async (session) => {
      await session.begin(ONLY);
      await session.send(ONLY, topic, { value: "one", partition: 1 });
      await session.flush(ONLY);
      assert.equal(await end(), 0);
      await session.commit(ONLY);
    });
    // With the marker, which comes later than the answer to the commit.
    await eventually(async () => await end() === 2, { what: "ended" });
  },

  async "records are alike only in key, value, headers and timestamp"({
    cluster,
    client,
  }) {
    const topic = "alike";
    await cluster.createTopic(topic, 1);
    const headers = [{ name: "h", value: "1" }, { name: "h", value: "2" }];
    const record = { key: "k", value: "v", headers, timestampMs: 7 };
    await client.produce(topic, [
      record,
      record,
      { ...record, key: null },
      { ...record, key: "" },
      { ...record, value: "w" },
      { ...record, headers: [] },
      { ...record, headers: headers.toReversed() },
      { ...record, headers: [headers[0]!, { name: "h", value: null }] },
      { ...record, timestampMs: 8 },
    ]);
    const properties = { "bootstrap.servers": cluster.bootstrapServers };
    await using admin = new Admin(library, properties);
    const batches = readTopic({
      library,
      properties: { ...properties, "group.id": topic },
      topic,
      ranges: await wholeTopic(admin, topic, { timeoutMs: 30_000 }),
      signal: AbortSignal.timeout(30_000),
    });
    const digests: string[] = [];
    for await (const batch of batches) {
      for (let at = 0; at < batch.count; at++) {
        digests.push(digestOf(batch, at));
      }
    }
    assert.equal(digests.length, 9);
    assert.equal(digests[0], digests[1]);
    assert.equal(new Set(digests).size, 8);
  },
});
