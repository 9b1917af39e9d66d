/** Administration of a real cluster; the embedded one answers little of it. */
import assert from "node:assert/strict";
import {
  Admin,
  ErrorCode,
  isTopicExisting,
  isTopicUnknown,
  KafkaError,
} from "../../src/kafka/mod.ts";
import { library, Member, produce } from "../support/embedded.ts";
import { withCluster } from "../support/kafka_cluster.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const OPTIONS = { timeoutMs: 30_000 };
const AUTHORIZER = {
  "authorizer.class.name":
    "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS",
};

realKafkaTest("administration of Apache Kafka", async (context) => {
  await withCluster({ config: AUTHORIZER }, async (cluster) => {
    const { bootstrapServers } = cluster;
    await using admin = new Admin(library, {
      "bootstrap.servers": bootstrapServers,
    });
    for (const [name, step] of Object.entries(STEPS)) {
      const topic = name.replaceAll(/[^a-z0-9]+/gi, "-");
      const passed = await context.step(
        name,
        () => step({ admin, bootstrapServers, topic }),
      );
      if (!passed) cluster.keepLogs();
    }
  });
});

interface Setting {
  readonly admin: Admin;
  readonly bootstrapServers: string;
  /** Names a topic that no other step uses. */
  readonly topic: string;
}

const STEPS: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  async "the cluster describes itself"({ admin, bootstrapServers }) {
    const { clusterId, controller, brokers } = await admin.describeCluster(
      OPTIONS,
    );

    const [host, port] = bootstrapServers.split(":");
    assert.deepEqual(brokers, [{ id: 1, host, port: Number(port) }]);
    assert.equal(controller, 1);
    assert.match(clusterId!, /^[\w-]{22}$/);
  },

  async "a topic is created with what is asked for, and otherwise by default"(
    { admin, topic },
  ) {
    const created = await admin.topics.create([
      { topic, partitions: 3, config: { "retention.ms": "12345" } },
      { topic: `${topic}-default` },
    ], OPTIONS);
    assert.deepEqual(created, [
      { topic, error: null },
      { topic: `${topic}-default`, error: null },
    ]);

    const described = await describeWhenKnown(admin, topic, 3);
    assert.deepEqual(
      described.partitions,
      [0, 1, 2].map((partition) => ({
        partition,
        leader: 1,
        replicas: [1],
        inSyncReplicas: [1],
      })),
    );
    assert.equal(described.isInternal, false);
    const [config] = await admin.configs.describe(
      [{ type: "topic", name: topic }],
      OPTIONS,
    );
    assert.deepEqual(
      config!.entries.filter(({ source }) => source === "topic"),
      [{
        name: "retention.ms",
        value: "12345",
        source: "topic",
        isReadOnly: false,
        isSensitive: false,
      }],
    );
  },

  async "topics have ids, written as Kafka writes them"({ admin, topic }) {
    // So many that letters which differ between alphabets are among them.
    const topics = Array.from(
      { length: 12 },
      (_, index) => `${topic}-${index}`,
    );
    await admin.topics.create(topics.map((topic) => ({ topic })), OPTIONS);

    const ids = new Set<string>();
    for (const each of topics) {
      ids.add((await describeWhenKnown(admin, each, 1)).topicId);
    }
    assert.equal(ids.size, topics.length);
    for (const id of ids) assert.match(id, /^[\w-]{22}$/);
  },

  async "a summary says of each topic what its description says"(
    { admin, topic },
  ) {
    await admin.topics.create([
      { topic, partitions: 3 },
      { topic: `${topic}-2`, partitions: 1 },
    ], OPTIONS);
    const three = await describeWhenKnown(admin, topic, 3);
    const one = await describeWhenKnown(admin, `${topic}-2`, 1);

    const [first, second, unknown] = await admin.topics.summarize(
      [topic, `${topic}-2`, `${topic}-unknown`],
      OPTIONS,
    );

    assert.deepEqual(first, {
      topic,
      topicId: three.topicId,
      partitions: 3,
      replicationFactor: 1,
      error: null,
    });
    assert.equal(second!.topicId, one.topicId);
    assert.equal(second!.partitions, 1);
    assert(isTopicUnknown(unknown!.error!.code));
    assert.deepEqual([unknown!.partitions, unknown!.replicationFactor], [0, 0]);
  },

  async "each topic of a request has an error of its own"({ admin, topic }) {
    await admin.topics.create([{ topic }], OPTIONS);

    const [existing, invalid, fine] = await admin.topics.create([
      { topic },
      { topic: "not a name" },
      { topic: `${topic}-2` },
    ], OPTIONS);

    assert(isTopicExisting(existing!.error!.code));
    assert.equal(invalid!.error!.code, ErrorCode.invalidTopic);
    assert.match(invalid!.error!.message, /^create topic "not a name": /);
    assert.equal(fine!.error, null);
  },

  async "a change that is only validated does not happen"({ admin, topic }) {
    const [answer] = await admin.topics.create([{ topic }], {
      ...OPTIONS,
      validateOnly: true,
    });
    assert.equal(answer!.error, null);

    const [described] = await admin.topics.describe([topic], OPTIONS);
    assert(isTopicUnknown(described!.error!.code));
    assert.deepEqual(described!.partitions, []);
  },

  async "a topic grows, and is gone once it is deleted"({ admin, topic }) {
    await admin.topics.create([{ topic, partitions: 1 }], OPTIONS);

    const grown = await admin.topics.grow([
      { topic, partitions: 4 },
      { topic: `${topic}-unknown`, partitions: 4 },
    ], OPTIONS);
    assert.equal(grown[0]!.error, null);
    assert(isTopicUnknown(grown[1]!.error!.code));
    await describeWhenKnown(admin, topic, 4);

    const deleted = await admin.topics.delete(
      [topic, `${topic}-unknown`],
      OPTIONS,
    );
    assert.equal(deleted[0]!.error, null);
    assert(isTopicUnknown(deleted[1]!.error!.code));
    await eventually(async () => {
      const [described] = await admin.topics.describe([topic], OPTIONS);
      return described!.error !== null && isTopicUnknown(described!.error.code);
    }, { what: "gone" });
  },

  async "settings change one by one and go back to their defaults"(
    { admin, topic },
  ) {
    await admin.topics.create(
      [{ topic, config: { "retention.bytes": "1000000" } }],
      OPTIONS,
    );
    const resource = { type: "topic", name: topic } as const;
    // Brokers learn of a change a moment after it was answered.
    const becomes = (expected: Readonly<Record<string, string>>) =>
      eventually(async () => {
        const [config] = await admin.configs.describe([resource], OPTIONS);
        const own = config!.entries.filter(({ source }) => source === "topic")
          .map(({ name, value }) => [name, value]);
        assert.deepEqual(Object.fromEntries(own), expected);
        return true;
      }, { what: "changed" });

    const altered = await admin.configs.alter([
      {
        ...resource,
        changes: [
          { operation: "set", name: "retention.ms", value: "99" },
          { operation: "append", name: "cleanup.policy", value: "compact" },
        ],
      },
      {
        type: "topic",
        name: `${topic}-unknown`,
        changes: [{ operation: "set", name: "retention.ms", value: "99" }],
      },
    ], OPTIONS);
    assert.equal(altered[0]!.error, null);
    assert(isTopicUnknown(altered[1]!.error!.code));
    await becomes({
      "cleanup.policy": "delete,compact",
      "retention.bytes": "1000000",
      "retention.ms": "99",
    });

    await admin.configs.alter([{
      ...resource,
      changes: [
        { operation: "reset", name: "retention.ms" },
        { operation: "subtract", name: "cleanup.policy", value: "delete" },
      ],
    }], OPTIONS);
    await becomes({
      "cleanup.policy": "compact",
      "retention.bytes": "1000000",
    });

    const [refused] = await admin.configs.alter([{
      ...resource,
      changes: [{ operation: "set", name: "retention.ms", value: "soon" }],
    }], OPTIONS);
    assert.match(refused!.error!.message, /retention\.ms.*INVALID_CONFIG/);
  },

  async "a broker's secrets are marked and not shown"({ admin }) {
    const [broker] = await admin.configs.describe(
      [{ type: "broker", name: "1" }],
      OPTIONS,
    );

    const entry = broker!.entries.find(({ name }) => name === "super.users");
    assert.deepEqual(entry, {
      name: "super.users",
      value: null,
      source: "brokerFile",
      isReadOnly: true,
      isSensitive: true,
    });
  },

  async "a group's members and offsets are those of its consumers"(
    { admin, bootstrapServers, topic },
  ) {
    await admin.topics.create([{ topic, partitions: 2 }], OPTIONS);
    await describeWhenKnown(admin, topic, 2);
    {
      await using member = new Member(bootstrapServers, {
        "group.id": topic,
        "client.id": "reader",
      });
      member.consumer.subscribe([topic]);
      await member.until(() => member.assigned.length === 2, "assigned");
      await member.consumer.commit([
        { topic, partition: 1, offset: 0, metadata: "note" },
      ]);

      const [described] = await admin.groups.describe([topic], OPTIONS);
      assert.equal(described!.error, null);
      assert.equal(described!.state, "Stable");
      assert.equal(described!.type, "Classic");
      assert.equal(described!.assignor, "cooperative-sticky");
      assert.equal(described!.coordinator?.id, 1);
      const [found] = described!.members;
      assert.equal(described!.members.length, 1);
      assert.equal(found!.memberId, member.consumer.memberId);
      assert.equal(found!.clientId, "reader");
      assert.equal(found!.instanceId, null);
      assert.deepEqual(
        found!.partitions.map(({ partition }) => partition).sort(),
        [0, 1],
      );
      const [refused] = await admin.groups.alterOffsets(
        topic,
        [{ topic, partition: 0, offset: 1 }],
        OPTIONS,
      );
      assert.equal(refused!.error?.code, ErrorCode.unknownMemberId);
    }
    await eventually(async () => {
      const [described] = await admin.groups.describe([topic], OPTIONS);
      return described!.state === "Empty";
    }, { what: "left by its member" });

    const altered = await admin.groups.alterOffsets(topic, [
      { topic, partition: 0, offset: 5, metadata: "moved" },
      { topic: `${topic}-unknown`, partition: 0, offset: 5 },
    ], OPTIONS);
    assert.equal(altered[0]!.error, null);
    assert(isTopicUnknown(altered[1]!.error!.code));
    const offsets = await admin.groups.offsets(topic, "all", {
      ...OPTIONS,
      requireStable: true,
    });
    assert.deepEqual(
      offsets.map(({ partition, offset, metadata }) => [
        partition,
        offset,
        metadata,
      ]).sort(),
      [[0, 5, "moved"], [1, 0, "note"]],
    );
    const { groups, errors } = await admin.groups.list(OPTIONS);
    assert.deepEqual(errors, []);
    assert.deepEqual(groups.find(({ groupId }) => groupId === topic), {
      groupId: topic,
      state: "Empty",
      type: "Classic",
    });
  },

  async "a group that nobody knows is dead and has no offsets"({ admin }) {
    const [described] = await admin.groups.describe(["nobody"], OPTIONS);
    assert.equal(described!.state, "Dead");
    assert.deepEqual(described!.members, []);
    assert.deepEqual(await admin.groups.offsets("nobody", "all", OPTIONS), []);
  },

  async "records are deleted before an offset, and offsets are found"(
    { admin, bootstrapServers, topic },
  ) {
    const newest = Date.UTC(2024, 0, 2);
    await admin.topics.create([{ topic, partitions: 1 }], OPTIONS);
    await describeWhenKnown(admin, topic, 1);
    await produce(
      bootstrapServers,
      [newest - 2, newest - 1, newest, newest - 3].map((timestampMs) => ({
        topic,
        value: "",
        timestampMs,
      })),
    );
    const tp = { topic, partition: 0 };

    const [deleted, unknown] = await admin.partitions.deleteRecords([
      { ...tp, offset: 1 },
      { topic, partition: 7, offset: 1 },
    ], OPTIONS);
    const found = await Promise.all(
      (["earliest", "latest", "maxTimestamp", newest - 1, newest + 1] as const)
        .map((at) => admin.partitions.offsets([{ ...tp, at }], OPTIONS)),
    );

    assert.deepEqual([deleted!.offset, deleted!.error], [1, null]);
    assert(unknown!.error instanceof KafkaError);
    assert.deepEqual(
      found.flat().map(({ offset, timestampMs, error }) => [
        offset,
        timestampMs,
        error,
      ]),
      [
        [1, null, null],
        [4, null, null],
        [2, newest, null],
        [1, newest - 1, null],
        [null, null, null],
      ],
    );
  },

  async "access rules are created, found by a filter and deleted by one"(
    { admin, topic },
  ) {
    const deny = {
      resource: "topic",
      name: topic,
      pattern: "prefixed",
      principal: "User:alice",
      host: "*",
      operation: "write",
      permission: "deny",
    } as const;
    const cluster = {
      ...deny,
      resource: "cluster",
      name: "kafka-cluster",
      pattern: "literal",
      operation: "idempotentWrite",
      permission: "allow",
    } as const;
    const wrong = { ...cluster, name: "another" };

    const created = await admin.acls.create([deny, cluster, wrong], OPTIONS);
    assert.deepEqual(created.map(({ acl }) => acl), [deny, cluster, wrong]);
    assert.deepEqual(created.slice(0, 2).map(({ error }) => error), [
      null,
      null,
    ]);
    assert(created[2]!.error instanceof KafkaError);

    const ofAlice = { principal: "User:alice" };
    await eventually(
      async () => (await admin.acls.describe(ofAlice, OPTIONS)).length === 2,
      { what: "known to the broker" },
    );
    assert.deepEqual(
      await admin.acls.describe(
        { resource: "topic", name: `${topic}-1`, pattern: "match" },
        OPTIONS,
      ),
      [deny],
    );

    const [deletion, nothing] = await admin.acls.delete(
      [ofAlice, { principal: "User:bob" }],
      OPTIONS,
    );
    assert.equal(deletion!.error, null);
    assert.equal(deletion!.deleted.length, 2);
    assert.deepEqual(nothing!.deleted, []);
  },
};

/** Brokers learn of a new topic a moment after its creation was answered. */
async function describeWhenKnown(
  admin: Admin,
  topic: string,
  partitions: number,
) {
  return await eventually(async () => {
    const [described] = await admin.topics.describe([topic], OPTIONS);
    const known = described!.partitions.filter(({ leader }) => leader !== null);
    return known.length === partitions ? described : null;
  }, { what: `told of ${partitions} partitions of ${topic}` });
}
