/**
 * A drill on two real clusters that are in use: a real broker is killed, and all
 * that is not of the drill is as it was before.
 */
import assert from "node:assert/strict";
import { z } from "zod";
import { Child } from "../support/child.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { withoutOurs } from "../support/job_process.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { BrokerBreaker } from "./support/broker_breaker.ts";

const main = new URL("../../src/main.ts", import.meta.url).pathname;
const EXIT_MS = 400_000;
/** Beside the drill: topics of a job, and of the state. */
const TOPICS = ["orders", "switchyard-state", "switchyard-history"];
const GROUP = "billing";
const RECORDS = 300;

const REPORT = z.object({
  world: z.literal("configured"),
  active: z.literal("secondary"),
  firstRecordMs: z.number(),
  acknowledged: z.number().min(100),
  afterwards: z.number().min(50),
  outputs: z.number().min(100),
  lost: z.literal(0),
  repeated: z.literal(0),
  reordered: z.literal(0),
  violations: z.array(z.string()).length(0),
  met: z.literal(true),
});

realKafkaTest(
  "a drill kills a real primary, and leaves all topics, groups and offsets that are not its own",
  async () => {
    await using stack = new AsyncDisposableStack();
    const clusters = [];
    for (const nodeIdBase of [1, 101]) {
      clusters.push(
        stack.use(await KafkaCluster.start({ heapMb: 256, nodeIdBase })),
      );
    }
    const [primary, secondary] = clusters as [KafkaCluster, KafkaCluster];
    for (const cluster of clusters) await use(cluster);
    const before = await Promise.all(clusters.map(seenOn));

    const breaker = stack.use(await BrokerBreaker.open(primary));
    const child = stack.use(Child.deno([
      "run",
      "-A",
      "--no-check",
      main,
      "drill",
      "--clusters",
      ...breaker.options,
      // How fast a machine under tests is, is not the matter here.
      "--max-rto",
      "120s",
      "--max-rpo",
      "120s",
      "--json",
    ], {
      env: {
        ...withoutOurs(),
        PRIMARY_BROKERS: primary.bootstrapServers,
        SECONDARY_BROKERS: secondary.bootstrapServers,
      },
    }));
    const over = new AbortController();
    const [{ code }] = await Promise.all([
      child.exit(EXIT_MS).finally(() => over.abort()),
      breaker.serve(over.signal),
    ]);
    const said = child.lines("stderr").slice(-20).join("\n");
    const [line = ""] = child.lines("stdout").slice(-1);
    assert.match(line, /^\{/, said);
    console.log(line);
    REPORT.parse(JSON.parse(line));
    assert.equal(code, 0, said);
    assert.deepEqual(breaker.done, { kills: 1, hangs: 0 });
    assert.deepEqual(await Promise.all(clusters.map(seenOn)), before);
  },
);

/** As something that is at work here would leave it. */
async function use(cluster: KafkaCluster): Promise<void> {
  await using client = await IndependentClient.connect(
    cluster.bootstrapServers,
  );
  for (const topic of TOPICS) {
    await cluster.createTopic(topic, 1);
    await client.produce(
      topic,
      Array.from({ length: RECORDS }, (_, at) => ({
        key: `key-${at}`,
        value: `${topic} ${at}`,
      })),
    );
  }
  await withAdmin(cluster, (admin) =>
    admin.setOffsets({
      groupId: GROUP,
      topic: "orders",
      partitions: [{ partition: 0, offset: "123" }],
    }));
}

/** All topics with their ends, and all groups with their positions. */
const seenOn = (cluster: KafkaCluster) =>
  withAdmin(cluster, async (admin) => {
    const topics = (await admin.listTopics())
      .filter((each) => !each.startsWith("__")).sort();
    const { groups } = await admin.listGroups();
    const ids = groups.map(({ groupId }) => groupId)
      // Groups without topics go by themselves, a little later.
      .filter((each) => !each.startsWith("switchyard-drill-")).sort();
    return {
      topics: await Promise.all(topics.map(async (topic) => ({
        topic,
        ends: await admin.fetchTopicOffsets(topic),
      }))),
      groups: await Promise.all(ids.map(async (groupId) => ({
        groupId,
        positions: await admin.fetchOffsets({ groupId }),
      }))),
    };
  });

async function withAdmin<T>(
  cluster: KafkaCluster,
  ask: (
    admin: ReturnType<ReturnType<typeof quietKafka>["admin"]>,
  ) => Promise<T>,
): Promise<T> {
  const admin = quietKafka(cluster.bootstrapServers).admin();
  await admin.connect();
  try {
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}
