/** Discovery, creation and settings of mirrored topics, between two clusters. */
import assert from "node:assert/strict";
import { Admin } from "../../src/kafka/mod.ts";
import { library } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { ledEverywhere } from "../support/kafka_metadata.ts";
import { realKafkaTest } from "../support/require_java.ts";
import {
  checkerOf,
  create,
  idOf,
  OPTIONS,
  ownConfigs,
  recorded,
  sized,
} from "../support/source_topics.ts";
import { FIXED, syncOf, type SyncSetting } from "../support/topic_sync.ts";
import { eventually } from "../support/wait.ts";

const SIGNAL = new AbortController().signal;

realKafkaTest("topics of two clusters", async (context) => {
  await using stack = new AsyncDisposableStack();
  const [primary, secondary] = await Promise.all([
    KafkaCluster.start({ nodeIdBase: 1 }),
    KafkaCluster.start({ nodeIdBase: 101 }),
  ]);
  stack.use(primary);
  stack.use(secondary);
  const adminOf = ({ bootstrapServers }: KafkaCluster) =>
    stack.use(new Admin(library, { "bootstrap.servers": bootstrapServers }));
  const source = adminOf(primary);
  const target = adminOf(secondary);
  const witness = stack.use(
    await IndependentClient.connect(secondary.bootstrapServers),
  );
  for (const [index, [name, step]] of Object.entries(STEPS).entries()) {
    const passed = await context.step(name, () =>
      step({
        source,
        target,
        sourceServers: primary.bootstrapServers,
        targetServers: secondary.bootstrapServers,
        witness,
        topic: `step-${index}`,
      }));
    if (!passed) [primary, secondary].forEach((each) => each.keepLogs());
  }
});

const STEPS: Readonly<Record<string, (setting: SyncSetting) => Promise<void>>> =
  {
    async "topics are found by pattern and created with their settings, as many replicas as there are brokers"(
      setting,
    ) {
      const { topic, target, witness } = setting;
      await create(setting, {
        topic: `${topic}-a`,
        partitions: 3,
        config: { "cleanup.policy": "compact", "segment.bytes": "1048576" },
      });
      await create(setting, {
        topic: `${topic}-b`,
        partitions: 1,
        config: { "retention.ms": "1000" },
      });
      await create(setting, { topic: `${topic}-internal`, partitions: 1 });
      const { sync, lines } = syncOf(setting, {
        replicationFactor: 3,
        configOverrides: [
          { topics: /.*-b/, configs: { "retention.ms": "86400000" } },
        ],
      });

      const mirrored = await sync.refresh(SIGNAL);

      assert.deepEqual(
        mirrored.map(({ topic, target, partitions }) => [
          topic,
          target,
          partitions,
        ]),
        [
          [`${topic}-a`, `from.${topic}-a`, 3],
          [`${topic}-b`, `from.${topic}-b`, 1],
        ],
      );
      for (const each of mirrored) {
        assert.equal(each.topicId, await idOf(setting, each.topic));
      }
      assert.deepEqual(sync.problems, []);
      assert.deepEqual(lines.map(({ message }) => message), [
        "target topic created",
        "target topic created",
      ]);
      await eventually(
        async () => await witness.partitionCount(`from.${topic}-a`) === 3,
        { what: "created" },
      );
      const names = await witness.topics();
      assert.ok(!names.includes(`from.${topic}-internal`));
      const [a, b] = [`from.${topic}-a`, `from.${topic}-b`];
      assert.deepEqual(await ownConfigs(target, a), {
        ...FIXED,
        "cleanup.policy": "compact",
      });
      assert.deepEqual(await ownConfigs(target, b), {
        ...FIXED,
        "retention.ms": "86400000",
      });
      const [summary] = await target.topics.summarize([a], OPTIONS);
      assert.equal(summary!.replicationFactor, 1);
    },

    async "topics and partitions that come at run time are mirrored, and a second look changes nothing"(
      setting,
    ) {
      const { topic, source, witness } = setting;
      await create(setting, { topic, partitions: 2 });
      const { sync, lines } = syncOf(setting);
      await sync.refresh(SIGNAL);
      await ledEverywhere(setting.targetServers, `from.${topic}`, 2);
      lines.length = 0;
      assert.deepEqual(
        (await sync.refresh(SIGNAL)).map(({ partitions }) => partitions),
        [2],
      );
      assert.deepEqual(lines, []);

      await source.topics.grow([{ topic, partitions: 5 }], OPTIONS);
      await sized(setting, topic, 5);
      await create(setting, { topic: `${topic}-late`, partitions: 1 });
      const mirrored = await sync.refresh(SIGNAL);

      assert.deepEqual(
        mirrored.map(({ topic, partitions }) => [topic, partitions]),
        [[topic, 5], [`${topic}-late`, 1]],
      );
      assert.deepEqual(lines.map(({ message }) => message), [
        "target topic created",
        "target topic grown",
      ]);
      await ledEverywhere(setting.targetServers, `from.${topic}`, 5);
      assert.ok((await witness.topics()).includes(`from.${topic}-late`));
    },

    async "settings follow the source, and go back to the default with it"(
      setting,
    ) {
      const { topic, source, target } = setting;
      await create(setting, {
        topic,
        partitions: 1,
        config: { "retention.ms": "5000" },
      });
      const { sync, lines } = syncOf(setting);
      await sync.refresh(SIGNAL);
      const name = `from.${topic}`;
      await ledEverywhere(setting.targetServers, name, 1);
      const change = async (value: string | null) => {
        const resource = { type: "topic", name: topic } as const;
        await source.configs.alter([{
          ...resource,
          changes: [
            value === null
              ? { operation: "reset", name: "retention.ms" }
              : { operation: "set", name: "retention.ms", value },
          ],
        }], OPTIONS);
        await eventually(async () => {
          await sync.refresh(SIGNAL);
          const own = await ownConfigs(target, name);
          return own["retention.ms"] === (value ?? undefined);
        }, { what: "followed" });
      };

      await change("7000");
      await change(null);

      assert.deepEqual(await ownConfigs(target, name), FIXED);
      assert.deepEqual(lines.map(({ message }) => message), [
        "target topic created",
        "settings of a target topic changed",
        "settings of a target topic changed",
      ]);
    },

    async "settings of known topics are compared only when that is due, and a new topic gets its own at once"(
      setting,
    ) {
      const { topic, source, target } = setting;
      await create(setting, { topic, partitions: 1 });
      let now = 0;
      const { sync } = syncOf(setting, {
        configsEveryMs: 1000,
        now: () => now,
      });
      await sync.refresh(SIGNAL);
      await ledEverywhere(setting.targetServers, `from.${topic}`, 1);
      await source.configs.alter([{
        type: "topic",
        name: topic,
        changes: [{ operation: "set", name: "retention.ms", value: "9000" }],
      }], OPTIONS);
      await eventually(
        async () =>
          (await ownConfigs(source, topic))["retention.ms"] === "9000",
        { what: "set" },
      );
      await create(setting, {
        topic: `${topic}-new`,
        partitions: 1,
        config: { "retention.ms": "4000" },
      });

      now = 999;
      await sync.refresh(SIGNAL);
      await ledEverywhere(setting.targetServers, `from.${topic}-new`, 1);
      assert.deepEqual(await ownConfigs(target, `from.${topic}-new`), {
        ...FIXED,
        "retention.ms": "4000",
      });
      assert.deepEqual(await ownConfigs(target, `from.${topic}`), FIXED);

      now = 1000;
      await sync.refresh(SIGNAL);
      await eventually(
        async () =>
          (await ownConfigs(target, `from.${topic}`))["retention.ms"] ===
            "9000",
        { what: "set on the target" },
      );
    },

    async "a topic that the target refuses keeps no other from being mirrored, and is told of once"(
      setting,
    ) {
      const { topic } = setting;
      await create(setting, { topic, partitions: 1 });
      await create(setting, { topic: `${topic}-bad`, partitions: 1 });
      const { sync, lines } = syncOf(setting, {
        targetTopic: (name) =>
          name.endsWith("-bad") ? "not a name" : `from.${name}`,
      });

      for (let time = 0; time < 2; time++) {
        const mirrored = await sync.refresh(SIGNAL);
        assert.deepEqual(mirrored.map((each) => each.topic), [topic]);
        const [problem] = sync.problems;
        assert.equal(sync.problems.length, 1);
        assert.equal(problem!.topic, `${topic}-bad`);
        assert.equal(problem!.kind, "failed");
        await ledEverywhere(setting.targetServers, `from.${topic}`, 1);
      }
      assert.equal(lines.filter(({ level }) => level === "warn").length, 1);
    },

    async "a target that replaced times is put right before anything is mirrored to it"(
      setting,
    ) {
      const { topic, target } = setting;
      await create(setting, { topic, partitions: 1 });
      const name = `from.${topic}`;
      await target.topics.create([{
        topic: name,
        partitions: 4,
        config: { "message.timestamp.type": "LogAppendTime" },
      }], OPTIONS);
      await ledEverywhere(setting.targetServers, name, 4);
      const { sync } = syncOf(setting);

      const [mirrored] = await sync.refresh(SIGNAL);

      assert.equal(mirrored!.partitions, 1);
      assert.deepEqual(sync.problems.map(({ kind }) => kind).sort(), [
        "logAppendTime",
        "targetHasMorePartitions",
      ]);
      await eventually(
        async () =>
          (await ownConfigs(target, name))["message.timestamp.type"] ===
            "CreateTime",
        { what: "put right" },
      );
      await sync.refresh(SIGNAL);
      assert.deepEqual(sync.problems.map(({ kind }) => kind), [
        "targetHasMorePartitions",
      ]);
    },

    async "a source topic that is deleted is mirrored no more, and its target stays"(
      setting,
    ) {
      const { topic, source, witness } = setting;
      await create(setting, { topic, partitions: 1 });
      const { sync, lines } = syncOf(setting);
      await sync.refresh(SIGNAL);
      await ledEverywhere(setting.targetServers, `from.${topic}`, 1);

      await source.topics.delete([topic], OPTIONS);
      await eventually(
        async () => (await sync.refresh(SIGNAL)).length === 0,
        { what: "mirrored no more" },
      );

      assert.equal(lines.filter(({ level }) => level === "warn").length, 1);
      assert.ok((await witness.topics()).includes(`from.${topic}`));
    },

    async "a thousand topics with two thousand partitions are created and found unchanged"(
      setting,
    ) {
      const { topic, source } = setting;
      const count = 1000;
      const names = Array.from({ length: count }, (_, at) => `${topic}-${at}`);
      for (let at = 0; at < count; at += 250) {
        const part = names.slice(at, at + 250);
        const created = await source.topics.create(
          part.map((topic) => ({ topic, partitions: 2 })),
          OPTIONS,
        );
        assert.ok(created.every(({ error }) => error === null));
      }
      await sized(setting, names.at(-1)!, 2);
      const { sync, lines } = syncOf(setting);

      const mirrored = await sync.refresh(SIGNAL);
      assert.equal(mirrored.length, count);
      assert.deepEqual(sync.problems, []);
      assert.equal(lines.length, count);

      await ledEverywhere(
        setting.targetServers,
        `from.${mirrored.at(-1)!.topic}`,
        2,
      );
      lines.length = 0;
      assert.deepEqual(await sync.refresh(SIGNAL), mirrored);
      assert.deepEqual(lines, []);

      const { checker } = checkerOf(setting, "stop");
      assert.deepEqual(await checker.verify(mirrored, SIGNAL), []);
      const findings = await checker.examine(
        mirrored.flatMap(({ topic, topicId }) =>
          [0, 1].map((partition) => ({
            ...recorded(topic, topicId, 0),
            partition,
          }))
        ),
        SIGNAL,
      );
      assert.equal(findings.length, 2 * count);
      assert.ok(findings.every(({ kind }) => kind === "sound"));
    },
  };
