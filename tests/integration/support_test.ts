/** The test support itself, on real Kafka: what other tests take for granted. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Kafka, logLevel } from "kafkajs";
import { Child } from "../support/child.ts";
import {
  IndependentClient,
  type KafkaRecord,
} from "../support/independent_client.ts";
import { KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { readMetadata } from "../support/kafka_metadata.ts";
import { loginRecords } from "../support/login_fixture.ts";
import { isRunning } from "../support/process_state.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const support = new URL("../support/", import.meta.url).href;

realKafkaTest(
  "a cluster of one broker starts, and leaves nothing",
  async () => {
    const cluster = await KafkaCluster.start();
    const { folder } = cluster;
    const [broker] = cluster.brokers;
    await using _ = cluster;
    assert.deepEqual((await cluster.metadata()).brokers, [1]);
    assert.equal(cluster.bootstrapServers, `127.0.0.1:${broker!.port}`);
    await cluster[Symbol.asyncDispose]();
    assert.equal(broker!.alive, false);
    await assert.rejects(Deno.stat(folder), Deno.errors.NotFound);
    await assert.rejects(readMetadata(broker!.port));
  },
);

realKafkaTest(
  "three brokers form one cluster with the ids asked for",
  () =>
    withCluster({ brokers: 3, nodeIdBase: 101 }, async (cluster) => {
      await cluster.createTopic("replicated", 3);
      for (const { port } of cluster.brokers) {
        const { brokers, topics } = await readMetadata(port);
        assert.deepEqual(brokers, [101, 102, 103]);
        for (const { replicas } of topics.get("replicated")!) {
          assert.deepEqual(replicas.toSorted(), [101, 102, 103]);
        }
      }
    }),
);

realKafkaTest(
  "every partition of a topic that was created is led",
  () =>
    withCluster({}, async (cluster) => {
      await using client = await connect(cluster);
      await cluster.createTopic("wide", 300);
      // A leader that does not lead yet is an error at once.
      assert.equal((await client.watermarks("wide")).length, 300);
    }),
);

realKafkaTest(
  "the killed leader's partition moves, and its restart heals",
  () =>
    withCluster({ brokers: 3 }, async (cluster) => {
      await cluster.createTopic("moving", 1);
      const leaderNow = async () =>
        (await cluster.metadata()).topics.get("moving")![0]!.leader;
      const first = await leaderNow();
      const broker = cluster.brokers.find(({ nodeId }) => nodeId === first)!;
      await broker.kill();
      await eventually(async () => ![first, -1].includes(await leaderNow()), {
        what: "led by another broker",
      });
      await broker.restart();
      await eventually(
        async () => {
          const { topics } = await readMetadata(broker.port);
          return topics.get("moving")![0]!.inSync.length === 3;
        },
        { what: "in sync again" },
      );
    }),
);

realKafkaTest(
  "records survive kill -9 and a restart of the only broker",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("kept", 1);
      {
        await using client = await connect(cluster);
        await client.produce("kept", [{ key: "k", value: "before" }]);
      }
      const [broker] = cluster.brokers;
      await broker!.kill();
      assert.equal(broker!.alive, false);
      await assert.rejects(readMetadata(broker!.port));
      await broker!.restart();
      await using client = await connect(cluster);
      assert.deepEqual(texts(await client.readTopic("kept")), ["before"]);
    }),
);

realKafkaTest(
  "a paused broker does not answer until it is resumed",
  () =>
    withCluster({}, async ({ brokers: [broker] }) => {
      broker!.pause();
      assert.equal(broker!.alive, true);
      await assert.rejects(readMetadata(broker!.port, 500));
      broker!.resume();
      await eventually(() => readMetadata(broker!.port), { what: "answered" });
    }),
);

realKafkaTest(
  "records come back as sent: nulls, headers, time, partition",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("exact", 2);
      await using client = await connect(cluster);
      const value = new Uint8Array([0, 255, 128]);
      const headers = [
        { name: "b", value: new Uint8Array([1]) },
        { name: "a", value: null },
        { name: "b", value: new Uint8Array(0) },
      ];
      await client.produce("exact", [
        { partition: 1, timestampMs: 5, key: null, value, headers },
        { partition: 1, timestampMs: 4, key: "", value: null },
      ]);
      const sent: KafkaRecord[] = [
        { partition: 1, offset: 0, timestampMs: 5, key: null, value, headers },
        {
          partition: 1,
          offset: 1,
          timestampMs: 4,
          key: new Uint8Array(0),
          value: null,
          headers: [],
        },
      ];
      const plain = (records: readonly KafkaRecord[]) =>
        Deno.inspect(records, {
          depth: 9,
        });
      assert.equal(plain(await client.readTopic("exact")), plain(sent));
    }),
);

realKafkaTest(
  "records in every compression can be read",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("packed", 1);
      await using client = await connect(cluster);
      const all = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
      for (const compression of all) {
        await client.produce("packed", [{ value: compression }], {
          compression,
        });
      }
      assert.deepEqual(texts(await client.readTopic("packed")), all);
    }),
);

realKafkaTest(
  "only a read of all records shows an aborted transaction",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("mixed", 1);
      await using client = await connect(cluster);
      const send = (value: string, transaction: "commit" | "abort") =>
        client.produce("mixed", [{ value }], { transaction });
      await send("kept", "commit");
      await send("aborted", "abort");
      assert.deepEqual(
        texts(await client.readTopic("mixed", { isolation: "read_committed" })),
        ["kept"],
      );
      assert.deepEqual(
        texts(await client.readTopic("mixed")),
        ["kept", "aborted"],
      );
    }),
);

realKafkaTest(
  "a read of committed records waits for an open transaction if asked to",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("open", 1);
      await using writer = await connect(cluster);
      await using reader = await connect(cluster);
      const end = Promise.withResolvers<void>();
      const sent = writer.produce(
        "open",
        (async function* () {
          // As large as what is sent at once.
          yield { value: "x".repeat(300_000) };
          await end.promise;
        })(),
        { transaction: "commit" },
      );
      await eventually(
        async () => (await reader.readTopic("open")).length === 1,
        { what: "sent" },
      );
      const isolation = "read_committed";
      assert.equal((await reader.readTopic("open", { isolation })).length, 0);
      const reading = reader.readTopic("open", {
        isolation,
        awaitTransactions: true,
      });
      end.resolve();
      assert.equal((await reading).length, 1);
      await sent;
    }),
);

realKafkaTest(
  "20,000 logins come back equal and each user's in order",
  () =>
    withCluster({}, async (cluster) => {
      const logins = { seed: 7, malformedShare: 0.02, users: 500 };
      const count = 20_000;
      await cluster.createTopic("user-login", 8);
      await using client = await connect(cluster);
      assert.equal(
        await client.produce("user-login", loginRecords(count, logins)),
        count,
      );
      const text = new TextDecoder();
      const perKey = Map.groupBy(
        loginRecords(count, logins),
        ({ key }) => key,
      );
      const partitions = new Set<number>();
      const read = await client.visitTopic("user-login", (records) => {
        for (const { key, value, partition } of records) {
          const expected = perKey.get(text.decode(key!))!.shift()!;
          assert.ok(areEqual(value, expected.value), `of ${expected.kind}`);
          partitions.add(partition);
        }
      });
      assert.equal(read, count);
      assert.equal(partitions.size, 8);
    }),
);

realKafkaTest(
  "a refused record fails its request but not the next one",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("small", 1, {
        config: { "max.message.bytes": "1000" },
      });
      await using client = await connect(cluster);
      await assert.rejects(
        client.produce("small", [{ value: "x".repeat(2_000) }]),
        /RecordTooLargeException/,
      );
      await client.produce("small", [{ value: "fits" }]);
      assert.deepEqual(texts(await client.readTopic("small")), ["fits"]);
    }),
);

realKafkaTest(
  "watermarks follow what is produced and deleted",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("trimmed", 2);
      await using client = await connect(cluster);
      const records = ["a", "b", "c"].map((value) => ({ value, partition: 1 }));
      await client.produce("trimmed", records);
      await client.deleteRecords("trimmed", 1, 2);
      assert.equal(await client.partitionCount("trimmed"), 2);
      assert.deepEqual(await client.watermarks("trimmed"), [
        { low: 0, high: 0 },
        { low: 2, high: 3 },
      ]);
      assert.deepEqual(texts(await client.readTopic("trimmed")), ["c"]);
    }),
);

realKafkaTest(
  "a group's committed offsets are told, absent ones too",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("tracked", 2);
      const admin = quietKafka(cluster.bootstrapServers).admin();
      await admin.connect();
      await admin.setOffsets({
        groupId: "readers",
        topic: "tracked",
        partitions: [{ partition: 1, offset: "42" }],
      }).finally(() => admin.disconnect());
      await using client = await connect(cluster);
      const [none, one] = await client.committedOffsets("readers", "tracked");
      assert.equal(none, undefined);
      assert.equal(one!.offset, 42);
    }),
);

realKafkaTest("logs stay when the test fails, data never", async () => {
  const failure = new Error("the test failed");
  let folder = "";
  await assert.rejects(
    withCluster({}, (cluster) => {
      folder = cluster.folder;
      return Promise.reject(failure);
    }),
    failure,
  );
  const left = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  await Deno.remove(folder, { recursive: true });
  assert.deepEqual(left.toSorted(), ["broker-1.log", "broker-1.properties"]);
});

realKafkaTest("a broker that cannot start says why", async () => {
  const config = { "log.retention.hours": "never" };
  const error = await KafkaCluster.start({ config }).then(
    () => assert.fail("it started"),
    (error: Error) => error,
  );
  const [, folder] = /broker 1 ended \(see (.*)\/broker-1.log\)/
    .exec(error.message)!;
  await Deno.remove(folder!, { recursive: true });
  assert.match(error.message, /log\.retention\.hours/);
});

realKafkaTest(
  "who logs in may do only what an ACL allows",
  () =>
    withCluster({ users: { alice: "secret" } }, async (cluster) => {
      await cluster.createTopic("guarded", 1);
      const topicsOf = async (password: string) => {
        const admin = new Kafka({
          brokers: cluster.loginServers.split(","),
          sasl: { mechanism: "plain", username: "alice", password },
          logLevel: logLevel.NOTHING,
          retry: { retries: 0 },
        }).admin();
        try {
          await admin.connect();
          return await admin.listTopics();
        } finally {
          await admin.disconnect();
        }
      };
      assert.deepEqual(await topicsOf("secret"), []);
      await assert.rejects(topicsOf("wrong"), /[Aa]uthentication failed/);
    }),
);

realKafkaTest(
  "brokers die with a killed test process, even paused ones",
  async () => {
    const script = `
    import { KafkaCluster } from "${support}kafka_cluster.ts";
    const cluster = await KafkaCluster.start();
    cluster.brokers[0].pause();
    console.log("started " + cluster.folder + " " + cluster.brokers[0].pid);
    setInterval(() => {}, 1000);`;
    await using child = Child.deno(["eval", "--ext=ts", script]);
    const line = await child.waitForLine(/^started /, { timeoutMs: 120_000 });
    const [, folder, pid] = line.split(" ");
    try {
      assert.equal(isRunning(Number(pid)), true);
      child.signal("SIGKILL");
      await eventually(() => !isRunning(Number(pid)), { what: "gone" });
    } finally {
      await Deno.remove(folder!, { recursive: true });
    }
  },
);

function connect(cluster: KafkaCluster): Promise<IndependentClient> {
  return IndependentClient.connect(cluster.bootstrapServers);
}

function texts(records: readonly KafkaRecord[]): string[] {
  return records.map(({ value }) => new TextDecoder().decode(value!));
}

function areEqual(one: Uint8Array | null, other: Uint8Array | null): boolean {
  return one === null || other === null
    ? one === other
    : Buffer.compare(one, other) === 0;
}
