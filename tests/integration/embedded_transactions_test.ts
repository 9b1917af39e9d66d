/** A limit of embedded clusters that the judge of a drill has to know. */
import assert from "node:assert/strict";
import {
  Admin,
  MockCluster,
  Outbox,
  Producer,
  readTopic,
  wholeTopic,
} from "../../src/kafka/mod.ts";
import { library } from "../support/embedded.ts";
import { eventually } from "../support/wait.ts";

const TOPIC = "results";
const ID = "pool-0";
const MOST_MS = 10_000;

Deno.test("an embedded cluster shows what was left open with the next commit under its transactional id", async () => {
  await using cluster = new MockCluster(library, 1);
  cluster.createTopic(TOPIC, 1);
  const { bootstrapServers } = cluster;
  await using left = await begun(bootstrapServers, "left open");
  await using next = await begun(bootstrapServers, "committed");
  await next.commitTransaction(MOST_MS);
  assert.deepEqual(await valuesOn(bootstrapServers), [
    "left open",
    "committed",
  ]);
  left.purge();
});

/** A producer with a transaction under way that has one record. */
async function begun(
  servers: string,
  value: string,
): Promise<Producer> {
  const producer = new Producer(library, {
    "bootstrap.servers": servers,
    "transactional.id": ID,
    log_level: 0,
  });
  await producer.initTransactions(MOST_MS);
  producer.beginTransaction();
  let acknowledged = 0;
  using outbox = new Outbox(library, producer.port, (_owner, _id, code) => {
    assert.equal(code, 0);
    acknowledged++;
  });
  outbox.add(0, 0, { topic: TOPIC, key: "key", value });
  outbox.send();
  await eventually(() => {
    outbox.collect();
    return acknowledged === 1;
  }, { what: "the record is acknowledged" });
  return producer;
}

async function valuesOn(servers: string): Promise<string[]> {
  const own = { "bootstrap.servers": servers, log_level: 0 } as const;
  await using admin = new Admin(library, own);
  const ranges = await wholeTopic(admin, TOPIC, { timeoutMs: MOST_MS });
  const values: string[] = [];
  for await (
    const batch of readTopic({
      library,
      properties: { ...own, "group.id": "reader" },
      topic: TOPIC,
      ranges,
      signal: AbortSignal.timeout(MOST_MS),
    })
  ) {
    for (let at = 0; at < batch.count; at++) values.push(batch.text(at) ?? "");
  }
  return values;
}
