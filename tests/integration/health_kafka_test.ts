/** What a prober sees of a real broker that hangs, dies and comes back. */
import assert from "node:assert/strict";
import { PROBE_TOPIC } from "../../dr/health/mod.ts";
import { clusterSteps } from "../support/cluster_steps.ts";
import { text } from "../support/embedded.ts";
import { eventually, within } from "../support/wait.ts";
import { kindsOf, WatchedCluster } from "../support/watched_cluster.ts";

const WATCHED = { topics: ["orders"] };
const LOGIN = {
  "security.protocol": "sasl_plaintext",
  "sasl.mechanisms": "PLAIN",
  "sasl.username": "ada",
  "sasl.password": "secret",
} as const;

clusterSteps("a prober", { users: { ada: "secret" } }, {
  "calls a cluster that works healthy, and its records make the way": async (
    { client, cluster },
  ) => {
    await cluster.createTopic("orders", 2);
    await using watched = new WatchedCluster(cluster.bootstrapServers, WATCHED);
    const report = await watched.becomes("healthy");
    assert.deepEqual(kindsOf(report), ["passed", "passed", "passed", "passed"]);
    assert.deepEqual(report.reasons, []);
    const records = await client.readTopic(PROBE_TOPIC);
    const texts = records.map(({ value }) => text(value));
    assert.ok(texts.includes("test 1") && texts.includes("test 2"), `${texts}`);
  },

  "calls a broker that hangs down, and healthy when it goes on": async (
    { cluster },
  ) => {
    await using watched = new WatchedCluster(cluster.bootstrapServers, WATCHED);
    await watched.becomes("healthy");
    const [broker] = cluster.brokers;
    broker!.pause();
    const { reasons, sincePassedMs } = await watched.becomes("down");
    assert.match(reasons[0]!, /brokers do not answer: .* hangs/);
    assert.ok(sincePassedMs !== null && sincePassedMs > 0);
    broker!.resume();
    await watched.becomes("healthy");
    // A busy machine may make it suspect once more, before or after.
    const { changes } = watched;
    assert.equal(changes[changes.indexOf("down") - 1], "suspect");
    assert.deepEqual([changes[0], changes.at(-1)], ["healthy", "healthy"]);
    changes.forEach((each, at) => {
      if (each === "down") assert.notEqual(changes[at + 1], "healthy");
    });
  },

  "calls a broker that was killed down, and healthy when it is back": async (
    { cluster },
  ) => {
    await using watched = new WatchedCluster(cluster.bootstrapServers, WATCHED);
    await watched.becomes("healthy");
    const [broker] = cluster.brokers;
    await broker!.kill();
    const { reasons } = await watched.becomes("down");
    assert.match(reasons[0]!, /brokers do not answer: .* refuses/);
    await broker!.restart();
    await watched.becomes("healthy");
  },

  "stops while a broker hangs, with all its clients": async ({ cluster }) => {
    const watched = new WatchedCluster(cluster.bootstrapServers, WATCHED);
    await watched.becomes("healthy");
    const [broker] = cluster.brokers;
    broker!.pause();
    try {
      await watched.becomes("down");
      await within(watched[Symbol.asyncDispose](), 30_000, "stopped");
    } finally {
      broker!.resume();
    }
  },

  "does not call a cluster down that refuses its login": async (
    { cluster },
  ) => {
    await using watched = new WatchedCluster(cluster.loginServers, {
      ...WATCHED,
      properties: { ...LOGIN, "sasl.password": "wrong" },
    });
    const report = await watched.until(
      "told that the login is refused",
      (each) =>
        kindsOf(each).filter((kind) => kind === "inconclusive").length === 3 &&
        each.probes.metadata.count > 5,
    );
    assert.equal(report.health, "unknown");
    assert.match(report.reasons.join("\n"), /metadata: .*[Aa]uthentication/);
    assert.ok(!watched.changes.includes("down"));
  },

  "calls a cluster healthy by what it may ask": async ({ cluster }) => {
    await using watched = new WatchedCluster(cluster.loginServers, {
      ...WATCHED,
      properties: LOGIN,
    });
    const report = await watched.becomes("healthy");
    assert.deepEqual(kindsOf(report), [
      "passed",
      "passed",
      "inconclusive",
      "inconclusive",
    ]);
    await eventually(() => watched.prober.report.reasons.length === 2, {
      what: "told what may not be asked",
    });
  },
});
