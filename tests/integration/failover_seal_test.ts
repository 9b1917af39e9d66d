/** What hangs in a lane's log when it is sealed, on real Kafka. */
import assert from "node:assert/strict";
import { sealLanes } from "../../dr/failover/seal.ts";
import { decodeLaneRecord, encodeDelta } from "../../dr/offset_map/mod.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { library } from "../support/embedded.ts";
import { ALLOW_HANGING, leaveHanging } from "../support/hanging_transaction.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const LANES = "switchyard-lanes.primary.internal";
const { signal } = new AbortController();

realKafkaTest(
  "a delta that hangs in a lane's log, whose copies were aborted, is not committed by the seal",
  async () => {
    await using target = await KafkaCluster.start({ config: ALLOW_HANGING });
    await target.createTopic(LANES, 2);
    const { bootstrapServers } = target;
    const id = "switchyard-primary-secondary-1";
    await eventually(async () => {
      await leaveHanging(bootstrapServers, id, [{
        topic: LANES,
        partition: 1,
      }]);
      return true;
    }, { what: "left open" });
    const properties = { "bootstrap.servers": bootstrapServers };
    await using admin = new Admin(library, properties);
    await sealLanes(
      {
        library,
        admin,
        properties,
        onEvent: () => {},
        flow: { source: "primary", target: "secondary" },
        lanes: 2,
      },
      1,
      signal,
    );

    await using client = await IndependentClient.connect(bootstrapServers);
    const records = await client.readTopic(LANES, {
      isolation: "read_committed",
    });
    const seal = encodeDelta(1, []);
    assert.deepEqual(
      records.map(({ partition, value }) => [partition, [...value!]]),
      [0, 1].map((lane) => [lane, [...seal]]),
    );
    assert.equal(decodeLaneRecord(seal).era, 1);
    const ends = (readCommitted: boolean) =>
      admin.partitions.offsets(
        [0, 1].map((partition) => ({
          topic: LANES,
          partition,
          at: "latest" as const,
        })),
        { timeoutMs: 30_000, readCommitted },
      );
    const [high, stable] = await Promise.all([ends(false), ends(true)]);
    assert.deepEqual(
      stable.map(({ offset }) => offset),
      high.map(({ offset }) => offset),
    );
  },
);
