/** What librdkafka says of a batch that a broker refused before the next one. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ErrorCode, type ProducerProperties } from "../../src/kafka/mod.ts";
import { Sender } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import {
  type KafkaCluster,
  type ProxyRoute,
  withCluster,
} from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";

/** As many requests as librdkafka has under way. */
const COUNT = 5;

realKafkaTest("a producer's first batch is refused", async (context) => {
  await withCluster({ proxied: true }, async (cluster) => {
    for (const [name, step] of Object.entries(STEPS)) {
      const passed = await context.step(name, () => step(cluster));
      if (!passed) cluster.keepLogs();
    }
  });
});

const STEPS: Readonly<
  Record<string, (cluster: KafkaCluster) => Promise<void>>
> = {
  async "the later ones are taken: it is not reported as written"(cluster) {
    const { values, codes, written } = await refused(cluster, "idempotent", {});
    assert.deepEqual(written, values.slice(1));
    assert.deepEqual(codes, [ErrorCode.inconsistent, 0, 0, 0, 0]);
  },

  async "the later ones of a transaction are refused as well"(cluster) {
    const { codes, written } = await refused(cluster, "transactional", {
      "transactional.id": "id",
      "transaction.timeout.ms": 60_000,
    });
    assert.deepEqual(written, []);
    assert.ok(!codes.includes(0));
  },
};

/** What is reported of five batches of which the broker cannot take the first. */
async function refused(
  cluster: KafkaCluster,
  topic: string,
  properties: ProducerProperties,
) {
  await cluster.createTopic(topic, 1);
  const values = Array.from({ length: COUNT }, (_, at) => `${topic}-${at}`);
  await using _spoiler = spoiler(cluster.routes[0]!, values[0]!);
  await using sender = new Sender(cluster.proxiedServers, {
    "enable.idempotence": true,
    "linger.ms": 0,
    // A record is a batch, and each has its own checksum.
    "batch.num.messages": 1,
    ...properties,
  });
  const { producer } = sender;
  const isTransactional = "transactional.id" in properties;
  if (isTransactional) {
    await producer.initTransactions(60_000);
    producer.beginTransaction();
  }
  const reports = await sender.send(
    values.map((value) => ({ topic, partition: 0, value })),
  );
  if (isTransactional) await producer.abortTransaction(60_000);
  await using client = await IndependentClient.connect(
    cluster.bootstrapServers,
  );
  const records = await client.readTopic(topic);
  return {
    values,
    codes: reports.toSorted((a, b) => a.index - b.index)
      .map(({ code }) => code),
    written: records.map(({ value }) =>
      value && new TextDecoder().decode(value)
    ),
  };
}

/** Passes on all bytes, but one of `text` is another one the first time. */
function spoiler(
  { listenPort, targetPort }: ProxyRoute,
  text: string,
): AsyncDisposable {
  const hostname = "127.0.0.1";
  const listener = Deno.listen({ hostname, port: listenPort });
  let wanted: string | null = text;
  const spoiled = () =>
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const at = wanted === null ? -1 : Buffer.from(chunk).indexOf(wanted);
        if (at >= 0) {
          chunk[at]! ^= 1;
          wanted = null;
        }
        controller.enqueue(chunk);
      },
    });
  const serve = async () => {
    const passing: Promise<unknown>[] = [];
    // Iterating ends when the listener is closed.
    for await (const client of listener) {
      const broker = await Deno.connect({ hostname, port: targetPort });
      // One side closes before the other.
      passing.push(Promise.allSettled([
        client.readable.pipeThrough(spoiled()).pipeTo(broker.writable),
        broker.readable.pipeTo(client.writable),
      ]));
    }
    await Promise.all(passing);
  };
  const served = serve();
  return {
    async [Symbol.asyncDispose]() {
      listener.close();
      await served;
    },
  };
}
