/** What nobody ends on a cluster that has returned does not stop the way home. */
import assert from "node:assert/strict";
import { endLeftOpen } from "../../dr/failback/left_open.ts";
import { readTail } from "../../dr/failback/read_tail.ts";
import { OffsetMap } from "../../dr/offset_map/mod.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { library } from "../support/embedded.ts";
import { ALLOW_HANGING, leaveHanging } from "../support/hanging_transaction.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { runKafkaTool } from "../support/kafka_tool.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const { signal } = new AbortController();
const GROUP = "logins";
const ours = { topic: "processed", partition: 0 };
const others = { topic: "audit", partition: 0 };
const votes = [{ kind: "pool", voter: `${GROUP}/host-0/life` }] as const;

realKafkaTest(
  "transactions that hang on the old cluster are aborted where they are a pool's, and else by the command that is told",
  async () => {
    await using cluster = await KafkaCluster.start({ config: ALLOW_HANGING });
    const { bootstrapServers } = cluster;
    const folder = await Deno.makeTempDir();
    const properties = { "bootstrap.servers": bootstrapServers };
    await using admin = new Admin(library, properties);
    for (const { topic } of [ours, others]) await cluster.createTopic(topic, 1);
    // Coordinators are there a moment after the brokers.
    const left = (id: string, of: typeof ours, group?: string) =>
      eventually(async () => {
        await leaveHanging(bootstrapServers, id, [of], group);
        return true;
      }, { what: `left open by ${id}` });
    await left(`${GROUP}-host-0-3`, ours, GROUP);
    await left("audit-of-others-0", others);

    const consumer = { ...properties, "group.id": "reader" };
    const old = { library, admin, consumer };
    const tail = () =>
      readTail({
        ...old,
        map: new OffsetMap(),
        log: { next: () => 0 },
        isMirrored: (topic) => topic === "processed" || topic === "audit",
        timings: { hangingMs: 200, patienceMs: 5_000, lookMs: 50 },
        endHanging: (open, each) =>
          endLeftOpen(
            {
              ...old,
              producer: properties,
              votes: () => Promise.resolve(votes),
              log: createLog({ level: "error", write() {} }),
            },
            open,
            each,
          ),
      }, signal);
    // The position of its group, too.
    const isUnstable = async () => {
      const options = { timeoutMs: 30_000, requireStable: true };
      const [answer] = await admin.groups.offsets(GROUP, [ours], options);
      return answer!.error !== null;
    };
    assert.equal(await isUnstable(), true);
    const failure = await tail().then(() => "none", String);
    assert.match(failure, /FailoverError: audit \[0\] cannot be read/);
    assert.equal(await isUnstable(), false);

    const [command] = /kafka-transactions\.sh .*$/.exec(failure) ?? [];
    await runKafkaTool(
      "kafka-transactions.sh",
      command!,
      bootstrapServers,
      folder,
    );
    const { topics } = await tail();
    assert.deepEqual(
      topics.map(({ partitions: [only], topic }) => [topic, only!.records])
        .sort(),
      [["audit", 0], ["processed", 0]],
    );
    await using client = await IndependentClient.connect(bootstrapServers);
    for (const { topic } of [ours, others]) {
      const committed = { isolation: "read_committed" } as const;
      assert.deepEqual(await client.readTopic(topic, committed), []);
    }
    await Deno.remove(folder, { recursive: true });
  },
);
