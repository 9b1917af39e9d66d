/** Keys and values of a topic with one partition. */
import type { Buffer } from "node:buffer";
import type { StoredRecord } from "../../dr/cut/mod.ts";
import { Admin, readTopic, wholeTopic } from "../../src/kafka/mod.ts";
import { library } from "./embedded.ts";
import type { KafkaCluster } from "./kafka_cluster.ts";
import { quietKafka } from "./quiet_kafkajs.ts";
import { within } from "./wait.ts";

const decoder = new TextDecoder();

/** As the leader reads it, by our own client. */
export async function* recordsOf(
  cluster: KafkaCluster,
  topic: string,
  signal: AbortSignal,
): AsyncGenerator<StoredRecord> {
  const properties = {
    "bootstrap.servers": cluster.bootstrapServers,
    "group.id": "never-joined",
  };
  await using admin = new Admin(library, properties);
  const batches = readTopic({
    library,
    properties,
    topic,
    ranges: await wholeTopic(admin, topic, { timeoutMs: 30_000 }),
    signal,
  });
  for await (const batch of batches) {
    for (let at = 0; at < batch.count; at++) {
      yield { key: batch.key(at), value: batch.value(at) };
    }
  }
}

/** All of a topic, read by kafkajs. */
export async function readBytes(cluster: KafkaCluster, topic: string) {
  const kafka = quietKafka(cluster.bootstrapServers);
  const admin = kafka.admin();
  await admin.connect();
  const [end] = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  if (end!.high === "0") return [];
  const consumer = kafka.consumer({ groupId: `reader-${crypto.randomUUID()}` });
  const found: { key: Buffer | null; value: Buffer | null }[] = [];
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message: { key, offset, value } }) => {
        found.push({ key, value });
        if (Number(offset) >= Number(end!.high) - 1) done.resolve();
        return Promise.resolve();
      },
    });
    await within(done.promise, 30_000, `read ${topic}`);
  } finally {
    await consumer.disconnect();
  }
  return found;
}

/** The same as text. */
export async function readAll(cluster: KafkaCluster, topic: string) {
  return (await readBytes(cluster, topic)).map(({ key, value }) => ({
    key: key && decoder.decode(key),
    value: value && decoder.decode(value),
  }));
}
