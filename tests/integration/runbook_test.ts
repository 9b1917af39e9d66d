/** Each command of docs/disaster-recovery.md, run as it stands there. */
import assert from "node:assert/strict";
import { freePorts } from "../support/free_port.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { Runbook, told } from "../support/runbook.ts";
import { DRILLS, ELSEWHERE } from "../support/runbook_commands.ts";

const topic = "orders";
const committed = { isolation: "read_committed" } as const;
const endMs = 120_000;

realKafkaTest(
  "the runbook's commands bring a cluster pair over and home again",
  async () => {
    await using pair = await MirrorPair.start();
    const { source, target } = pair;
    const runbook = await Runbook.read({
      PRIMARY_BROKERS: source.cluster.bootstrapServers,
      SECONDARY_BROKERS: target.cluster.bootstrapServers,
      MIRROR_TOPICS: topic,
      MIRROR_LANES: "2",
      SENTINEL_MODE: "advise",
      SENTINEL_TOPICS: topic,
      STATE_REPLICATION_FACTOR: "1",
      GATEWAY_LISTEN: `127.0.0.1:${freePorts(1)[0]}`,
      HTTP_PORT: "0",
    });
    try {
      await follow(pair, runbook);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
    const others = [...DRILLS, ...Object.keys(ELSEWHERE)];
    assert.deepEqual(runbook.notRun.sort(), others.sort());
  },
);

async function follow(pair: MirrorPair, runbook: Runbook): Promise<void> {
  const { source, target } = pair;
  const write = ({ client }: typeof source, value: string) =>
    client.produce(topic, [{ key: "k", value }]);
  await pair.create(topic, 1);

  const sentinel = runbook.start("sentinel");
  await using _sentinel = sentinel;
  await sentinel.waitForLine(/"message":"started"/, { timeoutMs: endMs });
  assert.match(await runbook.run("doctor"), /no broker id in common/);

  // As planned, and home again.
  let mirror = pair.mirror([topic]);
  await mirror.running();
  await write(source, "one");
  await runbook.run('failover --planned --reason "maintenance"');
  await mirror.stop();
  await write(target, "two");
  await comeHome(runbook);

  // Without the primary.
  mirror = pair.mirror([topic]);
  await mirror.running();
  await write(source, "three");
  await pair.caughtUp([topic], [mirror]);
  await mirror.stop();
  await write(source, "tail");
  await source.cluster.brokers[0]!.kill();
  assert.match(await runbook.run("failover --cancel"), /nothing to give up/);
  assert.match(await runbook.run("failover --dry-run"), /seal/);
  await runbook.run('failover --reason "primary is gone"');
  assert.match(await runbook.run("failover"), /nothing to do/);
  assert.match(await runbook.run("status"), /secondary/);
  await write(target, "four");

  await source.cluster.brokers[0]!.restart();
  await source.admin.describeCluster({ timeoutMs: 60_000 });
  assert.match(await runbook.run("failback --dry-run"), /orders.*replay/);
  await runbook.run("failback --cancel");
  await comeHome(runbook);
  const values = async ({ client }: typeof source) =>
    (await client.readTopic(topic, committed))
      .map(({ value }) => new TextDecoder().decode(value!));
  const before = ["one", "two", "three"];
  assert.deepEqual(await values(source), [...before, "tail", "four"]);
  assert.deepEqual(await values(target), [...before, "four", "tail"]);
  sentinel.signal("SIGTERM");
  assert.equal((await sentinel.exit(endMs)).code, 0, told(sentinel));

  await runbook.drill("drill --clusters --scenario cut");
}

async function comeHome(runbook: Runbook): Promise<void> {
  await using back = runbook.start("mirror --from secondary");
  await runbook.run("failback");
  await runbook.run("failback --switch");
  back.signal("SIGTERM");
  assert.equal((await back.exit(endMs)).code, 0, told(back));
  assert.match(await runbook.run("status"), /primary/);
}
