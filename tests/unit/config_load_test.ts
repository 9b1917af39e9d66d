import assert from "node:assert/strict";
import {
  loadSettings,
  memoryBudgetMib,
  wantsCoordinates,
} from "../../src/config/mod.ts";

const load = (
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
) =>
  loadSettings({
    env,
    readTextFile: (path) => {
      const text = files[path];
      if (text === undefined) throw new Error(`no file ${path}`);
      return text;
    },
    hardwareConcurrency: 6,
    hostname: "host-1",
  });

const withFile = (text: string, env: Readonly<Record<string, string>> = {}) =>
  load({ ...env, SWITCHYARD_CONFIG: "s.jsonc" }, { "s.jsonc": text });

Deno.test("without any settings the defaults of the operator contract hold", () => {
  const { settings, sources } = load();
  assert.deepEqual(settings, {
    primary: { brokers: null, kafka: {}, consumer: {}, producer: {} },
    secondary: { brokers: null, kafka: {}, consumer: {}, producer: {} },
    inputTopic: "user-login",
    outputTopic: "user-login-processed",
    dlqTopic: "user-login.dlq",
    createTopics: true,
    groupId: "switchyard",
    instanceId: "host-1",
    guarantee: "at-least-once",
    coordinates: "auto",
    ordering: "partition",
    processor: null,
    workers: 6,
    workerHeapMb: 256,
    concurrency: 64,
    batchRecords: 4000,
    fetchQueueKbytes: 4096,
    pendingKbytes: 4096,
    pendingRecords: 50000,
    transactionRecords: 200000,
    rateRecords: null,
    rateKbytes: null,
    retryAttempts: 3,
    retryBackoffMs: 100,
    retryInPlaceMs: 1000,
    retryDelays: null,
    commitIntervalMs: 200,
    transactionTimeoutMs: 10000,
    handlerTimeoutMs: 30000,
    watchdogMs: 30000,
    drainMs: 25000,
    httpHost: "127.0.0.1",
    httpPort: 0,
    logLevel: "info",
    libraryPath: null,
    mirror: {
      topics: ".*",
      excludeTopics: String.raw`mm2.*\.internal,.*\.replica,__.*`,
      policy: "identity",
      lanes: 4,
      replicationFactor: 3,
      topicConfigs: [],
      transactionMs: 50,
      transactionRecords: 200000,
      fetchQueueKbytes: 65_536,
      refreshMs: 30000,
      onDamage: [{ topics: ".*", policy: "stop" }],
      rateKbytes: null,
      groupSync: true,
      groups: ".*",
      excludeGroups: "console-consumer-.*,connect-.*,__.*",
      cutIntervalMs: 500,
    },
    sentinel: {
      mode: "automatic",
      count: 1,
      voteFreshMs: 5000,
      rpoMs: 60_000,
      holdOffMs: 300_000,
      topics: "user-login,user-login-processed",
      stateReplicationFactor: 3,
    },
    leases: { strict: false, lengthMs: 10_000 },
    gatewayListen: "127.0.0.1:19092",
    gateway: {
      connections: 2000,
      connectionsPerAddress: null,
      connectionsPerClient: null,
      idleMs: 600_000,
      waitMs: 5000,
      switchGraceMs: 0,
    },
    embedded: { partitions: 8, rate: 1000, malformed: 0.01 },
  });
  assert.deepEqual(
    new Set([...sources.values()].map(({ kind }) => kind)),
    new Set(["default"]),
  );
});

Deno.test("the environment wins over the file, and the file over the default", () => {
  const { settings, sources } = withFile(
    `{\n  "workers": 2,\n  "drainMs": 1000,\n}`,
    { WORKERS: "3" },
  );
  assert.equal(settings.workers, 3);
  assert.equal(settings.drainMs, 1000);
  assert.equal(settings.watchdogMs, 30000);
  assert.deepEqual(sources.get("workers"), {
    kind: "environment",
    name: "WORKERS",
  });
  assert.deepEqual(sources.get("drainMs"), {
    kind: "file",
    path: "s.jsonc",
    line: 3,
    column: 3,
  });
  assert.deepEqual(sources.get("watchdogMs"), { kind: "default" });
});

Deno.test("an empty environment variable is unset", () => {
  assert.equal(withFile(`{"workers": 2}`, { WORKERS: "" }).settings.workers, 2);
  assert.equal(load({ SWITCHYARD_CONFIG: "" }).settings.workers, 6);
});

Deno.test("the text of environment variables is read as the setting's type", () => {
  const { settings } = load({
    EMBEDDED_MALFORMED: "0.25",
    CREATE_TOPICS: "false",
    RATE_RECORDS: " 500 ",
    LOG_LEVEL: "warn",
    PRIMARY_BROKERS: "a:9092, [::1]:9093",
  });
  assert.equal(settings.embedded.malformed, 0.25);
  assert.equal(settings.createTopics, false);
  assert.equal(settings.rateRecords, 500);
  assert.equal(settings.logLevel, "warn");
  assert.equal(settings.primary.brokers, "a:9092,[::1]:9093");
});

Deno.test("the dead-letter topic follows the input topic unless it is named", () => {
  assert.equal(load({ INPUT_TOPIC: "in" }).settings.dlqTopic, "in.dlq");
  assert.equal(
    load({ INPUT_TOPIC: "in", DLQ_TOPIC: "bad" }).settings.dlqTopic,
    "bad",
  );
});

Deno.test("delays are kept as short as they can be written", () => {
  const { settings } = load({ RETRY_DELAYS: " 1500ms, 60s,90s ,1440m" });
  assert.equal(settings.retryDelays, "1500ms,1m,90s,24h");
});

Deno.test("librdkafka properties pass through from file and environment, property by property", () => {
  const { settings, sources } = withFile(
    `{
      "primary": {
        "kafka": { "client.id": "from-file", "socket.timeout.ms": 5000 },
        "consumer": { "group.instance.id": "one", "check.crcs": true }
      }
    }`,
    {
      PRIMARY_KAFKA_CLIENT_ID: "from-environment",
      PRIMARY_PRODUCER_LINGER_MS: "5",
      SECONDARY_CONSUMER_CLIENT_RACK: "b",
    },
  );
  assert.deepEqual(settings.primary.kafka, {
    "client.id": "from-environment",
    "socket.timeout.ms": 5000,
  });
  assert.deepEqual(settings.primary.consumer, {
    "group.instance.id": "one",
    "check.crcs": true,
  });
  // librdkafka parses text itself, so it stays as it was written.
  assert.equal(String(settings.primary.producer["linger.ms"]), "5");
  assert.equal(settings.secondary.consumer["client.rack"], "b");
  assert.deepEqual(sources.get('primary.kafka["client.id"]'), {
    kind: "environment",
    name: "PRIMARY_KAFKA_CLIENT_ID",
  });
  assert.equal(sources.get('primary.kafka["socket.timeout.ms"]')?.kind, "file");
});

Deno.test("variables that Kubernetes sets for a service with one of our names are passed over", () => {
  const { settings } = load({
    SWITCHYARD_SERVICE_HOST: "10.0.0.7",
    SWITCHYARD_SERVICE_PORT: "8080",
    SWITCHYARD_SERVICE_PORT_METRICS: "8080",
    SWITCHYARD_PORT: "tcp://10.0.0.7:8080",
    SWITCHYARD_PORT_8080_TCP: "tcp://10.0.0.7:8080",
    SWITCHYARD_PORT_8080_TCP_ADDR: "10.0.0.7",
    PRIMARY_KAFKA_SERVICE_HOST: "10.0.0.8",
    PRIMARY_KAFKA_PORT: "tcp://10.0.0.8:9092",
    PRIMARY_KAFKA_PORT_9092_TCP_PROTO: "tcp",
  });
  assert.deepEqual(settings.primary.kafka, {});
});

Deno.test("comments, trailing commas, a byte order mark and an empty file are fine", () => {
  const text = '\uFEFF// ours\n{ /* few */ "workers": 2, }\n';
  assert.equal(withFile(text).settings.workers, 2);
  assert.equal(withFile("").settings.workers, 6);
  assert.equal(withFile("// nothing yet").settings.workers, 6);
});

Deno.test("settings are frozen at every level", () => {
  const { settings } = load({ PRIMARY_KAFKA_CLIENT_ID: "a" });
  for (
    const level of [
      settings,
      settings.embedded,
      settings.primary,
      settings.primary.kafka,
    ]
  ) assert.ok(Object.isFrozen(level));
});

Deno.test("the memory budget is 256 MiB and 64 MiB a worker with the default limits, and follows them", () => {
  assert.equal(memoryBudgetMib(load({ WORKERS: "1" }).settings), 256 + 64);
  assert.equal(memoryBudgetMib(load({ WORKERS: "4" }).settings), 256 + 4 * 64);
  assert.equal(
    memoryBudgetMib(
      load({ WORKERS: "2", FETCH_QUEUE_KBYTES: "8192" }).settings,
    ),
    256 + 2 * (64 + 3 * 4),
  );
});

Deno.test("outputs have coordinates where they may have to be told apart on another cluster, or as one wishes", () => {
  const both = { PRIMARY_BROKERS: "a:9092", SECONDARY_BROKERS: "b:9092" };
  const once = { GUARANTEE: "exactly-once" };
  const wanted = (env: Readonly<Record<string, string>>) =>
    wantsCoordinates(load(env).settings);
  assert.equal(wanted({ ...both, ...once }), true);
  assert.equal(wanted(both), false);
  assert.equal(wanted({ ...once, PRIMARY_BROKERS: "a:9092" }), false);
  assert.equal(wanted({ ...once, SECONDARY_BROKERS: "b:9092" }), false);
  assert.equal(wanted({ COORDINATES: "on" }), true);
  assert.equal(wanted({ ...both, ...once, COORDINATES: "off" }), false);
});
