/** Rules by topic, as the mirror's settings have them, on real brokers. */
import assert from "node:assert/strict";
import { ConfigResourceTypes } from "kafkajs";
import { configOverride } from "../../src/commands/topic_rules.ts";
import {
  checkedConfig,
  judgedConfigs,
  REPLICATION_FACTOR,
  RuleError,
} from "../../src/config/topic_configs.ts";
import { readTopicConfigs } from "../../src/config/topic_rules.ts";
import { Admin } from "../../src/kafka/mod.ts";
import { Child } from "../support/child.ts";
import { library } from "../support/embedded.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { KafkaCluster } from "../support/kafka_cluster.ts";
import { ledEverywhere } from "../support/kafka_metadata.ts";
import { withKafkaAdmin } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { create, OPTIONS, ownConfigs } from "../support/source_topics.ts";
import { FIXED, syncOf, type SyncSetting } from "../support/topic_sync.ts";
import { eventually } from "../support/wait.ts";

const SIGNAL = new AbortController().signal;

realKafkaTest("rules by topic", async (context) => {
  // One is enough but for mirrors: a topic and its target have different names.
  await using cluster = await KafkaCluster.start({ brokers: 2 });
  const servers = cluster.bootstrapServers;
  await using admin = new Admin(library, { "bootstrap.servers": servers });
  await using witness = await IndependentClient.connect(servers);
  for (const [index, [name, step]] of Object.entries(STEPS).entries()) {
    const passed = await context.step(name, () =>
      step({
        source: admin,
        target: admin,
        sourceServers: servers,
        targetServers: servers,
        witness,
        topic: `step-${index}`,
      }));
    if (!passed) cluster.keepLogs();
  }
});

const STEPS: Readonly<Record<string, (setting: SyncSetting) => Promise<void>>> =
  {
    async "a new topic has the settings and the replicas of its rules, whatever the source then does"(
      setting,
    ) {
      const { topic, source, sourceServers } = setting;
      await create(setting, {
        topic,
        partitions: 1,
        config: { "retention.ms": "5000", "max.message.bytes": "2000000" },
      });
      await create(setting, { topic: `${topic}-other`, partitions: 1 });
      const { sync, lines } = syncOf(setting, {
        replicationFactor: 1,
        configOverrides: rulesOf(
          `${topic}:retention.ms=86400000,cleanup.policy=[compact,delete],` +
            "min.cleanable.dirty.ratio=0.50,compression.type=zstd," +
            "segment.bytes=02000000,replication.factor=2;" +
            ".*:retention.ms=7000",
        ),
      });
      const expected = {
        ...FIXED,
        "retention.ms": "86400000",
        "cleanup.policy": "compact,delete",
        "min.cleanable.dirty.ratio": "0.5",
        "compression.type": "zstd",
        "segment.bytes": "2000000",
      };

      await sync.refresh(SIGNAL);

      assert.deepEqual(sync.problems, []);
      await ledEverywhere(setting.targetServers, `from.${topic}`, 1);
      await ledEverywhere(setting.targetServers, `from.${topic}-other`, 1);
      await seen(setting, `from.${topic}`, {
        configs: { ...expected, "max.message.bytes": "2000000" },
        replicas: 2,
      });
      await seen(setting, `from.${topic}-other`, {
        configs: { ...FIXED, "retention.ms": "7000" },
        replicas: 1,
      });
      await eventually(async () => {
        lines.length = 0;
        await sync.refresh(SIGNAL);
        return lines.length === 0;
      }, { what: "without anything left to do" });

      await change(setting, topic, {
        "retention.ms": null,
        "cleanup.policy": "compact",
        "max.message.bytes": "3000000",
      });
      await eventually(async () => {
        await sync.refresh(SIGNAL);
        assert.deepEqual(await seenBy(sourceServers, `from.${topic}`), {
          configs: { ...expected, "max.message.bytes": "3000000" },
          replicas: 2,
        });
        return true;
      }, { what: "followed" });
      assert.equal(
        (await ownConfigs(source, topic))["retention.ms"],
        undefined,
      );
    },

    async "a topic that is there gets what its rules say, keeps its replicas, and goes back to the source's without them"(
      setting,
    ) {
      const { topic, sourceServers } = setting;
      const name = `from.${topic}`;
      await create(setting, {
        topic,
        partitions: 1,
        config: { "retention.ms": "5000" },
      });
      await syncOf(setting).sync.refresh(SIGNAL);
      await ledEverywhere(setting.targetServers, name, 1);
      const retained = (retentionMs: string, others = {}) => ({
        configs: { ...FIXED, ...others, "retention.ms": retentionMs },
        replicas: 1,
      });
      await seen(setting, name, retained("5000"));
      const followed = async (text: string, expected: unknown) => {
        const { sync, lines } = syncOf(setting, {
          configOverrides: text === "" ? [] : rulesOf(text),
        });
        await eventually(async () => {
          await sync.refresh(SIGNAL);
          assert.deepEqual(await seenBy(sourceServers, name), expected);
          return true;
        }, { what: "changed" });
        assert.deepEqual(sync.problems, []);
        assert.deepEqual(
          new Set(lines.map(({ message }) => message)),
          new Set(["settings of a target topic changed"]),
        );
      };

      await followed(
        "step.*:retention.ms=9000,preallocate=true,replication.factor=2",
        retained("9000", { "preallocate": "true" }),
      );
      await followed("", retained("5000"));
    },

    async "what brokers refuse is told once for each topic, and holds up neither others nor a topic that is there"(
      setting,
    ) {
      const { topic, witness } = setting;
      const [there, late, other] = [
        `${topic}-there`,
        `${topic}-late`,
        `${topic}-other`,
      ];
      await create(setting, { topic: there, partitions: 1 });
      await syncOf(setting).sync.refresh(SIGNAL);
      await ledEverywhere(setting.targetServers, `from.${there}`, 1);
      for (const each of [late, other]) {
        await create(setting, { topic: each, partitions: 1 });
      }
      const { sync, lines } = syncOf(setting, {
        configOverrides: rulesOf(
          ".*-there|.*-late:acme.tiering.enable=true;.*:retention.ms=7000",
        ),
      });

      for (let time = 0; time < 2; time++) {
        await eventually(async () => {
          const mirrored = await sync.refresh(SIGNAL);
          assert.deepEqual(mirrored.map((each) => each.topic).sort(), [
            other,
            there,
          ]);
          assert.deepEqual(
            sync.problems.map((each) => [
              each.topic,
              each.kind === "failed" && each.doing,
            ]).sort(),
            [[late, "create"], [there, "alter"]],
          );
          return true;
        }, { what: "refused" });
      }
      const warnings = lines.filter(({ level }) => level === "warn");
      assert.equal(warnings.length, 2);
      for (const { fields } of warnings) {
        assert.match(JSON.stringify(fields), /acme\.tiering\.enable/);
      }
      await seen(setting, `from.${other}`, {
        configs: { ...FIXED, "retention.ms": "7000" },
        replicas: 1,
      });
      assert.ok(!(await witness.topics()).includes(`from.${late}`));
    },

    async "a mirror creates topics as its settings say"(setting) {
      const { topic, targetServers } = setting;
      await using source = await KafkaCluster.start({ nodeIdBase: 101 });
      await source.createTopic(topic, 1);
      await using mirror = Child.deno(
        ["run", "-A", "--no-check", "src/main.ts", "mirror"],
        {
          env: {
            PRIMARY_BROKERS: source.bootstrapServers,
            SECONDARY_BROKERS: targetServers,
            MIRROR_TOPICS: topic,
            MIRROR_POLICY: "default",
            MIRROR_LANES: "1",
            MIRROR_TOPIC_CONFIGS:
              `${topic}:retention.ms=9000,replication.factor=1;.*:flush.ms=5`,
          },
        },
      );
      await mirror.waitForLine(/"started"/, { timeoutMs: 120_000 });

      await ledEverywhere(targetServers, `primary.${topic}`, 1);
      await seen(setting, `primary.${topic}`, {
        configs: { ...FIXED, "retention.ms": "9000", "flush.ms": "5" },
        replicas: 1,
      });
      mirror.signal("SIGTERM");
      assert.equal((await mirror.exit(60_000)).code, 0);
    },

    async "all settings of a topic that brokers name are known, and no value is refused that brokers take"(
      setting,
    ) {
      const { topic, target } = setting;
      await create(setting, { topic, partitions: 1 });
      const names = await eventually(async () => {
        const [described] = await target.configs.describe(
          [{ type: "topic", name: topic }],
          OPTIONS,
        );
        if (described!.error !== null) throw described!.error;
        return described!.entries.map(({ name }) => name);
      }, { what: "described" });
      assert.deepEqual(
        names.filter((name) => !name.startsWith("message.timestamp.")).sort(),
        judgedConfigs.filter((name) => name !== REPLICATION_FACTOR).sort(),
      );

      const differing = new Set<string>();
      for (const name of names) {
        const cases = VALUES.map((value, at) => ({
          topic: `${topic}-${name}-${at}`,
          partitions: 1,
          config: { [name]: value },
        }));
        const answers = await target.topics.create(cases, {
          ...OPTIONS,
          validateOnly: true,
        });
        const taken = new Map(
          answers.map(({ topic, error }) => [topic, error === null]),
        );
        for (const { topic, config } of cases) {
          const value = config[name]!;
          const isOurs = name.startsWith("message.timestamp.");
          if (isOurs || taken.get(topic) === isTaken(name, value)) continue;
          assert.ok(
            !taken.get(topic),
            `${name}=${value} is refused by us alone`,
          );
          differing.add(name);
        }
      }
      // The one wants more settings of brokers, the other had a lower limit.
      assert.deepEqual([...differing].sort(), [
        "remote.storage.enable",
        "segment.bytes",
      ]);
    },
  };

const VALUES = [
  ...["-131073", "-131072", "-3", "-2", "-1", "0", "1", "2", "3", "4", "9"],
  ...["10", "13", "14", "17", "18", "22", "23", "1048576", "2147483647"],
  ...["2147483648", "9223372036854775807", "9223372036854775808", "0.5", "1.0"],
  ...["1.5", "-0.5", "true", "false", "yes", "delete", "compact", "remove"],
  ...["compact,delete", "uncompressed", "zstd", "lz4", "snappy", "gzip"],
  ...["producer", "none", "*", "0:1", "0:1,1:2", "0", "0:x"],
];

const rulesOf = (text: string) => readTopicConfigs(text).map(configOverride);

function isTaken(name: string, value: string): boolean {
  try {
    checkedConfig(name, value);
    return true;
  } catch (error) {
    if (error instanceof RuleError) return false;
    throw error;
  }
}

/** Waits for it: what one broker says, the other may not have heard of yet. */
const seen = (
  { sourceServers }: SyncSetting,
  topic: string,
  expected: Awaited<ReturnType<typeof seenBy>>,
) =>
  eventually(async () => {
    assert.deepEqual(await seenBy(sourceServers, topic), expected);
    return true;
  }, { what: `as expected: ${topic}` });

/** Settings of the topic itself and its replicas, by a client not ours. */
async function seenBy(servers: string, topic: string) {
  return await withKafkaAdmin(servers, async (admin) => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: ConfigResourceTypes.TOPIC, name: topic }],
    });
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return {
      configs: Object.fromEntries(
        resources[0]!.configEntries
          .filter(({ configSource }) => Number(configSource) === OF_TOPIC)
          .map(({ configName, configValue }) => [configName, configValue]),
      ),
      replicas: topics[0]!.partitions[0]!.replicas.length,
    };
  });
}

/** DescribeConfigs' number for it. */
const OF_TOPIC = 1;

/** Sets on the source, or resets where there is no value. */
async function change(
  { source }: SyncSetting,
  topic: string,
  configs: Readonly<Record<string, string | null>>,
): Promise<void> {
  const [answer] = await source.configs.alter([{
    type: "topic",
    name: topic,
    changes: Object.entries(configs).map(([name, value]) =>
      value === null
        ? { operation: "reset", name }
        : { operation: "set", name, value }
    ),
  }], OPTIONS);
  if (answer!.error !== null) throw answer!.error;
}
