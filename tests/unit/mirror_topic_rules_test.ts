import assert from "node:assert/strict";
import { policyFor } from "../../dr/topics/damage.ts";
import { planTopics } from "../../dr/topics/plan.ts";
import { configOverride, damageRule } from "../../src/commands/topic_rules.ts";
import { loadSettings } from "../../src/config/mod.ts";

const rulesOf = (env: Readonly<Record<string, string>>) => {
  const { mirror } = loadSettings({
    env,
    readTextFile: () => "",
    hardwareConcurrency: 1,
    hostname: "host",
  }).settings;
  return {
    damage: mirror.onDamage.map(damageRule),
    overrides: mirror.topicConfigs.map(configOverride),
  };
};

Deno.test("what happens on damage is decided by the first pattern that matches the whole name, else it stops", () => {
  const { damage } = rulesOf({
    MIRROR_ON_DAMAGE: "orders|(?i)AUDIT:stop;orders.*:restart",
  });
  const policies = ["orders", "audit", "orders2", "my-orders"]
    .map((topic) => policyFor(topic, damage));
  assert.deepEqual(policies, ["stop", "stop", "restart", "stop"]);
});

Deno.test("without a setting every damage stops, and one word is for all topics", () => {
  assert.equal(policyFor("orders", rulesOf({}).damage), "stop");
  const { damage } = rulesOf({ MIRROR_ON_DAMAGE: "restart" });
  assert.equal(policyFor("orders", damage), "restart");
});

Deno.test("a new topic has the settings and the replicas of the rules, and no setting called replication.factor", () => {
  const { overrides } = rulesOf({
    MIRROR_TOPIC_CONFIGS: "a:replication.factor=2;[ab]:retention.ms=5," +
      "replication.factor=1;c:replication.factor=32",
  });
  const plan = planTopics(
    ["a", "b", "c", "d"].map((topic) => ({
      topic,
      topicId: topic,
      partitions: 1,
      configs: [],
    })),
    [],
    4,
    {
      isMirrored: () => true,
      targetTopic: (topic) => topic,
      isConfigCopied: () => true,
      configOverrides: overrides,
      replicationFactor: 3,
    },
  );
  assert.deepEqual(
    plan.create.map(({ topic, replicationFactor, config }) => [
      topic,
      replicationFactor,
      config["retention.ms"] ?? null,
      "replication.factor" in config,
    ]),
    [
      ["a", 2, "5", false],
      ["b", 1, "5", false],
      ["c", 4, null, false],
      ["d", 3, null, false],
    ],
  );
});
