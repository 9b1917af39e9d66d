/** The checker on real Kafka: what was planted in topics is found and named. */
import assert from "node:assert/strict";
import {
  ANOMALIES,
  checkTopics,
  HistoryWriter,
  idSource,
  judgeLogins,
  type Report,
} from "../checker/mod.ts";
import { Child } from "../support/child.ts";
import {
  IndependentClient,
  type NewRecord,
} from "../support/independent_client.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { createInput, Job, patience, topicsOf } from "../support/job.ts";
import { loginRecords } from "../support/login_fixture.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const group = "job";

/** Keys 0, 1 and 2 in turn. */
const record = (id: number, partition = 0): NewRecord => ({
  partition,
  key: `key ${id % 3}`,
  value: JSON.stringify({ event_id: id }),
});

const upTo = (count: number) => Array.from({ length: count }, (_, id) => id);

/** Commits these offsets, by partition. */
async function commit(
  cluster: KafkaCluster,
  topic: string,
  offsets: readonly number[],
): Promise<void> {
  const admin = quietKafka(cluster.bootstrapServers).admin();
  await admin.connect();
  await admin.setOffsets({
    groupId: group,
    topic,
    partitions: offsets.map((offset, partition) => ({
      partition,
      offset: String(offset),
    })),
  }).finally(() => admin.disconnect());
}

interface Cli {
  readonly code: number | null;
  readonly stdout: string;
}

async function checkHistory(
  cluster: KafkaCluster,
  args: readonly string[],
): Promise<Cli> {
  await using child = Child.deno([
    ...["run", "-A", "--no-check", "tests/checker/main.ts"],
    ...["--brokers", cluster.bootstrapServers],
    ...args,
  ]);
  const { code } = await child.exit(120_000);
  return { code, stdout: child.lines("stdout").join("\n") };
}

/** `lost: in [0] @5, id 5`, in the order of the report. */
const named = ({ anomalies }: Report) =>
  anomalies.flatMap(({ kind, examples }) =>
    examples.map(({ topic, partition, offset, id }) =>
      `${kind}: ${topic} [${partition}] @${offset}, id ${id}`
    )
  );

realKafkaTest(
  "topics without a fault have no anomalies",
  () =>
    withCluster({}, async (cluster) => {
      const partitions = 2;
      await cluster.createTopic("in", partitions);
      await cluster.createTopic("out", partitions);
      await cluster.createTopic("in.dlq", 1);
      await using client = await IndependentClient.connect(
        cluster.bootstrapServers,
      );
      const ids = upTo(2_000);
      const isDead = (id: number) => id % 50 === 7;
      const place = (id: number) => record(id, id % partitions);
      await client.produce("in", ids.map(place));
      await client.produce("out", ids.filter((id) => !isDead(id)).map(place), {
        transaction: "commit",
      });
      // What an aborted transaction repeats does not count.
      await client.produce("out", ids.map(place), { transaction: "abort" });
      await client.produce(
        "in.dlq",
        ids.filter(isDead).map((id) => record(id)),
      );
      await commit(cluster, "in", [1_000, 1_000]);
      const history = `${cluster.folder}/history.jsonl`;
      {
        using writer = HistoryWriter.open(history);
        for (const id of ids) {
          const partition = id % partitions;
          const offset = Math.floor(id / partitions);
          writer.write([
            { op: "send", id, partition },
            { op: "ack", id, partition, offset },
          ]);
        }
      }
      const { code, stdout } = await checkHistory(cluster, [
        ...["--input", "in", "--output", "out", "--dead-letters", "in.dlq"],
        ...["--retry", "in.retry.1s", "--group", group, "--history", history],
        ...["--guarantee", "exactly-once"],
      ]);
      assert.equal(code, 0, stdout);
      assert.match(stdout, /2,000 inputs/);
      assert.match(stdout, /2,000 records of aborted transactions/);
      assert.match(stdout, /note: there is no topic in\.retry\.1s/);
      assert.match(stdout, /\nno anomalies$/);
    }),
);

realKafkaTest(
  "every anomaly that was planted is named with its place",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("in", 2);
      await cluster.createTopic("out", 1);
      await using client = await IndependentClient.connect(
        cluster.bootstrapServers,
      );
      const history = `${cluster.folder}/history.jsonl`;
      await plant(cluster, client, history);
      const expected = [
        "lost: in [0] @5, id 5",
        "acknowledged input missing: in [0] @500, id 30",
        "duplicate: out [0] @19, id 6",
        "aborted read: in [0] @22, id 21",
        "aborted read: out [0] @20, id 20",
        "reordered by key: out [0] @8, id 12",
        "reordered in partition: out [0] @13, id 15",
        "inconsistent offset: in [0] @700, id 1",
        "committed beyond processed: in [0] @5, id 5",
        "committed beyond end: in [1] @1000, id null",
        "unexpected: in [0] @23, id 22",
        "unexpected: out [0] @23, id 99",
      ].sort();

      const args = [
        ...["--input", "in", "--output", "out", "--group", group],
        ...["--history", history, "--guarantee", "exactly-once"],
      ];
      const asJson = await checkHistory(cluster, [...args, "--json"]);
      assert.equal(asJson.code, 1);
      assert.deepEqual(named(JSON.parse(asJson.stdout)).sort(), expected);

      const forPeople = await checkHistory(cluster, args);
      assert.equal(forPeople.code, 1);
      for (const kind of ANOMALIES) {
        // What is corrupt only who knows the contents can say.
        const isThere = forPeople.stdout.includes(`\n${kind}: `);
        assert.equal(isThere, kind !== "corrupt", kind);
      }

      const report = await checkTopics({
        client,
        topics: { input: "in", outputs: ["out"], group },
        history,
        options: {
          guarantee: "exactly-once",
          judge: (id, role, { key }) =>
            id === 2 && role === "output" && key !== null
              ? "not what 2 must become"
              : undefined,
        },
      });
      assert.deepEqual(
        named(report).sort(),
        [...expected, "corrupt: out [0] @2, id 2"].sort(),
      );
    }),
);

async function plant(
  cluster: KafkaCluster,
  client: IndependentClient,
  history: string,
): Promise<void> {
  const send = (topic: string, ids: readonly number[]) =>
    client.produce(topic, ids.map((id) => record(id)));
  await send("in", upTo(20));
  // At offset 20, and the marker of the transaction at 21.
  await client.produce("in", [record(20)], { transaction: "abort" });
  // Its end is acknowledged before the marker is written.
  await eventually(
    async () => (await client.watermarks("in"))[0]?.high === 22,
    { what: "marked as aborted" },
  );
  await send("in", [21, 22]);
  await send("out", [
    ...[0, 1, 2, 3, 4, /* 5 is lost */ 6, 7, 8],
    ...[12, 9, 10, 11, 13, /* and */ 15, 14, 16, 17, 18, 19],
    ...[/* a duplicate */ 6, /* aborted */ 20, 21, 22, /* of nothing */ 99],
  ]);
  await commit(cluster, "in", [24, 1000]);
  using writer = HistoryWriter.open(history);
  for (const id of [...upTo(22), 30]) writer.write([{ op: "send", id }]);
  const ack = (id: number, offset: number) =>
    writer.write([{ op: "ack", id, partition: 0, offset }]);
  for (const id of upTo(20)) ack(id, id === 1 ? 700 : id);
  ack(30, 500);
  writer.write([{ op: "fail", id: 21 }]);
}

realKafkaTest(
  "a missing topic is no anomaly: nothing is checked",
  () =>
    withCluster({}, async (cluster) => {
      await cluster.createTopic("in", 1);
      const { code, stdout } = await checkHistory(cluster, [
        ...["--input", "in", "--output", "no-such-topic"],
      ]);
      assert.equal(code, 2);
      assert.equal(stdout, "");
    }),
);

realKafkaTest(
  "a job is checked while it runs, and when it has ended",
  () =>
    withCluster({}, async (cluster) => {
      const name = "checked";
      const { input, output, deadLetter } = topicsOf(name);
      const logins = { seed: 1, malformedShare: 0.05, users: 100 };
      const count = sized(20_000, 1_000_000);
      await using client = await IndependentClient.connect(
        cluster.bootstrapServers,
      );
      await createInput(cluster, client, { name, partitions: 4 });
      await client.produce(
        input,
        loginRecords(count, logins).map((each, id) => ({
          ...each,
          headers: [{ name: "id", value: String(id) }],
        })),
      );
      const examine = (final: boolean) =>
        checkTopics({
          client,
          topics: {
            input,
            outputs: [output],
            deadLetters: [deadLetter],
            group: name,
          },
          options: {
            final,
            id: ["header:id", "json:event_id"].map(idSource),
            judge: judgeLogins(logins),
          },
        });
      await using job = Job.start({
        brokers: cluster.bootstrapServers,
        name,
        // So slow that it is at work when it is looked at.
        env: { ...patience, RATE_RECORDS: String(count / 20) },
      });
      await job.consumed(count / 20);
      const running = await examine(false);
      assert.deepEqual(running.anomalies, []);
      assert.ok(running.counts.pending > 0 && running.counts.outputs > 0);
      await job.consumed(count);
      await job.stop();
      const ended = await examine(true);
      assert.deepEqual(ended.anomalies, []);
      assert.equal(ended.counts.outputs + ended.counts.deadLetters, count);
      assert.equal(ended.counts.repeated, 0);
    }),
);
