/** What a running mirror finds of topics that nobody writes to. */
import assert from "node:assert/strict";
import type { MirrorStatus } from "../../dr/mirror/mod.ts";
import type { Damage } from "../../dr/topics/mod.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { Child } from "../support/child.ts";
import { library, produce } from "../support/embedded.ts";
import { httpOf, withoutOurs } from "../support/job_process.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { ledEverywhere } from "../support/kafka_metadata.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import {
  createWith,
  OPTIONS,
  recordsOf,
  recreate,
  type SourceSetting,
  values,
} from "../support/source_topics.ts";
import { eventually } from "../support/wait.ts";

const SMALL = { heapMb: 256 };
const PATIENT_MS = 60_000;

realKafkaTest(
  "idle topics that are deleted, or created anew, are found while the mirror runs, and what the new ones have is mirrored",
  () =>
    withCluster(SMALL, (source) =>
      withCluster(
        { ...SMALL, nodeIdBase: 101 },
        (target) => findsDamage(source, target),
      )),
);

async function findsDamage(
  source: KafkaCluster,
  target: KafkaCluster,
): Promise<void> {
  const sourceServers = source.bootstrapServers;
  await using admin = new Admin(library, {
    "bootstrap.servers": sourceServers,
  });
  const settingOf = (topic: string): SourceSetting => ({
    source: admin,
    sourceServers,
    topic,
  });
  const orders = settingOf("orders");
  await createWith(orders, values("old", 3));
  await createWith(settingOf("gone"), values("old", 2));
  await createWith(settingOf("sound"), values("old", 2));
  await using mirror = startMirror(source, target);
  const statusUrl = `${await httpOf(mirror)}/status`;
  const status = async (): Promise<MirrorStatus> =>
    await (await fetch(statusUrl)).json();
  const mirrored = (topic: string, position: number) =>
    eventually(async () => {
      const { lanes } = await status();
      return lanes.flatMap(({ partitions }) => partitions).some((each) =>
        each.topic === topic && each.position === position
      );
    }, { what: `mirrored ${topic} to ${position}`, timeoutMs: PATIENT_MS });
  const found = (topic: string, kind: Damage["kind"]) =>
    eventually(async () => {
      const { damage } = await status();
      return damage.find((each) =>
        each.topic === topic && each.damage.kind === kind
      );
    }, { what: `found that ${topic} was ${kind}`, timeoutMs: PATIENT_MS });
  await mirrored("orders", 3);
  await mirrored("gone", 2);
  // From now on the leader epoch of the old topic is above that of any new one:
  // its reader stalls without a word, and nothing comes to a commit.
  await source.brokers[0]!.restart();
  await ledEverywhere(sourceServers, "orders");
  await produce(sourceServers, recordsOf("orders", ["old-3"]));
  await mirrored("orders", 4);

  const newId = await recreate(orders, values("early", 5));
  const recreated = await found("orders", "recreated");
  assert.deepEqual(recreated.damage, {
    kind: "recreated",
    topicId: newId,
    lost: { from: 4, to: null },
  });
  assert.deepEqual(recreated.remedy, {
    kind: "restart",
    topicId: newId,
    position: 0,
    leaderEpoch: null,
  });
  await mirrored("orders", 5);

  await admin.topics.delete(["gone"], OPTIONS);
  const deleted = await found("gone", "deleted");
  assert.deepEqual(deleted.remedy, { kind: "stop" });

  await produce(sourceServers, [
    ...recordsOf("orders", ["late"]),
    ...recordsOf("sound", ["late"]),
  ]);
  assert.deepEqual(await read(target, "orders", 10), [
    ...values("old", 4),
    ...values("early", 5),
    "late",
  ]);
  assert.deepEqual(await read(target, "sound", 3), [
    ...values("old", 2),
    "late",
  ]);
  assert.equal((await status()).damage.length, 2);

  mirror.signal("SIGTERM");
  const { code } = await mirror.exit(PATIENT_MS);
  assert.equal(code, 0);
}

function startMirror(source: KafkaCluster, target: KafkaCluster): Child {
  const main = new URL("../../src/main.ts", import.meta.url).pathname;
  return Child.deno(["run", "-A", "--no-check", main, "mirror"], {
    env: {
      ...withoutOurs(),
      INSTANCE_ID: "mirror-1",
      HTTP_PORT: "0",
      PRIMARY_BROKERS: source.bootstrapServers,
      SECONDARY_BROKERS: target.bootstrapServers,
      MIRROR_LANES: "2",
      MIRROR_REFRESH_MS: "500",
      MIRROR_ON_DAMAGE: "restart",
    },
  });
}

/** Values of a topic of one partition, once it has so many, by kafkajs. */
async function read(
  { bootstrapServers }: KafkaCluster,
  topic: string,
  count: number,
): Promise<string[]> {
  const consumer = quietKafka(bootstrapServers)
    .consumer({ groupId: `reader-${crypto.randomUUID()}` });
  const found: string[] = [];
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ message }) => {
        found.push(String(message.value));
        return Promise.resolve();
      },
    });
    await eventually(() => found.length >= count, {
      what: `read ${count} of ${topic}`,
      timeoutMs: PATIENT_MS,
    });
  } finally {
    await consumer.disconnect();
  }
  return found;
}
