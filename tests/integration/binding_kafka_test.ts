/** What the embedded cluster cannot show about the binding, on Apache Kafka. */
import assert from "node:assert/strict";
import {
  Admin,
  type ClientEvent,
  ErrorCode,
  KafkaError,
  readTopic,
  wholeTopic,
} from "../../src/kafka/mod.ts";
import { addListener } from "../support/add_listener.ts";
import {
  library,
  Member,
  nextEvent,
  produce,
  Sender,
  text,
  untilAll,
} from "../support/embedded.ts";
import { type KafkaCluster, withCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const WAIT_MS = 30_000;
/** Members hear of a rebalance with their next heartbeat. */
const HEARTBEAT_MS = 200;
const QUICK_HEARTBEATS = {
  "group.consumer.heartbeat.interval.ms": String(HEARTBEAT_MS),
  "group.consumer.min.heartbeat.interval.ms": String(HEARTBEAT_MS),
};

realKafkaTest("the binding on Apache Kafka", async (context) => {
  await withCluster({ config: QUICK_HEARTBEATS }, async (cluster) => {
    const oauthServers = await addOauthListener(cluster);
    const { bootstrapServers } = cluster;
    for (const [name, step] of Object.entries(STEPS)) {
      const passed = await context.step(
        name,
        () =>
          step({
            cluster,
            bootstrapServers,
            oauthServers,
            topic: topicOf(name),
          }),
      );
      if (!passed) cluster.keepLogs();
    }
  });
});

interface Setting {
  readonly cluster: KafkaCluster;
  readonly bootstrapServers: string;
  /** The same broker, for SASL/OAUTHBEARER. */
  readonly oauthServers: string;
  /** Names a topic that no other step uses. */
  readonly topic: string;
}

const STEPS: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  "members share partitions by the classic protocol": (setting) =>
    sharePartitions(setting, "classic"),

  "members share partitions by the protocol of KIP-848": (setting) =>
    sharePartitions(setting, "consumer"),

  async "a seek right after an assignment may be tried again until it succeeds"(
    { cluster, bootstrapServers, topic },
  ) {
    await cluster.createTopic(topic, 2);
    await produce(bootstrapServers, values(topic, 2, 5));
    await using member = new Member(bootstrapServers, { "group.id": topic });
    member.consumer.subscribe([topic]);
    await member.until(() => member.assigned.length === 2, "assigned");

    const to = member.assigned.map((tp) => ({ ...tp, offset: 3 }));
    await eventually(async () => {
      const errors = (await member.consumer.seek(to, WAIT_MS))
        .map(({ error }) => error).filter((error) => error !== null);
      assert(errors.every(({ retriable }) => retriable));
      return errors.length === 0;
    }, { what: "moved", everyMs: 5 });
    await member.until(
      () => member.of(topic, 0).at(-1)?.offset === 4,
      "read on",
    );
  },

  async "an offset is found by time, and null past the newest record"(
    { cluster, bootstrapServers, topic },
  ) {
    await cluster.createTopic(topic, 1);
    const start = Date.UTC(2024, 0, 1);
    await produce(
      bootstrapServers,
      [0, 1000, 2000].map((later) => ({
        topic,
        value: "",
        timestampMs: start + later,
      })),
    );
    await using member = new Member(bootstrapServers, { "group.id": topic });

    const found = await Promise.all(
      [start, start + 1, start + 2000, start + 2001].map((timestampMs) =>
        member.consumer.offsetsForTimes(
          [{ topic, partition: 0, timestampMs }],
          WAIT_MS,
        )
      ),
    );

    assert.deepEqual(
      found.flat().map(({ offset, error }) => [offset, error]),
      [[0, null], [1, null], [2, null], [null, null]],
    );
  },

  async "records without headers are known by what stands behind them, however they were compressed"(
    { cluster, bootstrapServers, topic },
  ) {
    await cluster.createTopic(topic, 1);
    const codecs = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
    const records = Array.from({ length: 300 }, (_, index) => ({
      topic,
      partition: 0,
      key: index % 7 === 0 ? null : `key ${index}`,
      value: "v".repeat(index),
      headers: index % 5 === 0 ? [{ key: "h", value: `${index}` }] : [],
    }));
    for (const codec of codecs) {
      await using sender = new Sender(bootstrapServers, {
        "compression.codec": codec,
        "linger.ms": 50,
      });
      await sender.send(records);
    }
    await using admin = new Admin(library, {
      "bootstrap.servers": bootstrapServers,
    });
    const batches = readTopic({
      library,
      properties: { "bootstrap.servers": bootstrapServers, "group.id": topic },
      topic,
      ranges: await wholeTopic(admin, topic, { timeoutMs: WAIT_MS }),
      signal: AbortSignal.timeout(WAIT_MS),
    });
    let [read, sure] = [0, 0];
    for await (const batch of batches) {
      for (let index = 0; index < batch.count; index++) {
        const may = batch.mayHaveHeaders(index);
        assert.ok(may || batch.headers(index).length === 0);
        if (!may) sure++;
        read++;
      }
    }
    assert.equal(read, codecs.length * records.length);
    // But for the last of each of some batches.
    assert.ok(sure > read * 0.7, `${sure} of ${read}`);
  },

  async "what a transaction commits is read, what it aborts never is"(
    { cluster, bootstrapServers, topic },
  ) {
    await cluster.createTopic(topic, 1);
    await using sender = new Sender(bootstrapServers, {
      "transactional.id": topic,
    });
    const { producer } = sender;
    await producer.initTransactions(WAIT_MS);
    for (const end of ["commit", "abort", "commit"] as const) {
      producer.beginTransaction();
      await sender.send([{ topic, value: end }, { topic, value: end }]);
      if (end === "commit") await producer.commitTransaction(WAIT_MS);
      else await producer.abortTransaction(WAIT_MS);
    }

    await using member = new Member(bootstrapServers, { "group.id": topic });
    member.consumer.subscribe([topic]);
    await member.until(() => member.received.length >= 4, "read");

    assert.deepEqual(
      member.received.map(({ value }) => text(value)),
      Array(4).fill("commit"),
    );
  },

  async "a producer fences the older one with its transactional id"(
    { cluster, bootstrapServers, topic },
  ) {
    await cluster.createTopic(topic, 1);
    const properties = { "transactional.id": topic };
    await using older = new Sender(bootstrapServers, properties);
    await older.producer.initTransactions(WAIT_MS);
    older.producer.beginTransaction();
    await older.send([{ topic, value: "of the older" }]);

    await using newer = new Sender(bootstrapServers, properties);
    await newer.producer.initTransactions(WAIT_MS);
    await assert.rejects(
      older.producer.commitTransaction(WAIT_MS),
      (error) =>
        error instanceof KafkaError && error.fatal && !error.retriable &&
        error.codeName === "_FENCED",
    );
    newer.producer.beginTransaction();
    await newer.send([{ topic, value: "of the newer" }]);
    await newer.producer.commitTransaction(WAIT_MS);

    await using member = new Member(bootstrapServers, { "group.id": topic });
    member.consumer.subscribe([topic]);
    await member.until(() => member.received.length > 0, "read");
    assert.equal(text(member.received[0]!.value), "of the newer");
  },

  async "offsets are committed with their transaction, and not without it"(
    { cluster, bootstrapServers, topic },
  ) {
    await cluster.createTopic(topic, 1);
    await produce(bootstrapServers, values(topic, 1, 5));
    await using member = new Member(bootstrapServers, { "group.id": topic });
    member.consumer.subscribe([topic]);
    await member.until(() => member.received.length === 5, "read");
    await using sender = new Sender(bootstrapServers, {
      "transactional.id": topic,
    });
    const { producer } = sender;
    await producer.initTransactions(WAIT_MS);
    using membership = member.consumer.membership();
    assert.ok(membership.isMember);
    const committed = async () =>
      (await member.consumer.committed(member.assigned, WAIT_MS))
        .map(({ offset, metadata }) => [offset, metadata]);

    producer.beginTransaction();
    await producer.sendOffsets(
      membership,
      [{ topic, partition: 0, offset: 2 }],
      WAIT_MS,
    );
    await producer.abortTransaction(WAIT_MS);
    assert.deepEqual(await committed(), [[null, ""]]);

    producer.beginTransaction();
    await producer.sendOffsets(
      membership,
      [{ topic, partition: 0, offset: 4, metadata: "beyond" }],
      WAIT_MS,
    );
    await producer.commitTransaction(WAIT_MS);
    assert.deepEqual(await committed(), [[4, "beyond"]]);
  },

  async "calls out of a transaction's order are refused and do no harm"(
    { bootstrapServers, topic },
  ) {
    await using sender = new Sender(bootstrapServers, {
      "transactional.id": topic,
    });
    const refused = (error: unknown) =>
      error instanceof KafkaError && error.code === ErrorCode.state;

    assert.throws(() => sender.producer.beginTransaction(), refused);
    await sender.producer.initTransactions(WAIT_MS);
    await assert.rejects(sender.producer.commitTransaction(WAIT_MS), refused);
    sender.producer.beginTransaction();
    await sender.producer.commitTransaction(WAIT_MS);
  },

  async "a broker accepts the token that answers the refresh event"(
    { oauthServers },
  ) {
    await using admin = new Admin(library, oauthOf(oauthServers));
    await nextEvent(admin, "tokenRefresh");
    admin.setOauthToken({
      value: unsecuredToken(),
      expiresAtMs: Date.now() + 3_600_000,
      principal: "switchyard",
    });

    const { brokers } = await admin.describeCluster({ timeoutMs: WAIT_MS });
    assert.equal(brokers.length, 1);
  },

  async "a token that a broker refuses becomes an error event"(
    { oauthServers },
  ) {
    await using admin = new Admin(library, oauthOf(oauthServers));
    await nextEvent(admin, "tokenRefresh");
    admin.setOauthToken({
      value: "nonsense",
      expiresAtMs: Date.now() + 3_600_000,
      principal: "switchyard",
    });

    const { error } = await nextEvent(admin, "error");
    assert.equal(error.code, ErrorCode.authentication);
  },

  async "a broker accepts the token that method oidc has fetched by itself"(
    { oauthServers },
  ) {
    await using issuer = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () => Response.json({ access_token: unsecuredToken() }),
    );
    await using admin = new Admin(library, {
      ...oauthOf(oauthServers),
      "sasl.oauthbearer.method": "oidc",
      "sasl.oauthbearer.client.id": "id",
      "sasl.oauthbearer.client.secret": "secret",
      "sasl.oauthbearer.token.endpoint.url":
        `http://127.0.0.1:${issuer.addr.port}/token`,
    });

    const { brokers } = await admin.describeCluster({ timeoutMs: WAIT_MS });
    assert.equal(brokers.length, 1);
  },
};

async function sharePartitions(
  { cluster, bootstrapServers, topic }: Setting,
  protocol: "classic" | "consumer",
): Promise<void> {
  await cluster.createTopic(topic, 4);
  await produce(bootstrapServers, values(topic, 4, 10));
  const newMember = () =>
    new Member(bootstrapServers, {
      "group.id": topic,
      "group.protocol": protocol,
      // By the other protocol the brokers choose it.
      ...(protocol === "classic"
        ? { "heartbeat.interval.ms": HEARTBEAT_MS }
        : {}),
    });
  await using first = newMember();
  first.consumer.subscribe([topic]);
  await first.until(() => first.received.length === 40, "read everything");
  await first.consumer.commit(
    first.assigned.map((tp) => ({ ...tp, offset: 10, metadata: "done" })),
  );

  await using second = newMember();
  second.consumer.subscribe([topic]);
  await untilAll(
    [first, second],
    () => first.assigned.length === 2 && second.assigned.length === 2,
    "shared",
  );
  await produce(bootstrapServers, values(topic, 4, 5));
  await untilAll(
    [first, second],
    () => first.received.length + second.received.length >= 60,
    "read the rest",
  );

  assert.deepEqual(
    [...first.assigned, ...second.assigned].map((tp) => tp.partition).sort(),
    [0, 1, 2, 3],
  );
  const revoked = partitionsOf(first.events, "revoke");
  assert.deepEqual(revoked, partitionsOf(second.events, "assign"));
  for (const { partition } of second.assigned) {
    const offsets = second.of(topic, partition).map(({ offset }) => offset);
    assert.deepEqual(
      offsets,
      [10, 11, 12, 13, 14],
      "from where it was committed",
    );
  }
}

function partitionsOf(
  events: readonly ClientEvent[],
  kind: "assign" | "revoke",
) {
  return events
    .flatMap((event) => event.kind === kind ? event.partitions : [])
    .map(({ partition }) => partition).sort();
}

/** `count` records in each of the topic's partitions. */
function values(topic: string, partitions: number, count: number) {
  return Array.from({ length: count * partitions }, (_, index) => ({
    topic,
    partition: index % partitions,
    value: String(index),
  }));
}

function topicOf(step: string): string {
  return step.replaceAll(/[^a-z0-9]+/gi, "-");
}

const oauthOf = (servers: string) => ({
  "bootstrap.servers": servers,
  "log_level": 0,
  "security.protocol": "sasl_plaintext",
  "sasl.mechanisms": "OAUTHBEARER",
} as const);

/** What Kafka accepts where no validator is configured: a JWT unsigned. */
function unsecuredToken(): string {
  const now = Math.floor(Date.now() / 1000);
  const encode = (part: object) =>
    new TextEncoder().encode(JSON.stringify(part))
      .toBase64({ alphabet: "base64url", omitPadding: true });
  const claims = { sub: "switchyard", iat: now, exp: now + 3600 };
  return `${encode({ alg: "none" })}.${encode(claims)}.`;
}

const addOauthListener = (cluster: KafkaCluster): Promise<string> =>
  addListener(cluster, {
    name: "OAUTH",
    host: "127.0.0.1",
    protocol: "SASL_PLAINTEXT",
    config: {
      "sasl.enabled.mechanisms": "OAUTHBEARER",
      "oauthbearer.sasl.jaas.config":
        "org.apache.kafka.common.security.oauthbearer." +
        'OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";',
    },
  });
