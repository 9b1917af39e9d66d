/** What librdkafka tells of damage on Apache Kafka, and what the checker does. */
import assert from "node:assert/strict";
import type { Finding } from "../../dr/topics/mod.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { library, produce } from "../support/embedded.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { ledEverywhere } from "../support/kafka_metadata.ts";
import { PartitionReader } from "../support/partition_reader.ts";
import { realKafkaTest } from "../support/require_java.ts";
import {
  checkerOf,
  create,
  createWith,
  OPTIONS,
  recorded,
  recordsOf,
  recreate,
  type SourceSetting,
  values,
} from "../support/source_topics.ts";
import { eventually } from "../support/wait.ts";

const SIGNAL = new AbortController().signal;

interface Setting extends SourceSetting {
  readonly cluster: KafkaCluster;
}

realKafkaTest("damage of source partitions", async (context) => {
  await withCluster({}, async (cluster) => {
    const sourceServers = cluster.bootstrapServers;
    await using source = new Admin(library, {
      "bootstrap.servers": sourceServers,
    });
    for (const [index, [name, step]] of Object.entries(STEPS).entries()) {
      const passed = await context.step(
        name,
        () => step({ cluster, source, sourceServers, topic: `step-${index}` }),
      );
      if (!passed) cluster.keepLogs();
    }
  });
});

const STEPS: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  async "a topic that was created anew, with a longer log, is read on in silence, and only the checker tells"(
    setting,
  ) {
    const { topic, sourceServers } = setting;
    const topicId = await createWith(setting, ["old-0", "old-1", "old-2"]);
    await using reader = new PartitionReader(sourceServers, {
      topic,
      partition: 0,
    });
    reader.start(0);
    await reader.until(() => reader.values.length === 3, "read");
    const { checker, lines } = checkerOf(setting, "restart");
    const known = [{ topic, topicId }];
    assert.deepEqual(await checker.verify(known, SIGNAL), []);

    // While it is paused nothing is fetched from the new log while that is short.
    reader.pause();
    const newId = await recreate(setting, ["new-0", "new-1", "new-2", "new-3"]);
    reader.resume();
    await reader.until(() => reader.values.length > 3, "read on");

    assert.deepEqual(reader.failures, []);
    assert.deepEqual(reader.values, ["old-0", "old-1", "old-2", "new-3"]);
    assert.deepEqual(await checker.verify(known, SIGNAL), [
      { topic, topicId, found: { kind: "present", topicId: newId } },
    ]);
    const [finding] = await checker.examine(
      [recorded(topic, topicId, 4)],
      SIGNAL,
    );
    assert.deepEqual(finding, {
      tp: { topic, partition: 0 },
      kind: "damaged",
      damage: {
        kind: "recreated",
        topicId: newId,
        lost: { from: 4, to: null },
      },
      remedy: {
        kind: "restart",
        topicId: newId,
        position: 0,
        leaderEpoch: null,
      },
    });
    assert.deepEqual(lines.map(({ level }) => level), ["error"]);
    assert.deepEqual(
      await checker.verify([{ topic, topicId: newId }], SIGNAL),
      [],
    );
  },

  async "records that were deleted before they were mirrored are told, those that were mirrored are not"(
    setting,
  ) {
    const { topic, source } = setting;
    const topicId = await createWith(setting, values("v", 8));
    const { checker } = checkerOf(setting, "stop");
    await source.partitions.deleteRecords(
      [{ topic, partition: 0, offset: 5 }],
      OPTIONS,
    );

    const [mirrored] = await checker.examine(
      [recorded(topic, topicId, 5)],
      SIGNAL,
    );
    const [overtaken] = await checker.examine(
      [recorded(topic, topicId, 2)],
      SIGNAL,
    );

    assert.equal(mirrored!.kind, "sound");
    assert.deepEqual(damageOf(overtaken), {
      kind: "overtaken",
      lost: { from: 2, to: 5 },
      restartAt: 5,
    });
    assert.equal(
      remedyOf(overtaken).kind,
      "stop",
    );
    assert.equal(checker.reports.length, 1);
  },

  async "a topic that was deleted is told beside others that are sound"(
    setting,
  ) {
    const { topic, source } = setting;
    const topicId = await createWith(setting, values("v", 3));
    const other = `${topic}-other`;
    const otherId = await create(setting, { topic: other, partitions: 1 });
    const { checker } = checkerOf(setting, "restart");
    await source.topics.delete([topic], OPTIONS);
    await eventually(
      async () =>
        (await checker.verify([{ topic, topicId }], SIGNAL))[0]?.found.kind ===
          "absent",
      { what: "gone" },
    );

    const [deleted, sound] = await checker.examine(
      [recorded(topic, topicId, 3), recorded(other, otherId, 0)],
      SIGNAL,
    );

    assert.deepEqual(damageOf(deleted), {
      kind: "deleted",
      lost: { from: 3, to: null },
    });
    assert.equal(remedyOf(deleted).kind, "stop");
    assert.equal(sound!.kind, "sound");
  },

  async "a log that was lost and has grown again is told by its reader's leader epoch"(
    setting,
  ) {
    const { topic, cluster, sourceServers } = setting;
    const topicId = await createWith(setting, values("old", 5));
    const { checker } = checkerOf(setting, "restart");
    const [broker] = cluster.brokers;
    await broker!.stop();
    for (const name of partitionFiles(cluster, `${topic}-0`)) {
      await Deno.remove(name);
    }
    await broker!.restart();
    await ledEverywhere(setting.sourceServers, topic);
    const lost = await eventually(async () => {
      const examined = [recorded(topic, topicId, 5)];
      const [finding] = await checker.examine(examined, SIGNAL);
      return finding!.kind === "unknown" ? null : finding;
    }, { what: "examined" });
    const damage = damageOf(lost);
    assert.deepEqual([damage.kind, damage.lost], [
      "uncleanElection",
      { from: 0, to: 5 },
    ]);

    await produce(sourceServers, recordsOf(topic, values("new", 9)));
    const { checker: later } = checkerOf(setting, "restart");
    const grown = recorded(topic, topicId, 5);
    assert.equal((await later.examine([grown], SIGNAL))[0]!.kind, "sound");
    await using reader = new PartitionReader(sourceServers, {
      topic,
      partition: 0,
    });
    reader.start(5, 0);
    await reader.until(() => reader.failures.length > 0, "refused");
    const evidence = reader.evidence;
    assert.deepEqual(evidence, { kind: "truncationReported", endOffset: 0 });
    const [told] = await later.examine([{ ...grown, evidence }], SIGNAL);
    const found = damageOf(told);
    assert.deepEqual([found.kind, found.lost], [
      "uncleanElection",
      { from: 0, to: 5 },
    ]);
    assert.deepEqual(remedyOf(told), {
      kind: "restart",
      topicId,
      position: 0,
      leaderEpoch: 0,
    });
    assert.ok(found.kind === "uncleanElection");
    await comparedByOneWhoKnowsTheTopic(setting, found.leaderEpoch);
  },

  async "a topic whose leader epoch was higher stalls its reader when it is created anew, and the checker tells"(
    setting,
  ) {
    const { topic, sourceServers, cluster } = setting;
    const topicId = await createWith(setting, values("old", 2));
    await cluster.brokers[0]!.restart();
    await ledEverywhere(setting.sourceServers, topic);
    await produce(sourceServers, recordsOf(topic, values("later", 1)));
    await using reader = new PartitionReader(sourceServers, {
      topic,
      partition: 0,
    });
    reader.start(0);
    await reader.until(() => reader.values.length === 3, "read");

    await recreate(setting, values("new", 9));
    // What the reader would get, another gets.
    await using fresh = new PartitionReader(sourceServers, {
      topic,
      partition: 0,
    });
    fresh.start(3);
    await fresh.until(async () => {
      await reader.step();
      return fresh.values.length === 6;
    }, "read by another");
    assert.deepEqual(reader.failures, []);
    assert.equal(reader.values.length, 3);

    const { checker } = checkerOf(setting, "stop");
    const stalled = { ...recorded(topic, topicId, 3), leaderEpoch: 1 };
    const [finding] = await checker.examine([stalled], SIGNAL);
    assert.equal(damageOf(finding).kind, "recreated");
  },
};

/**
 * A mirror's client learns of a topic with the first of its partitions, and what
 * is assigned later is compared only because it is sought.
 */
async function comparedByOneWhoKnowsTheTopic(
  { sourceServers, topic }: Setting,
  leaderEpoch: number,
) {
  await using reader = new PartitionReader(sourceServers, {
    topic,
    partition: 0,
  });
  reader.start(0);
  await reader.until(() => reader.values.length === 9, "read");
  reader.stop();
  await produce(sourceServers, recordsOf(topic, ["later"]));
  await reader.startChecked(9, leaderEpoch);
  await reader.until(() => reader.values.length === 10, "read on");
  assert.deepEqual(reader.failures, []);
  reader.stop();
  await reader.startChecked(5, 0);
  await reader.until(() => reader.failures.length > 0, "refused");
  assert.deepEqual(reader.evidence, {
    kind: "truncationReported",
    endOffset: 0,
  });
  assert.equal(reader.values.at(-1), "later");
  assert.equal(reader.values.length, 10);
}

const damageOf = (finding: Finding | undefined) =>
  finding?.kind === "damaged" ? finding.damage : assert.fail(
    `not damaged: ${JSON.stringify(finding)}`,
  );

const remedyOf = (finding: Finding | undefined) =>
  finding?.kind === "damaged" ? finding.remedy : assert.fail(
    `not damaged: ${JSON.stringify(finding)}`,
  );

/** Everything by which a broker knows what a partition holds. */
function partitionFiles({ folder }: KafkaCluster, name: string): string[] {
  const partition = `${folder}/broker-1.data/${name}`;
  return Deno.readDirSync(partition)
    .map((each) => each.name)
    .filter((each) =>
      /\.(log|index|timeindex|snapshot)$|^leader-epoch/.test(each)
    )
    .map((each) => `${partition}/${each}`).toArray();
}
