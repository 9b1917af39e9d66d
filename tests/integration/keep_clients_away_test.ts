/** The commands of docs/disaster-recovery.md that keep clients from a cluster. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Sender } from "../../dr/sender.ts";
import { Admin, ErrorCode, KafkaError } from "../../src/kafka/mod.ts";
import { clusterSteps } from "../support/cluster_steps.ts";
import type { Child } from "../support/child.ts";
import { library } from "../support/embedded.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type { KafkaCluster } from "../support/kafka_cluster.ts";
import { runKafkaTool } from "../support/kafka_tool.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { pause } from "../support/pause.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const DOCUMENT = fileURLToPath(
  new URL("../../docs/disaster-recovery.md", import.meta.url),
);
const topic = "logins";
const request = { timeoutMs: 30_000 };
const users = { alice: "secret", ours: "secret" };
const switchMs = 120_000;

clusterSteps(
  "the documented denial",
  { users },
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
      await denied(cluster, [
        "group * read User:alice",
        "topic * write User:alice",
      ]);

      for (const each of restore) await run(each, cluster, folder);
      await eventually(
        async () => await written(cluster, "alice") === null,
        { what: "taken: what the client writes" },
      );
      await denied(cluster, []);
    },
  },
);

realKafkaTest(
  "a client that stays is refused by every broker during a planned switch, and lets it end; it may write again where that is given up, and where its cluster is active again",
  async () => {
    await using pair = await MirrorPair.start({
      heapMb: 256,
      users,
      sourceBrokers: 2,
    });
    try {
      await overAndHome(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

async function overAndHome(pair: MirrorPair): Promise<void> {
  const { source: { cluster: primary }, target: { cluster: secondary } } = pair;
  const env = { MIRROR_TOPICS: topic, HTTP_PORT: "0" };
  const runs = new FailbackRuns(pair, env);
  const { commands: [over, home] } = await documented();
  const last = async (words: readonly string[]) => {
    const report = await runs.json(words[0] as Task, ...words.slice(1));
    return report.steps.map(({ step }: { step: string }) => step);
  };
  await pair.create(topic, primary.brokers.length);
  const { topics } = await primary.metadata();
  const leaders = topics.get(topic)!.map(({ leader }) => leader);
  assert.equal(new Set(leaders).size, primary.brokers.length);
  await using mirror = pair.mirror([topic]);
  await mirror.running();
  await Promise.all([primary, secondary].map(allow));
  await using alice = new Writer(primary, "alice", leaders.length);
  {
    await using ours = new Writer(primary, "ours", leaders.length);
    await alice.until("taken");
    await ours.until("taken");
    // Somebody else goes on writing, so that it stays in the middle.
    for (const [how, after] of ENDINGS) {
      await using child = runs.start(over![0] as Task, ...over!.slice(1));
      await alice.until("refused");
      await ours.until("taken");
      child.signal(how);
      await child.exit(switchMs);
      await after(runs, child, primary);
      await alice.until("taken");
      await denied(primary, []);
    }
  }

  assert.ok((await last(over!)).includes("deny"));
  assert.equal(alice.outcome, "refused");
  await denied(primary, DENIED);
  const mirrored = await pair.target.client.readTopic(topic);
  const written = await pair.source.client.readTopic(topic);
  assert.equal(mirrored.length, written.length);
  await mirror.stop();

  await using back = pair.mirror([topic], {}, undefined, [
    "--from",
    "secondary",
  ]);
  await using there = new Writer(secondary, "alice", leaders.length);
  await there.until("taken");
  await runs.json("failback");
  assert.ok((await last(home!)).includes("deny"));
  assert.equal(there.outcome, "refused");
  await alice.until("taken");
  await denied(primary, []);
  await denied(secondary, DENIED);
  await there[Symbol.asyncDispose]();
  await back.stop();

  // Without any wish for it: whoever comes to that cluster is to be taken there.
  await runs.json("failover", "--force");
  await denied(secondary, []);
}

type Task = "failover" | "failback";

const ENDINGS: readonly (readonly [
  Deno.Signal,
  (runs: FailbackRuns, child: Child, left: KafkaCluster) => Promise<void>,
])[] = [
  // It gives up by itself.
  ["SIGTERM", async (_, child) => {
    const said = child.lines("stderr").join("\n");
    await Promise.resolve(
      assert.match(said, /given up: the primary is active/),
    );
  }],
  ["SIGKILL", async (runs, _, left) => {
    await denied(left, DENIED);
    const { state } = await runs.json("failover", "--cancel");
    assert.deepEqual([state.active, state.phase], ["primary", "steady"]);
  }],
];

const DENIED = [
  "group * read User:alice",
  "topic * write User:alice",
  "topic switchyard-denied write User:alice",
];

/** Writes again and again, to every partition, whatever comes of it. */
class Writer implements AsyncDisposable {
  /** Of the last records; null: not the same everywhere. */
  outcome: "taken" | "refused" | null = null;
  #count = 0;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(cluster: KafkaCluster, username: string, partitions: number) {
    this.#running = this.#run(cluster, username, partitions);
  }

  /** The next records but one, which were sent after the call, fare so. */
  async until(outcome: "taken" | "refused"): Promise<void> {
    const from = this.#count + 2;
    await eventually(
      () => this.#count >= from && this.outcome === outcome,
      { what: `${outcome}: what the client writes`, timeoutMs: switchMs },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(
    cluster: KafkaCluster,
    username: string,
    partitions: number,
  ): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const codes = await Promise.all(
        Array.from(
          { length: partitions },
          (_, partition) => written(cluster, username, partition),
        ),
      );
      const outcomes = new Set(
        codes.map((code) => code === null ? "taken" : "refused"),
      );
      this.outcome = outcomes.size === 1 ? [...outcomes][0]! : null;
      this.#count++;
      await pause(50, this.#stop.signal);
    }
  }
}

/** As the section has them, in its order. */
async function documented() {
  const document = await Deno.readTextFile(DOCUMENT);
  const [, section] = /^## Keeping clients away\n(.*?)^## /ms.exec(document) ??
    [];
  const commands = Array.from(
    section!.matchAll(/^ {4}deno task (.*)$/gm),
    ([, command]) => command!.split(" "),
  );
  const [deny, restore] = Array.from(
    section!.matchAll(/^```sh\n(.*?)^```/gms),
    ([, code]) => code!.replaceAll("\\\n", " ").trim().split("\n"),
  );
  return { commands, deny: deny!, restore: restore! };
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

/** Resolves when every broker acts by these and by no others. */
async function denied(
  { bootstrapServers, brokers }: KafkaCluster,
  rules: readonly string[],
): Promise<void> {
  await using admin = new Admin(library, {
    "bootstrap.servers": bootstrapServers,
  });
  for (const { nodeId: broker } of brokers) {
    await eventually(async () => {
      const found = await admin.acls.describe(
        { permission: "deny" },
        { ...request, broker },
      );
      const told = found.map(({ name, operation, principal, resource }) =>
        `${resource} ${name} ${operation} ${principal}`
      ).sort();
      assert.deepEqual(told, rules);
      return true;
    }, { what: `the denials of broker ${broker}` });
  }
}

/** @returns why it was refused; null: it was not. */
async function written(
  { loginServers }: KafkaCluster,
  username: string,
  partition = 0,
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
    await sender.send([{ topic, partition, value: "a" }], signal);
    return null;
  } catch (error) {
    if (!(error instanceof KafkaError)) throw error;
    return error.code;
  }
}

const { signal } = new AbortController();
