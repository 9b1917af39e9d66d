import assert from "node:assert/strict";
import { loadSettings, SettingsError } from "../../src/config/mod.ts";

type Environment = Readonly<Record<string, string>>;

/** The problems of an environment, with a file named s.jsonc when given. */
function problems(env: Environment, file?: string): readonly string[] {
  try {
    loadSettings({
      env: file === undefined ? env : { ...env, SWITCHYARD_CONFIG: "s.jsonc" },
      readTextFile: (path) => {
        if (file !== undefined && path === "s.jsonc") return file;
        throw new Deno.errors.NotFound(`no ${path}`);
      },
      hardwareConcurrency: 2,
      hostname: "host-1",
    });
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

const fileProblems = (file: string) => problems({}, file);

const topicRule = "expected 1 to 249 letters, digits, dots, underscores or " +
  "hyphens";

/** Environment variable, wrong value, what is said of it. */
const wrongValues: readonly (readonly [string, string, string])[] = [
  ["WORKERS", "abc", "expected a whole number from 1 to 1,024"],
  ["WORKERS", "2.5", "expected a whole number from 1 to 1,024"],
  ["WORKERS", "1e3", "expected a whole number from 1 to 1,024"],
  [
    "WORKERS",
    "0",
    "expected a whole number from 1 to 1,024: each costs memory, and more " +
    "than there are cores gain little",
  ],
  [
    "DRAIN_MS",
    "-1",
    "expected a whole number from 0 to 3,600,000: Kubernetes kills 30 s after " +
    "SIGTERM by default, so stay below that",
  ],
  ["EMBEDDED_MALFORMED", "1.5", "expected a number from 0 to 1: none to all"],
  ["EMBEDDED_MALFORMED", "1%", "expected a number from 0 to 1"],
  ["CREATE_TOPICS", "yes", "expected true or false"],
  [
    "LOG_LEVEL",
    "warning",
    'expected one of debug, info, warn, error; did you mean "warn"?',
  ],
  ["LOG_LEVEL", "loud", "expected one of debug, info, warn, error"],
  [
    "GUARANTEE",
    "atleastonce",
    'expected one of at-least-once, exactly-once; did you mean "at-least-once"?',
  ],
  ...["10s,1m,1m", "1m,10s", "10", "10s,,1m", "99ms", "25h", "100.5ms"].map((
    text,
  ): [string, string, string] => [
    "RETRY_DELAYS",
    text,
    "expected ascending durations from 100ms to 24h, such as 10s,1m,10m",
  ]),
  [
    "MIRROR_TOPICS",
    "a{1,2}",
    'expected regular expressions, comma-separated: "a{1|2}": "{" is no count; ' +
    "a comma divides the list, also in {1,2}",
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "orders",
    'expected topics:name=value,name=value, not "orders"',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:retention.ms=1;",
    'expected topics:name=value,name=value, not ""',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    ":retention.ms=1",
    "expected a pattern of topics",
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:retention.hours=1",
    'expected a setting of topics, not "retention.hours"; did you mean ' +
    '"retention.bytes"?',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:Retention_Ms=1",
    'expected a setting of topics, not "Retention_Ms"; did you mean ' +
    '"retention.ms"?',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:retention.ms=7d",
    "expected retention.ms to be a whole number from -1 to " +
    '9,223,372,036,854,775,807, not "7d"',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:compression.type=brotli",
    "expected compression.type to be one of uncompressed, zstd, lz4, snappy, " +
    'gzip, producer, not "brotli"',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:cleanup.policy=compact,delete",
    'expected name=value, not "delete"; a list of values stands in brackets, ' +
    "[a,b]",
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:replication.factor=0",
    'expected replication.factor to be a whole number from 1 to 32, not "0"',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:message.timestamp.type=LogAppendTime",
    'expected other settings than "message.timestamp.type": a mirrored record ' +
    "keeps its time",
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a:flush.ms=1,flush.ms=2",
    'expected flush.ms once for "a"',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "a,b:flush.ms=1",
    'expected one regular expression, not "a,b"; several are joined by "|"',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    "(a:flush.ms=1",
    'expected a regular expression: "(a": "(" is never closed',
  ],
  [
    "MIRROR_TOPIC_CONFIGS",
    ".*:flush.ms=1;a:flush.ms=2",
    'expected the rule of flush.ms for all topics behind that for "a": the ' +
    "first that matches wins",
  ],
  [
    "MIRROR_ON_DAMAGE",
    "restrat",
    'expected one of stop, restart, not "restrat"; did you mean "restart"?',
  ],
  [
    "MIRROR_ON_DAMAGE",
    "orders",
    'expected one of stop, restart, not "orders"',
  ],
  [
    "MIRROR_ON_DAMAGE",
    "orders:stop;",
    'expected one of stop, restart, not ""',
  ],
  [
    "MIRROR_ON_DAMAGE",
    "a):stop",
    'expected a regular expression: "a)": ")" opens no group',
  ],
  [
    "MIRROR_ON_DAMAGE",
    "restart;orders:stop",
    'expected the rule for all topics behind that for "orders": the first ' +
    "that matches wins",
  ],
  ["INPUT_TOPIC", "user login", topicRule],
  ["OUTPUT_TOPIC", "..", topicRule],
  ["INSTANCE_ID", "a/b", topicRule],
  ["GROUP_ID", "a b", "expected 1 to 249 visible ASCII characters"],
  [
    "PROCESSOR",
    "https://example.com/p.ts",
    "expected the path or file: URL of a module",
  ],
  ["HTTP_HOST", "http://x", "expected a host name or an IP address"],
  [
    "SENTINEL_MODE",
    "manual",
    "expected one of automatic, advise",
  ],
  [
    "SENTINELS",
    "0",
    "expected a whole number from 1 to 99: more add nothing but load",
  ],
  [
    "SENTINEL_VOTE_FRESH_MS",
    "1000",
    "expected a whole number from 2,000 to 60,000: sentinels vote every " +
    "second, and one vote may be late",
  ],
  [
    "SENTINEL_TOPICS",
    "orders,,users",
    "expected names of topics, comma-separated: each 1 to 249 letters, digits, " +
    "dots, underscores or hyphens",
  ],
  ...["a", "a:0", "a:1;", "a:1;a:1", "a:1=b:1", "a:1=b:1/c", "a:1/b:1/c:1"]
    .map((addresses) =>
      [
        "GATEWAY_LISTEN",
        addresses,
        "expected host:port with a port from 1 to 65,535, several separated by " +
        "semicolons, and =host:port,.../host:port,... after one that leads to " +
        "other brokers, those of the primary first",
      ] as const
    ),
  ...["a", "a:9092,", "SSL://a:9092", "a:0", "a:65536", "a:9092;b:9092"]
    .map((brokers) =>
      [
        "PRIMARY_BROKERS",
        brokers,
        "expected host:port,host:port without a protocol, ports from 1 to " +
        "65,535",
      ] as const
    ),
];

for (const [name, value, said] of wrongValues) {
  Deno.test(`${name}=${value} is refused: ${said}`, () => {
    assert.deepEqual(problems({ [name]: value }), [
      `${name} is "${value}"; ${said}`,
    ]);
  });
}

/** A settings file, what is said of it. */
const wrongFiles: readonly (readonly [string, string])[] = [
  [
    `{\n  // mine\n    "worker": 2\n}`,
    'unknown key "worker" in s.jsonc:3:5; did you mean "workers"?',
  ],
  [`{"zzz": 2}`, 'unknown key "zzz" in s.jsonc:1:2'],
  [
    `{"brokers": "a:1"}`,
    'unknown key "brokers" in s.jsonc:1:2; did you mean "primary.brokers"?',
  ],
  [
    `{"INPUT_TOPIC": "a"}`,
    'unknown key "INPUT_TOPIC" in s.jsonc:1:2; did you mean "inputTopic"?',
  ],
  [
    `{"embedded": {"rats": 2}}`,
    'unknown key "embedded.rats" in s.jsonc:1:15; did you mean "rate"?',
  ],
  [
    `{"LIBRARYPATH": "a"}`,
    'unknown key "LIBRARYPATH" in s.jsonc:1:2; did you mean "libraryPath"?',
  ],
  [`{"__proto__": {}}`, 'unknown key "__proto__" in s.jsonc:1:2'],
  [`{"toString": 1}`, 'unknown key "toString" in s.jsonc:1:2'],
  [
    `{"workers": "4"}`,
    '"workers" in s.jsonc:1:2 is "4"; expected a whole number from 1 to 1,024',
  ],
  [
    `{"workers": null}`,
    '"workers" in s.jsonc:1:2 is null; expected a whole number from 1 to 1,024',
  ],
  [
    `{"workers": [4]}`,
    '"workers" in s.jsonc:1:2 is an array; expected a whole number from 1 to ' +
    "1,024",
  ],
  [
    `{"inputTopic": 7}`,
    `"inputTopic" in s.jsonc:1:2 is 7; ${topicRule}`,
  ],
  [
    `{"embedded": 3}`,
    '"embedded" in s.jsonc:1:14: expected an object, not number',
  ],
  [
    `{"primary": {"kafka": []}}`,
    '"primary.kafka" in s.jsonc:1:23: expected an object, not array',
  ],
  [`[]`, "settings in s.jsonc:1:1: expected an object, not array"],
  [
    `{"workers": 2,\n"workers": 3}`,
    '"workers" in s.jsonc:2:1 was given before, in line 1',
  ],
  [
    `{"primary": {"kafka": {"client.id": {}}}}`,
    'primary.kafka["client.id"] in s.jsonc:1:24 is an object; expected text, ' +
    "a number, true or false",
  ],
  [
    `{"primary": {"kafka": {"Client ID": "a"}}}`,
    'unknown key primary.kafka["Client ID"] in s.jsonc:1:24; expected a ' +
    "librdkafka property such as sasl.username",
  ],
  [
    `{"mirror": {"topicConfigs": {"a": {"flush.ms": 1}}}}`,
    '"mirror.topicConfigs" in s.jsonc:1:13 is an object; expected text or an ' +
    'array of { "topics": "…", "configs": { … } }',
  ],
  [
    `{"mirror": {"topicConfigs": [{"topics": "a", "configs": {"flush.ms": 1}},
      {"topic": "b", "configs": {"flush.ms": 1}}]}}`,
    '"mirror.topicConfigs" in s.jsonc:1:13 is an array; expected text or an ' +
    'array of { "topics": "…", "configs": { … } }; see the rule at index 1',
  ],
  [
    `{"mirror": {"topicConfigs": [{"topics": "a", "configs": {}}]}}`,
    '"mirror.topicConfigs" in s.jsonc:1:13 is an array; expected settings ' +
    'for "a"',
  ],
  [
    `{"mirror": {"topicConfigs":
      [{"topics": "a", "configs": {"flush.ms": 9223372036854775807}}]}}`,
    '"mirror.topicConfigs" in s.jsonc:1:13 is an array; expected so large a ' +
    'number as text for "flush.ms"',
  ],
  [
    `{"mirror": {"topicConfigs":
      [{"topics": "a", "configs": {"flush.ms": "\${env:FLUSH}"}}]}}`,
    '"mirror.topicConfigs" in s.jsonc:1:13 is an array; expected no ' +
    'reference in "flush.ms": they count only where all rules are one text',
  ],
  [
    `{"mirror": {"onDamage": [{"topics": "a", "policy": "halt"}]}}`,
    '"mirror.onDamage" in s.jsonc:1:13 is an array; expected one of stop, ' +
    'restart, not "halt"',
  ],
  [`{"workers": 2 "drainMs": 3}`, "s.jsonc:1:15: Comma expected"],
  [`{\n  "workers": tru\n}`, "s.jsonc:2:14: Invalid symbol"],
  [`{"workers": 2}}`, "s.jsonc:1:15: End of file expected"],
];

for (const [file, said] of wrongFiles) {
  Deno.test(`the file ${JSON.stringify(file)} is refused: ${said}`, () => {
    // A syntax error may be found in several lines; the first is the cause.
    assert.equal(fileProblems(file)[0], said);
    assert.ok(fileProblems(file).length <= 2);
  });
}

/** An environment variable that nothing reads, what it is taken for. */
const unknownVariables: readonly (readonly [string, string])[] = [
  ["PRIMARY_BROKER", "PRIMARY_BROKERS"],
  ["SECONDARY_BROCKERS", "SECONDARY_BROKERS"],
  ["PRIMARY_SASL_PASSWORD", "PRIMARY_KAFKA_SASL_PASSWORD"],
  ["SECONDARY_KAKFA_SASL_PASSWORD", "SECONDARY_KAFKA_SASL_PASSWORD"],
  ["PRIMARY_CONSUMERS_CLIENT_ID", "PRIMARY_CONSUMER_CLIENT_ID"],
  ["PRIMARY_KAFKA_sasl_password", "PRIMARY_KAFKA_SASL_PASSWORD"],
  ["EMBEDDED_PARTITION", "EMBEDDED_PARTITIONS"],
  ["SWITCHYARD_CONFG", "SWITCHYARD_CONFIG"],
  ["SWITCHYARD_WORKERS", "WORKERS"],
];

for (const [name, meant] of unknownVariables) {
  Deno.test(`${name} is refused and taken for ${meant}`, () => {
    assert.deepEqual(problems({ [name]: "x" }), [
      `unknown environment variable ${name}; did you mean "${meant}"?`,
    ]);
  });
}

Deno.test("an unknown variable that resembles nothing is refused, unless its prefix is not ours or it is empty", () => {
  assert.deepEqual(problems({ SWITCHYARD_ZZZ: "x" }), [
    "unknown environment variable SWITCHYARD_ZZZ",
  ]);
  assert.deepEqual(problems({ SWITCHYARD_ZZZ: "", WORKER: "3" }), []);
});

/** Owned librdkafka property, why it is refused. */
const owned: readonly (readonly [string, string])[] = [
  ["bootstrap.servers", "use brokers"],
  ["metadata.broker.list", "use brokers"],
  ["group.id", "use groupId"],
  [
    "enable.auto.commit",
    "the engine commits an offset once all before it is settled",
  ],
  [
    "enable.auto.offset.store",
    "the engine commits an offset once all before it is settled",
  ],
  [
    "delivery.report.only.error",
    "an offset is committed only after every delivery report",
  ],
  ["transactional.id", "the engine names its transactions after groupId"],
  ["acks", "nothing may be lost, so all in-sync replicas acknowledge"],
  ["log_level", "use logLevel"],
  ["rebalance_cb", "callbacks are the engine's"],
  ["queued.max.messages.kbytes", "use fetchQueueKbytes"],
];

for (const [property, why] of owned) {
  Deno.test(`the librdkafka property ${property} belongs to the engine: ${why}`, () => {
    assert.deepEqual(
      fileProblems(`{"primary": {"consumer": {"${property}": "x"}}}`),
      [
        `primary.consumer["${property}"] in s.jsonc:1:27 cannot be set: ${why}`,
      ],
    );
    const name = `SECONDARY_KAFKA_${
      property.toUpperCase().replaceAll(".", "_")
    }`;
    assert.deepEqual(problems({ [name]: "x" }), [
      `${name} cannot be set: ${why}`,
    ]);
  });
}

/** Values that are valid alone but not together. */
const contradictions: readonly (readonly [Environment, string])[] = [
  [
    { INPUT_TOPIC: "a", OUTPUT_TOPIC: "a" },
    'INPUT_TOPIC is "a" and OUTPUT_TOPIC is "a"; expected two topics: a job ' +
    "that reads its own results never ends",
  ],
  [
    { DLQ_TOPIC: "user-login" },
    'inputTopic (default) is "user-login" and DLQ_TOPIC is "user-login"; ' +
    "expected two topics: dead letters that are read again never end",
  ],
  [
    { DLQ_TOPIC: "user-login-processed" },
    'outputTopic (default) is "user-login-processed" and DLQ_TOPIC is ' +
    '"user-login-processed"; expected two topics: readers of the results ' +
    "must not meet dead letters",
  ],
  [
    { BATCH_RECORDS: "500", PENDING_RECORDS: "400" },
    'BATCH_RECORDS is "500" and PENDING_RECORDS is "400"; expected no more in ' +
    "a batch than may be pending, or a full batch never fits",
  ],
  [
    { PRIMARY_PRODUCER_MESSAGE_MAX_BYTES: "20000000" },
    'PRIMARY_PRODUCER_MESSAGE_MAX_BYTES is "20000000" and pendingKbytes ' +
    "(default) is 4096 (KiB); expected room for the largest record, or it " +
    "would wait for ever",
  ],
  [
    { PRIMARY_BROKERS: "a:1,b:1", SECONDARY_BROKERS: "B:1,c:1" },
    'PRIMARY_BROKERS is "a:1,b:1" and SECONDARY_BROKERS is "B:1,c:1"; ' +
    "expected two clusters without a broker in common",
  ],
];

for (const [env, said] of contradictions) {
  Deno.test(`${Object.keys(env).join(" and ")} can contradict: ${said}`, () => {
    assert.deepEqual(problems(env), [said]);
  });
}

Deno.test("all problems are reported at once: those of the file, the environment and the values", () => {
  const said = problems(
    {
      PRIMARY_BROKER: "a:1",
      WORKERS: "many",
      OUTPUT_TOPIC: "user-login",
      BATCH_RECORDS: "60000",
    },
    `{"worker": 2, "drainMs": -5}`,
  );
  assert.deepEqual(said, [
    'unknown key "worker" in s.jsonc:1:2; did you mean "workers"?',
    'unknown environment variable PRIMARY_BROKER; did you mean "PRIMARY_BROKERS"?',
    'WORKERS is "many"; expected a whole number from 1 to 1,024',
    '"drainMs" in s.jsonc:1:15 is -5; expected a whole number from 0 to ' +
    "3,600,000: Kubernetes kills 30 s after SIGTERM by default, so stay below " +
    "that",
  ]);
});

Deno.test("a rule between settings is judged while other settings are wrong", () => {
  const said = problems({ WORKERS: "many", OUTPUT_TOPIC: "user-login" });
  assert.equal(said.length, 2);
  assert.match(said[1] ?? "", /^inputTopic .* expected two topics/);
});

Deno.test("a rule between settings is not judged on a setting that is wrong itself", () => {
  // Neither on the default input topic nor on the dead-letter topic from it.
  for (const OUTPUT_TOPIC of ["user-login", "user-login.dlq"]) {
    assert.equal(problems({ INPUT_TOPIC: "!", OUTPUT_TOPIC }).length, 1);
  }
});

Deno.test("a syntax error that causes others in its line is reported alone", () => {
  assert.deepEqual(fileProblems("{'workers': 2}"), [
    "s.jsonc:1:2: Invalid symbol",
  ]);
});

Deno.test("a default that the machine spoils is reported as one", () => {
  assert.deepEqual(problems({ INPUT_TOPIC: "a".repeat(246) }), [
    `dlqTopic (default) is "${"a".repeat(78)}…; ${topicRule}`,
  ]);
});

Deno.test("a settings file that does not exist is named", () => {
  assert.deepEqual(problems({ SWITCHYARD_CONFIG: "nope.jsonc" }), [
    'SWITCHYARD_CONFIG is "nope.jsonc", which does not exist',
  ]);
});

Deno.test("a settings file that cannot be read is named with the reason", () => {
  assert.throws(
    () =>
      loadSettings({
        env: { SWITCHYARD_CONFIG: "folder" },
        readTextFile: () => {
          throw new Error("Is a directory\n(os error 21)");
        },
        hardwareConcurrency: 2,
        hostname: "host-1",
      }),
    {
      name: "SettingsError",
      message: 'SWITCHYARD_CONFIG is "folder", which cannot be read: ' +
        "Is a directory (os error 21)",
    },
  );
});

Deno.test("a delay topic is neither the output nor the dead-letter topic", () => {
  const env = { INPUT_TOPIC: "in", RETRY_DELAYS: "10s,60s" };
  assert.deepEqual(problems({ ...env, DLQ_TOPIC: "in.retry.1m" }), [
    'RETRY_DELAYS is "10s,60s" and DLQ_TOPIC is "in.retry.1m"; expected ' +
    "another topic than in.retry.1m, in which failed records wait",
  ]);
  assert.equal(problems({ ...env, OUTPUT_TOPIC: "in.retry.10s" }).length, 1);
  assert.deepEqual(problems(env), []);
});

Deno.test("the names of delay topics must fit into Kafka's limit", () => {
  const [problem, ...others] = problems({
    INPUT_TOPIC: "a".repeat(240),
    RETRY_DELAYS: "10s",
  });
  assert.match(problem!, /expected room for delay topics/);
  assert.deepEqual(others, []);
});
