import assert from "node:assert/strict";
import { clientSettings } from "../../src/commands/client_properties.ts";
import { loadSettings } from "../../src/config/mod.ts";

function clients(env: Readonly<Record<string, string>> = {}) {
  const { settings } = loadSettings({
    env,
    readTextFile: (path) => {
      throw new Deno.errors.NotFound(path);
    },
    hardwareConcurrency: 2,
    hostname: "host-1",
  });
  const made = clientSettings(settings, settings.primary, "a:1,b:2");
  return {
    settings,
    consumer: made.consumer as Readonly<Record<string, unknown>>,
    producer: made.producer as Readonly<Record<string, unknown>>,
    offsetReset: made.offsetReset,
  };
}

Deno.test("consumer and producer meet the same cluster under the same name", () => {
  const { consumer, producer } = clients({ INSTANCE_ID: "one" });
  for (const each of [consumer, producer]) {
    assert.equal(each["bootstrap.servers"], "a:1,b:2");
    assert.equal(each["client.id"], "switchyard-one");
  }
});

Deno.test("the group is that of the settings, and only the consumer's", () => {
  const { consumer, producer } = clients({ GROUP_ID: "mine" });
  assert.equal(consumer["group.id"], "mine");
  assert.equal("group.id" in producer, false);
});

Deno.test("an output is never given up by the producer, and never doubled by it", () => {
  const { producer } = clients();
  assert.equal(producer["message.timeout.ms"], 0);
  assert.equal(producer["queue.buffering.max.messages"], 0);
  assert.equal(producer["enable.idempotence"], true);
});

Deno.test("what the output topics would refuse does not leave the process", () => {
  const largest = (env: Readonly<Record<string, string>>, topics = 0) => {
    const { settings } = clients(env);
    const { primary } = settings;
    const limits = topics === 0 ? {} : { largestBatchBytes: topics };
    const { producer } = clientSettings(settings, primary, "a:1", limits);
    return Number(producer["message.max.bytes"]);
  };
  assert.equal(largest({}), 1_048_588 - 61);
  assert.equal(largest({}, 100_000), 100_000 - 61);
  assert.equal(largest({ PENDING_KBYTES: "1024" }, 10_000_000), 2 ** 20);
  for (const group of ["KAFKA", "PRODUCER"]) {
    const name = `PRIMARY_${group}_MESSAGE_MAX_BYTES`;
    assert.equal(largest({ [name]: "5000" }, 100_000), 5000);
  }
});

Deno.test("the fetch queue is as large as the settings say", () => {
  const { consumer } = clients({ FETCH_QUEUE_KBYTES: "4096" });
  assert.equal(consumer["queued.max.messages.kbytes"], 4096);
});

Deno.test("what the user says of a client goes before what we would say", () => {
  const { consumer, producer } = clients({
    PRIMARY_CONSUMER_FETCH_QUEUE_BACKOFF_MS: "7",
    PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "45000",
    PRIMARY_PRODUCER_LINGER_MS: "50",
    PRIMARY_KAFKA_CLIENT_ID: "theirs",
    PRIMARY_KAFKA_SOCKET_NAGLE_DISABLE: "false",
    PRIMARY_KAFKA_ENABLE_IDEMPOTENCE: "false",
  });
  assert.equal(Number(consumer["fetch.queue.backoff.ms"]), 7);
  assert.equal(Number(consumer["session.timeout.ms"]), 45_000);
  assert.equal(Number(producer["linger.ms"]), 50);
  assert.equal(consumer["client.id"], "theirs");
  assert.equal(producer["client.id"], "theirs");
  assert.equal(String(producer["socket.nagle.disable"]), "false");
  assert.equal(String(producer["enable.idempotence"]), "false");
  assert.equal("linger.ms" in consumer, false);
  assert.equal("session.timeout.ms" in producer, false);
});

Deno.test("with two clusters a consumer is known as ours, whatever its user calls it", () => {
  const PRIMARY_KAFKA_CLIENT_ID = "logins";
  const SECONDARY_BROKERS = "c:1";
  const named = clients({ PRIMARY_KAFKA_CLIENT_ID, SECONDARY_BROKERS });
  assert.equal(named.consumer["client.id"], "switchyard-logins");
  assert.equal(named.producer["client.id"], "logins");
  const usual = clients({ INSTANCE_ID: "one", SECONDARY_BROKERS });
  assert.equal(usual.consumer["client.id"], "switchyard-one");
});

Deno.test("a killed instance holds its partitions for 10 s, where the client may say so", () => {
  assert.equal(clients().consumer["session.timeout.ms"], 10_000);
  // Under KIP-848 the broker decides, and librdkafka refuses the property.
  for (
    const variable of [
      "PRIMARY_CONSUMER_GROUP_PROTOCOL",
      "PRIMARY_KAFKA_GROUP_PROTOCOL",
    ]
  ) {
    const { consumer } = clients({ [variable]: "consumer" });
    assert.equal(consumer["group.protocol"], "consumer");
    assert.equal("session.timeout.ms" in consumer, false);
  }
});

const RESETS = {
  earliest: "earliest",
  smallest: "earliest",
  beginning: "earliest",
  latest: "latest",
  largest: "latest",
  end: "latest",
  error: "error",
} as const;
for (const [word, policy] of Object.entries(RESETS)) {
  Deno.test(`auto.offset.reset=${word} is the policy "${policy}" of the pool, not of librdkafka`, () => {
    const { consumer, offsetReset } = clients({
      PRIMARY_CONSUMER_AUTO_OFFSET_RESET: word,
    });
    assert.equal(offsetReset, policy);
    assert.equal(consumer["auto.offset.reset"], "error");
  });
}

Deno.test("without a policy a group begins at the beginning, so that nothing is missed", () => {
  const { consumer, offsetReset } = clients();
  assert.equal(offsetReset, "earliest");
  assert.equal(consumer["auto.offset.reset"], "error");
});

Deno.test("one fetch answer brings as much of a partition as it is told, unless the user says so", () => {
  const fetched = (env: Readonly<Record<string, string>>) => {
    const { settings } = clients(env);
    const { consumer } = clientSettings(settings, settings.primary, "a:1", {
      partitionFetchBytes: 3_000_000,
    });
    return [
      consumer["max.partition.fetch.bytes"],
      consumer["fetch.max.bytes"],
    ];
  };
  assert.deepEqual(fetched({}), [3_000_000, 24_000_000]);
  const [own] = fetched({
    PRIMARY_CONSUMER_MAX_PARTITION_FETCH_BYTES: "500000",
  });
  assert.equal(Number(own), 500_000);
});
