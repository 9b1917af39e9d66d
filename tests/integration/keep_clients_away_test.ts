/** The commands of docs/disaster-recovery.md that keep clients from a cluster. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Sender } from "../../dr/sender.ts";
import { Admin, ErrorCode, KafkaError } from "../../src/kafka/mod.ts";
import { clusterSteps } from "../support/cluster_steps.ts";
import { library } from "../support/embedded.ts";
import type { KafkaCluster } from "../support/kafka_cluster.ts";
import { runKafkaTool } from "../support/kafka_tool.ts";
import { eventually } from "../support/wait.ts";

const DOCUMENT = fileURLToPath(
  new URL("../../docs/disaster-recovery.md", import.meta.url),
);
const topic = "logins";
const request = { timeoutMs: 30_000 };

clusterSteps(
  "the documented denial",
  { users: { alice: "secret", ours: "secret" } },
  {
    "ends a client's writes, and not ours, until it is removed": async (
      { cluster, folder },
    ) => {
      await cluster.createTopic(topic, 1);
      await allow(cluster);
      await eventually(
        async () =>
          await written(cluster, "alice") === null &&
          await written(cluster, "ours") === null,
        { what: "allowed" },
      );

      const { deny, restore } = await documented();
      assert.deepEqual([deny.length, restore.length], [2, 2]);
      for (const each of deny) await run(each, cluster, folder);
      await eventually(
        async () =>
          await written(cluster, "alice") ===
            ErrorCode.topicAuthorizationFailed,
        { what: "refused: what the client writes" },
      );
      assert.equal(await written(cluster, "ours"), null);
      assert.deepEqual(await denials(cluster), [
        "group * read User:alice",
        "topic * write User:alice",
      ]);

      for (const each of restore) await run(each, cluster, folder);
      await eventually(
        async () => await written(cluster, "alice") === null,
        { what: "taken: what the client writes" },
      );
      assert.deepEqual(await denials(cluster), []);
    },
  },
);

/** As the section has them, in its order. */
async function documented() {
  const document = await Deno.readTextFile(DOCUMENT);
  const [, section] = /^## Keeping clients away\n(.*?)^## /ms.exec(document) ??
    [];
  const [deny, restore] = Array.from(
    section!.matchAll(/^```sh\n(.*?)^```/gms),
    ([, code]) => code!.replaceAll("\\\n", " ").trim().split("\n"),
  );
  return { deny: deny!, restore: restore! };
}

const run = (
  command: string,
  { bootstrapServers }: KafkaCluster,
  folder: string,
) => runKafkaTool("kafka-acls.sh", command, bootstrapServers, folder);

async function allow({ bootstrapServers }: KafkaCluster): Promise<void> {
  await using admin = new Admin(library, {
    "bootstrap.servers": bootstrapServers,
  });
  const answers = await admin.acls.create(
    ["User:alice", "User:ours"].map((principal) => ({
      resource: "topic",
      name: topic,
      pattern: "literal",
      principal,
      host: "*",
      operation: "write",
      permission: "allow",
    })),
    request,
  );
  for (const { error } of answers) assert.equal(error, null);
}

async function denials({ bootstrapServers }: KafkaCluster): Promise<string[]> {
  await using admin = new Admin(library, {
    "bootstrap.servers": bootstrapServers,
  });
  const found = await admin.acls.describe({ permission: "deny" }, request);
  return found.map(({ name, operation, principal, resource }) =>
    `${resource} ${name} ${operation} ${principal}`
  ).sort();
}

/** @returns why it was refused; null: it was not. */
async function written(
  { loginServers }: KafkaCluster,
  username: string,
): Promise<number | null> {
  await using sender = new Sender({
    library,
    properties: {
      "bootstrap.servers": loginServers,
      "security.protocol": "sasl_plaintext",
      "sasl.mechanisms": "PLAIN",
      "sasl.username": username,
      "sasl.password": "secret",
    },
    onEvent: () => {},
  });
  try {
    await sender.send([{ topic, partition: 0, value: "a" }], signal);
    return null;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return error.code;
  }
}

const { signal } = new AbortController();
