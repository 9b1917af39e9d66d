/** What a broker that died has left open is not committed by who comes next. */
import assert from "node:assert/strict";
import { Child } from "../support/child.ts";
import { ALLOW_HANGING, leaveHanging } from "../support/hanging_transaction.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const TOPIC = "logins";
const decoder = new TextDecoder();
const COMMITTED = { isolation: "read_committed" } as const;

realKafkaTest(
  "records of a transaction that hangs are never committed",
  async () => {
    await using source = await KafkaCluster.start({ nodeIdBase: 1 });
    await using target = await KafkaCluster.start({
      nodeIdBase: 101,
      config: ALLOW_HANGING,
    });
    try {
      await judge(source, target);
    } catch (error) {
      source.keepLogs();
      target.keepLogs();
      throw error;
    }
  },
);

async function judge(
  source: KafkaCluster,
  target: KafkaCluster,
): Promise<void> {
  await source.createTopic(TOPIC, 1);
  await send(source, ["a", "b", "c"]);
  await mirrorUntil(source, target, 3);

  const positions = { topic: "mm2-offsets.primary.internal", partition: 0 };
  await eventually(async () => {
    await leaveHanging(
      target.bootstrapServers,
      "switchyard-primary-secondary-0",
      [{ topic: TOPIC, partition: 0 }, positions],
    );
    return true;
  }, { what: "left open" });
  await send(source, ["d", "e"]);
  const said = await mirrorUntil(source, target, 5);
  assert.match(said, /left open and are aborted.*"logins-0"/);
  assert.match(said, /lane begins anew.*transactions were left open/);

  await using client = await IndependentClient.connect(target.bootstrapServers);
  const copies = await client.readTopic(TOPIC, COMMITTED);
  assert.deepEqual(copies.map(({ value }) => value && decoder.decode(value)), [
    ..."abcde",
  ]);
  const keys = (await client.readTopic(positions.topic, COMMITTED))
    .map(({ key }) => key && decoder.decode(key));
  assert.equal(keys.includes("hanging"), false);
}

async function send(
  cluster: KafkaCluster,
  values: readonly string[],
): Promise<void> {
  const producer = quietKafka(cluster.bootstrapServers).producer();
  await producer.connect();
  await producer.send({
    topic: TOPIC,
    messages: values.map((value) => ({ value })),
  });
  await producer.disconnect();
}

/** Starts a mirror, waits for so many committed copies, and stops it. */
async function mirrorUntil(
  source: KafkaCluster,
  target: KafkaCluster,
  count: number,
): Promise<string> {
  await using mirror = Child.deno(
    ["run", "-A", "--no-check", "src/main.ts", "mirror"],
    {
      env: {
        PRIMARY_BROKERS: source.bootstrapServers,
        SECONDARY_BROKERS: target.bootstrapServers,
        MIRROR_TOPICS: TOPIC,
        MIRROR_LANES: "1",
        HTTP_PORT: "0",
      },
    },
  );
  await using client = await IndependentClient.connect(target.bootstrapServers);
  try {
    await eventually(
      async () => (await client.readTopic(TOPIC, COMMITTED)).length >= count,
      { what: `mirrored ${count}`, timeoutMs: 90_000, everyMs: 500 },
    );
  } catch (error) {
    console.log(mirror.lines("stderr").join("\n"));
    throw error;
  }
  mirror.signal("SIGTERM");
  const { code } = await mirror.exit(60_000);
  assert.equal(code, 0, mirror.lines("stderr").join("\n"));
  return mirror.lines("stderr").join("\n");
}
