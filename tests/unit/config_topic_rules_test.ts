import assert from "node:assert/strict";
import fc from "fast-check";
import { loadSettings } from "../../src/config/mod.ts";
import { judgedConfigs, RuleError } from "../../src/config/topic_configs.ts";
import {
  readTopicConfigs,
  readTopicPolicies,
} from "../../src/config/topic_rules.ts";

const POLICIES = ["stop", "restart"] as const;
const readPolicies = (given: unknown) => readTopicPolicies(given, POLICIES);

Deno.test("rules are read in their order, lists out of their brackets, and values as brokers write them", () => {
  assert.deepEqual(
    readTopicConfigs(
      " user-login.* : retention.ms = 0086400000 , compression.type=zstd ;" +
        "audit:cleanup.policy=[compact, delete],min.cleanable.dirty.ratio=0.50",
    ),
    [
      {
        topics: "user-login.*",
        configs: { "retention.ms": "86400000", "compression.type": "zstd" },
      },
      {
        topics: "audit",
        configs: {
          "cleanup.policy": "compact,delete",
          "min.cleanable.dirty.ratio": "0.5",
        },
      },
    ],
  );
});

Deno.test("a pattern may have colons, commas and equals signs of its own", () => {
  const rules = readTopicConfigs(
    "(?:a|b):flush.ms=1;(?i:x)(?=y).*(?<=z):flush.ms=2;a{1,2}:flush.ms=3;" +
      "c:follower.replication.throttled.replicas=[0:1,1:2]",
  );
  assert.deepEqual(rules.map(({ topics }) => topics), [
    "(?:a|b)",
    "(?i:x)(?=y).*(?<=z)",
    "a{1,2}",
    "c",
  ]);
  assert.deepEqual(rules[3]!.configs, {
    "follower.replication.throttled.replicas": "0:1,1:2",
  });
});

Deno.test("an array of rules says the same, with numbers and truths as they are in JSON", () => {
  const rules = [
    { topics: "a", configs: { "retention.ms": 1000, "preallocate": true } },
    { topics: "b", configs: { "cleanup.policy": "compact,delete" } },
  ];
  assert.deepEqual(
    readTopicConfigs(rules),
    readTopicConfigs(
      "a:retention.ms=1000,preallocate=true;b:cleanup.policy=[compact,delete]",
    ),
  );
  assert.deepEqual(
    readPolicies([{ topics: "a", policy: "restart" }]),
    readPolicies("a:restart"),
  );
});

Deno.test("settings that are a vendor's, or of other versions, are left to the brokers", () => {
  const names = [
    ...["confluent.placement.constraints", "confluent.tier.enable"],
    ...["confluent.key.schema.validation", "redpanda.remote.read"],
    ...["redpanda.remote.delete", "retention.local.target.ms", "flush.bytes"],
    ...["initial.retention.local.target.bytes", "write.caching"],
    ...["message.downconversion.enable", "message.format.version"],
  ];
  for (const name of names) {
    const configs = { [name]: '{"version":1,"replicas":[1]}' };
    const rules = [{ topics: "a", configs }];
    assert.deepEqual(readTopicConfigs(rules), rules);
  }
});

Deno.test("a policy without a pattern is for all topics, also behind others", () => {
  const all = (policy: string) => ({ topics: ".*", policy });
  assert.deepEqual(readPolicies("restart"), [all("restart")]);
  assert.deepEqual(readPolicies("(?:a|b) : stop; restart "), [
    { topics: "(?:a|b)", policy: "stop" },
    all("restart"),
  ]);
});

Deno.test("a rule for all topics may come before others that are about something else", () => {
  const rules = readTopicConfigs(".*:flush.ms=1;a:retention.ms=2");
  assert.equal(rules.length, 2);
});

Deno.test("no problem shows what a reference brought", () => {
  const load = (env: Readonly<Record<string, string>>) => () =>
    loadSettings({
      env: { SECRET: "hidden(", ...env },
      readTextFile: () => "",
      hardwareConcurrency: 1,
      hostname: "host",
    });
  for (
    const [name, value] of [
      ["MIRROR_TOPIC_CONFIGS", "${env:SECRET}:flush.ms=1"],
      ["MIRROR_ON_DAMAGE", "a:${env:SECRET}"],
      ["MIRROR_TOPICS", "${env:SECRET}"],
    ] as const
  ) {
    assert.throws(load({ [name]: value }), (error) => {
      assert.match(String(error), new RegExp(`${name} is \\*\\*\\*.*expected`));
      assert.doesNotMatch(String(error), /hidden/);
      return true;
    });
  }
});

const pattern = fc.constantFrom(
  ...["a", "user-login.*", "(?:a|b)", "(?i:A)(?=a)a", "a{1,2}", "[a-c]+:?"],
);
const number = fc.nat().map(String);
const config = fc.oneof(
  fc.tuple(fc.constantFrom("retention.ms", "flush.ms", "segment.ms"), number)
    .map(([name, value]) => [name, `${BigInt(value) + 1n}`] as const),
  fc.tuple(
    fc.constant("cleanup.policy"),
    fc.constantFrom("delete", "compact", "compact,delete"),
  ),
  fc.tuple(fc.constant("vendor.name"), fc.stringMatching(/^[a-z0-9:=,]+$/)),
  fc.tuple(fc.constant("replication.factor"), fc.constantFrom("1", "32")),
);
const rules = fc.array(
  fc.record({
    topics: pattern,
    configs: fc.uniqueArray(config, {
      selector: ([name]) => name,
      minLength: 1,
    }).map((each) => Object.fromEntries(each)),
  }, { noNullPrototype: true }),
  { minLength: 1, maxLength: 5 },
);

Deno.test("rules that are written as a text are read as they were", () => {
  fc.assert(fc.property(rules, fc.boolean(), (rules, isSpaced) => {
    const [comma, semicolon] = isSpaced ? [" , ", " ; "] : [",", ";"];
    const text = rules.map(({ topics, configs }) =>
      `${topics}:${
        Object.entries(configs).map(([name, value]) => `${name}=[${value}]`)
          .join(comma)
      }`
    ).join(semicolon);
    assert.deepEqual(readTopicConfigs(text), rules);
    assert.deepEqual(readTopicConfigs(rules), rules);
  }));
});

Deno.test("any text is read, or refused on one line, and what is read is read again as it is", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        ";",
        ":",
        "=",
        ",",
        "[",
        "]",
        "(",
        ".*",
        " ",
        "\n",
        "\0",
        "é",
        "${",
        "stop",
      ],
      ...["a", "restart", "1", "-1", "true", "0.5", ...judgedConfigs],
    ),
    fc.string({ maxLength: 3 }),
  );
  const texts = fc.array(piece, { maxLength: 12 }).map((each) => each.join(""));
  fc.assert(
    fc.property(texts, (text) => {
      for (const read of [readTopicConfigs, readPolicies]) {
        try {
          const rules = read(text);
          assert.deepEqual(read(rules), rules);
        } catch (error) {
          assert.ok(error instanceof RuleError, String(error));
          // deno-lint-ignore no-control-regex
          assert.doesNotMatch(error.message, /[\x00-\x1f]/);
        }
      }
    }),
    { numRuns: 3000 },
  );
});
