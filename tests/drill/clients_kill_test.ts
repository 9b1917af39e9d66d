/**
 * All brokers of the primary are killed, and nobody does anything. Clients that
 * are not ours (librdkafka's own and Kafka's command-line tools, with their
 * default settings) must go on by themselves on the secondary. In a soak the
 * primary hangs and is cut off, too, and the clients' time-outs are short.
 */
import assert from "node:assert/strict";
import {
  ClientsWorld,
  type ClusterFault,
  cutOffAll,
  frozenAll,
  goneOn,
  killedAll,
  type Switched,
} from "../support/clients_world.ts";
import { type ClientOptions, impatient } from "../support/followed_clients.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { isSoak } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";
import { judgeConsumer, type LogRecord, onSecondary } from "./clients_judge.ts";

const topic = "orders";
const committed = { isolation: "read_committed" } as const;
const moveMs = 90_000;

interface Scenario {
  readonly fault: ClusterFault;
  readonly settings?: {
    readonly rdkafka: ClientOptions["properties"];
    readonly java: ClientOptions["properties"];
  };
}

const scenarios: Readonly<Record<string, Scenario>> = {
  "is killed": { fault: killedAll },
  ...isSoak
    ? {
      "hangs, with short time-outs": { fault: frozenAll, settings: impatient },
      "is cut off, with short time-outs": {
        fault: cutOffAll,
        settings: impatient,
      },
    }
    : {},
};

for (const [name, scenario] of Object.entries(scenarios)) {
  realKafkaTest(
    `unmodified clients of a primary that ${name} go on on the secondary without a restart, and miss no record of it`,
    () => drill(name, scenario),
  );
}

async function drill(name: string, scenario: Scenario): Promise<void> {
  await using world = await ClientsWorld.start(topic);
  try {
    await world.begin(scenario.settings);
    await judged(name, world, scenario.fault);
  } catch (error) {
    world.tellFailure();
    throw error;
  }
}

async function judged(
  name: string,
  world: ClientsWorld,
  fault: ClusterFault,
): Promise<void> {
  const released = await world.released();
  const faultMs = Date.now();
  await using _ = await fault(world.clusters.primary);
  const switched = await world.switches(faultMs);
  const { promotedMs } = switched;
  const ready = await world.roles.sentinel.get("/readyz/gateway");
  assert.deepEqual(await ready.json(), { ok: true });
  const [producers, consumers] = [
    world.clients.slice(0, 2),
    world.clients.slice(2),
  ];
  await Promise.all(
    world.clients.map((each) => goneOn(each, 100, promotedMs, moveMs)),
  );
  const failures = world.clients.flatMap((each) =>
    each.failures().map((failure) => `${each.name}: ${failure}`)
  );
  await Promise.all(producers.map((each) => each[Symbol.asyncDispose]()));

  const log = await secondaryLog(world);
  const verdicts = await Promise.all(
    consumers.map((each) =>
      eventually(() => {
        const verdict = judgeConsumer(each.done(), log, promotedMs);
        if (verdict.missing.length === 0) return verdict;
        throw new Error(`${verdict.missing.length} missing`);
      }, { what: `whole: the ${each.name}`, timeoutMs: moveMs })
    ),
  );
  const there = new Set(log.map(({ value }) => value));
  const acknowledged = producers.flatMap((each) => each.done());
  report(name, world, switched, log, {
    tail: acknowledged.filter(({ value }) => !there.has(value)).length,
    acknowledged: acknowledged.length,
    repeated: verdicts.map(({ oldestRepeatedMs, repeated }) => ({
      repeated,
      upToMsBefore: oldestRepeatedMs === null
        ? null
        : faultMs - oldestRepeatedMs,
    })),
  });
  assert.deepEqual(failures, []);
  for (const each of producers) {
    const late = each.done().filter(({ atMs }) => atMs >= promotedMs);
    assert.deepEqual(onSecondary(late, log, promotedMs), late, each.name);
  }
  for (const [index, { began, jumps }] of verdicts.entries()) {
    const { name } = consumers[index]!;
    assert.deepEqual(jumps, [], name);
    const positions = released.get(2 + index)!;
    assert.ok(
      positions.every((at, partition) => began[partition]! >= at),
      `${name}: from ${began} on, positions were ${positions}`,
    );
  }
}

async function secondaryLog({ reader }: ClientsWorld): Promise<LogRecord[]> {
  const log: LogRecord[] = [];
  const decoder = new TextDecoder();
  await reader.visitTopic(topic, (records) => {
    for (const { offset, partition, value } of records) {
      log.push({ offset, partition, value: decoder.decode(value!) });
    }
  }, committed);
  return log;
}

/** Printed, not judged: how long it takes is the machine's matter, too. */
function report(
  name: string,
  { clients }: ClientsWorld,
  { decidedMs, faultMs, promotedMs }: Switched,
  log: readonly LogRecord[],
  figures: Readonly<Record<string, unknown>>,
): void {
  const gaps = clients.map((each) => {
    const firstMs = onSecondary(each.done(), log, promotedMs)[0]!.atMs;
    return [each.name, {
      sinceFaultMs: firstMs - faultMs,
      sinceDecisionMs: firstMs - decidedMs,
      sincePromotionMs: firstMs - promotedMs,
    }];
  });
  console.log(JSON.stringify({
    scenario: name,
    load: Deno.loadavg()[0]!.toFixed(1),
    decidedAfterMs: decidedMs - faultMs,
    promotedAfterMs: promotedMs - faultMs,
    gaps: Object.fromEntries(gaps),
    ...figures,
  }));
}
