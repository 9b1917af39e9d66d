/**
 * A drill on two real clusters that are in use: a real broker is killed, and all
 * that is not of the drill is as it was before.
 */
import assert from "node:assert/strict";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { withKafkaAdmin } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";
import { BrokerBreaker } from "./support/broker_breaker.ts";
import { expectDrill } from "./support/drill_run.ts";
import { soakSummary } from "./support/soak_summary.ts";

/** Beside the drill: topics of a job, and of the state. */
const TOPICS = ["orders", "switchyard-state", "switchyard-history"];
const GROUP = "billing";
const RECORDS = 300;
const SEED = 1;
/** Each a process of its own, as in those of many. */
const DRILLS = 1;

realKafkaTest(
  "a drill kills a real primary, and leaves all topics, groups and offsets that are not its own",
  async () => {
    await using stack = new AsyncDisposableStack();
    const clusters: KafkaCluster[] = [];
    for (const nodeIdBase of [1, 101]) {
      clusters.push(
        stack.use(await KafkaCluster.start({ heapMb: 256, nodeIdBase })),
      );
    }
    const [primary, secondary] = clusters as [KafkaCluster, KafkaCluster];
    for (const cluster of clusters) await use(cluster);
    const before = await Promise.all(clusters.map(seenOn));

    const breaker = stack.use(await BrokerBreaker.open(primary));
    await expectDrill(
      { primary, secondary },
      [
        ...breaker.options,
        "--scenario",
        "kill",
        "--soak",
        String(DRILLS),
        "--seed",
        String(SEED),
        // How fast a machine under tests is, is not the matter here.
        "--max-rto",
        "120s",
        "--max-rpo",
        "120s",
      ],
      (summary) => void soakSummary(SEED, DRILLS).parse(summary),
      (over) => breaker.serve(over),
    );
    assert.deepEqual(breaker.done, { kills: 1, hangs: 0 });
    // Brokers still tell, for a moment, of topics that are deleted.
    await eventually(async () => {
      assert.deepEqual(await Promise.all(clusters.map(seenOn)), before);
      return true;
    }, { what: "as before" });
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
  await withKafkaAdmin(cluster.bootstrapServers, (admin) =>
    admin.setOffsets({
      groupId: GROUP,
      topic: "orders",
      partitions: [{ partition: 0, offset: "123" }],
    }));
}

/** All topics with their ends, and all groups with their positions. */
const seenOn = (cluster: KafkaCluster) =>
  withKafkaAdmin(cluster.bootstrapServers, async (admin) => {
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
