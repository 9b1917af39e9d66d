import assert from "node:assert/strict";
import fc from "fast-check";
import type { ConfigEntry } from "../../src/kafka/mod.ts";
import {
  type PlanOptions,
  planTopics,
  type SourceTopic,
  type TargetTopic,
  type TopicPlan,
} from "../../dr/topics/plan.ts";

fc.configureGlobal({ numRuns: 300 });

const LONG_MAX = "9223372036854775807";
const FIXED = {
  "message.timestamp.type": "CreateTime",
  "message.timestamp.before.max.ms": LONG_MAX,
  "message.timestamp.after.max.ms": LONG_MAX,
};

const OPTIONS: PlanOptions = {
  isMirrored: () => true,
  targetTopic: (topic) => topic,
  isConfigCopied: (name) => name !== "segment.bytes",
  replicationFactor: 3,
  configOverrides: [],
};

const entry = (
  name: string,
  value: string | null,
  source: ConfigEntry["source"] = "topic",
): ConfigEntry => ({
  name,
  value,
  source,
  isReadOnly: false,
  isSensitive: false,
});

const entriesOf = (configs: Readonly<Record<string, string>>) =>
  Object.entries(configs).map(([name, value]) => entry(name, value));

const source = (fields: Partial<SourceTopic> = {}): SourceTopic => ({
  topic: "orders",
  topicId: "id-of-orders",
  partitions: 4,
  configs: [],
  ...fields,
});

const target = (fields: Partial<TargetTopic> = {}): TargetTopic => ({
  topic: "orders",
  partitions: 4,
  replicationFactor: 3,
  configs: entriesOf(FIXED),
  ...fields,
});

const isIdle = ({ create, grow, alter }: TopicPlan) =>
  create.length + grow.length + alter.length === 0;

const changesOf = (plan: TopicPlan) =>
  plan.alter.flatMap(({ changes }) => changes);

Deno.test("a topic that the target lacks is created like the source's, with what keeps records' times", () => {
  const plan = planTopics(
    [source({
      configs: [
        entry("cleanup.policy", "compact"),
        entry("segment.bytes", "1048576"),
        entry("retention.ms", "604800000", "default"),
        entry("max.message.bytes", "2000000", "allBrokers"),
        entry("message.timestamp.type", "LogAppendTime"),
      ],
    })],
    [],
    2,
    { ...OPTIONS, targetTopic: (topic) => `primary.${topic}` },
  );

  assert.deepEqual(plan.create, [{
    topic: "primary.orders",
    partitions: 4,
    replicationFactor: 2,
    config: { "cleanup.policy": "compact", ...FIXED },
  }]);
  assert.deepEqual(plan.topics, [{
    topic: "orders",
    topicId: "id-of-orders",
    target: "primary.orders",
    partitions: 4,
  }]);
  assert.deepEqual(plan.problems, []);
});

Deno.test("topics that are not mirrored are left alone", () => {
  const plan = planTopics([source(), source({ topic: "other" })], [], 1, {
    ...OPTIONS,
    isMirrored: (topic) => topic === "other",
  });
  assert.deepEqual(plan.create.map(({ topic }) => topic), ["other"]);
  assert.deepEqual(plan.topics.map(({ topic }) => topic), ["other"]);
});

Deno.test("overrides win over the source, earlier ones over later ones, and none over what keeps times", () => {
  const plan = planTopics(
    [source({ configs: [entry("retention.ms", "1")] })],
    [],
    1,
    {
      ...OPTIONS,
      configOverrides: [
        {
          topics: /orders/,
          configs: { "retention.ms": "2", "segment.ms": "5" },
        },
        {
          topics: /or.*/,
          configs: { "retention.ms": "3", "flush.ms": "6" },
        },
        { topics: /order/, configs: { "flush.ms": "7", "index.x": "8" } },
        {
          topics: /.*/,
          configs: { "message.timestamp.type": "LogAppendTime" },
        },
      ],
    },
  );
  assert.deepEqual(plan.create[0]!.config, {
    "retention.ms": "2",
    "segment.ms": "5",
    "flush.ms": "6",
    ...FIXED,
  });
});

Deno.test("a new topic does not ask for more replicas in sync than it gets", () => {
  const plan = planTopics(
    [source({ configs: [entry("min.insync.replicas", "2")] })],
    [],
    1,
    OPTIONS,
  );
  assert.equal(plan.create[0]!.config["min.insync.replicas"], "1");
});

Deno.test("a target grows with its source and never shrinks", () => {
  const grown = planTopics([source({ partitions: 6 })], [target()], 3, OPTIONS);
  assert.deepEqual(grown.grow, [{ topic: "orders", partitions: 6 }]);

  const larger = planTopics(
    [source({ partitions: 3 })],
    [target()],
    3,
    OPTIONS,
  );
  assert.ok(isIdle(larger));
  assert.deepEqual(larger.problems, [{
    topic: "orders",
    target: "orders",
    kind: "targetHasMorePartitions",
    partitions: 3,
    targetPartitions: 4,
  }]);
  assert.equal(larger.topics[0]!.partitions, 3);
});

Deno.test("settings that the source changed are set, those back at their default are reset, others stay", () => {
  const plan = planTopics(
    [source({
      configs: [
        entry("retention.ms", "10"),
        entry("cleanup.policy", "delete", "default"),
        entry("segment.bytes", "1073741824", "default"),
      ],
    })],
    [target({
      configs: [
        ...entriesOf(FIXED),
        entry("retention.ms", "20"),
        entry("cleanup.policy", "compact"),
        entry("segment.bytes", "100"),
        entry("of.another.version", "1"),
      ],
    })],
    3,
    OPTIONS,
  );
  assert.deepEqual(plan.alter, [{
    type: "topic",
    name: "orders",
    changes: [
      { operation: "set", name: "retention.ms", value: "10" },
      { operation: "reset", name: "cleanup.policy" },
    ],
  }]);
});

Deno.test("a value that the target's broker writes otherwise is no change", () => {
  const plan = planTopics(
    [source()],
    [
      target({
        configs: [
          ...entriesOf(FIXED),
          entry("retention.ms", "60000"),
          entry("cleanup.policy", "delete,compact"),
          entry("min.cleanable.dirty.ratio", "1.0E-4"),
        ],
      }),
    ],
    3,
    {
      ...OPTIONS,
      configOverrides: [{
        topics: /.*/,
        configs: {
          "retention.ms": " 060000",
          "cleanup.policy": "delete, compact",
          "min.cleanable.dirty.ratio": "0.0001",
        },
      }],
    },
  );
  assert.ok(isIdle(plan));
});

Deno.test("an override is set on a target that is there, also where the source's settings are not known, and then left", () => {
  const options: PlanOptions = {
    ...OPTIONS,
    configOverrides: [{
      topics: /.*/,
      // The second is none that is copied.
      configs: { "retention.ms": "9", "segment.bytes": "1048576" },
      replicationFactor: 1,
    }],
  };
  const set = [
    { operation: "set", name: "retention.ms", value: "9" },
    { operation: "set", name: "segment.bytes", value: "1048576" },
  ];
  for (
    const configs of [
      null,
      [],
      [entry("retention.ms", "1")],
      [entry("retention.ms", "604800000", "default")],
    ]
  ) {
    const topics = [source({ configs })];
    const plan = planTopics(topics, [target()], 3, options);
    assert.deepEqual(changesOf(plan), set);
    const after = performed([target()], plan);
    assert.ok(isIdle(planTopics(topics, after, 3, options)));
  }
});

Deno.test("a target whose rule is gone has what the source has", () => {
  const there = target({
    configs: [...entriesOf(FIXED), entry("retention.ms", "9")],
  });
  const changesFor = (configs: readonly ConfigEntry[]) =>
    changesOf(planTopics([source({ configs })], [there], 3, OPTIONS));
  assert.deepEqual(changesFor([entry("retention.ms", "1")]), [
    { operation: "set", name: "retention.ms", value: "1" },
  ]);
  assert.deepEqual(changesFor([entry("retention.ms", "6", "default")]), [
    { operation: "reset", name: "retention.ms" },
  ]);
});

Deno.test("the first override that says how many replicas decides, as far as there are brokers", () => {
  const replicasOn = (brokers: number, topic: string) =>
    planTopics([source({ topic })], [], brokers, {
      ...OPTIONS,
      configOverrides: [
        { topics: /a/, configs: { "flush.ms": "1" } },
        { topics: /[ab]/, configs: {}, replicationFactor: 4 },
        { topics: /.*/, configs: {}, replicationFactor: 1 },
      ],
    }).create[0]!.replicationFactor;
  assert.deepEqual(["a", "b", "c"].map((topic) => replicasOn(5, topic)), [
    4,
    4,
    1,
  ]);
  assert.equal(replicasOn(2, "a"), 2);
});

Deno.test("a target that replaces times is put right, and told of", () => {
  const plan = planTopics(
    [source()],
    [
      target({
        configs: [
          ...entriesOf(FIXED).slice(1),
          entry("message.timestamp.type", "LogAppendTime", "brokerFile"),
        ],
      }),
    ],
    3,
    OPTIONS,
  );
  assert.deepEqual(changesOf(plan), [
    { operation: "set", name: "message.timestamp.type", value: "CreateTime" },
  ]);
  assert.deepEqual(plan.problems.map(({ kind }) => kind), ["logAppendTime"]);
});

Deno.test("where the source's settings are not known nothing is created or set after them", () => {
  const unknown = source({ configs: null });
  const missing = planTopics([unknown], [], 1, OPTIONS);
  assert.ok(isIdle(missing));
  assert.deepEqual(missing.topics, []);
  assert.deepEqual(missing.problems.map(({ kind }) => kind), [
    "settingsUnknown",
  ]);

  const there = planTopics(
    [unknown],
    [target({ configs: [...entriesOf(FIXED), entry("retention.ms", "1")] })],
    1,
    OPTIONS,
  );
  assert.ok(isIdle(there));
  assert.equal(there.topics.length, 1);
});

Deno.test("two topics with one target: the first by name has it, in whatever order they come", () => {
  const topics = [source({ topic: "b" }), source({ topic: "a" })];
  for (const order of [topics, topics.toReversed()]) {
    const plan = planTopics(order, [], 1, {
      ...OPTIONS,
      targetTopic: () => "same",
    });
    assert.deepEqual(plan.topics.map(({ topic }) => topic), ["a"]);
    assert.equal(plan.create.length, 1);
    assert.deepEqual(plan.problems, [
      { topic: "b", target: "same", kind: "sameTarget", other: "a" },
    ]);
  }
});

const names = ["retention.ms", "cleanup.policy", "segment.bytes", "segment.ms"];
const configs = fc.uniqueArray(
  fc.tuple(
    fc.constantFrom(...names),
    fc.constantFrom("1", "2", "007"),
    fc.constantFrom<ConfigEntry["source"]>("topic", "default", "allBrokers"),
  ),
  { selector: ([name]) => name },
).map((each) => each.map(([name, value, from]) => entry(name, value, from)));
const topicNames = fc.uniqueArray(
  fc.stringMatching(/^[a-c]{1,2}$/),
  { maxLength: 8 },
);
const sources = topicNames.chain((names) =>
  fc.tuple(...names.map((topic) =>
    fc.record({
      topic: fc.constant(topic),
      topicId: fc.constant(`id-${topic}`),
      partitions: fc.integer({ min: 1, max: 5 }),
      configs: fc.option(configs),
    })
  ))
);
const targets = topicNames.chain((names) =>
  fc.tuple(...names.map((topic) =>
    fc.record({
      topic: fc.constant(topic),
      partitions: fc.integer({ min: 1, max: 5 }),
      replicationFactor: fc.integer({ min: 1, max: 3 }),
      configs: configs.map((own) => [...entriesOf(FIXED), ...own]),
    })
  ))
);
const settings = fc.record({
  replicationFactor: fc.integer({ min: 1, max: 4 }),
  brokers: fc.integer({ min: 1, max: 4 }),
  overridden: fc.boolean(),
}).map(({ replicationFactor, brokers, overridden }) => ({
  brokers,
  options: {
    ...OPTIONS,
    replicationFactor,
    configOverrides: overridden
      ? [
        {
          topics: /[ab]+/,
          configs: { "retention.ms": "9", "segment.bytes": "5" },
          replicationFactor: 2,
        },
        { topics: /.*/, configs: { "retention.ms": "8" } },
      ]
      : [],
  },
}));

/** What the target is after its broker did what the plan says. */
function performed(
  before: readonly TargetTopic[],
  { create, grow, alter }: TopicPlan,
): TargetTopic[] {
  const created = create.map((each): TargetTopic => ({
    topic: each.topic,
    partitions: each.partitions,
    replicationFactor: each.replicationFactor,
    configs: entriesOf(each.config),
  }));
  return [...before, ...created].map((each) => {
    const configs = new Map(each.configs!.map((one) => [one.name, one]));
    for (const { name, changes } of alter) {
      if (name !== each.topic) continue;
      for (const change of changes) {
        configs.set(
          change.name,
          change.operation === "set"
            ? entry(change.name, change.value)
            : entry(change.name, "default", "default"),
        );
      }
    }
    const { partitions } = grow.find(({ topic }) => topic === each.topic) ??
      each;
    return { ...each, partitions, configs: [...configs.values()] };
  });
}

Deno.test("once a plan has been carried out there is nothing more to do", () => {
  fc.assert(
    fc.property(sources, targets, settings, (source, target, settings) => {
      const { brokers, options } = settings;
      const plan = planTopics(source, target, brokers, options);
      const after = performed(target, plan);
      const again = planTopics(source, after, brokers, options);
      assert.ok(isIdle(again), JSON.stringify(again));
      assert.deepEqual(again.topics, plan.topics);
      const there = new Map(after.map((each) => [each.topic, each]));
      for (const { target, partitions } of plan.topics) {
        assert.ok(there.get(target)!.partitions >= partitions);
      }
    }),
  );
});

Deno.test("no plan makes a topic smaller, asks for more replicas than brokers or touches what is not a target", () => {
  fc.assert(
    fc.property(sources, targets, settings, (source, target, settings) => {
      const { brokers, options } = settings;
      const plan = planTopics(source, target, brokers, options);
      const mirrored = new Set(plan.topics.map((each) => each.target));
      for (const { replicationFactor } of plan.create) {
        assert.ok(replicationFactor >= 1 && replicationFactor <= brokers);
      }
      for (const { topic, partitions } of plan.grow) {
        const before = target.find((each) => each.topic === topic)!;
        assert.ok(partitions > before.partitions);
      }
      for (const { name } of plan.alter) assert.ok(mirrored.has(name));
      for (const { topic } of plan.create) assert.ok(mirrored.has(topic));
    }),
  );
});
