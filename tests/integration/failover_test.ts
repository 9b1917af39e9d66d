/** `failover` as a process, with a mirror at work, on two real clusters. */
import assert from "node:assert/strict";
import { sealLanes } from "../../dr/failover/seal.ts";
import {
  type DrState,
  ensureStateTopics,
  HISTORY_TOPIC,
  STATE_TOPIC,
  StateStore,
} from "../../dr/state/mod.ts";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import { stateClusters, statesUpTo, TIMINGS } from "../support/dr_state.ts";
import { library } from "../support/embedded.ts";
import {
  expectPromotion,
  failover,
  failoverIn,
  type FailoverReport,
} from "../support/failover_run.ts";
import { expectFailoverTraced } from "../support/failover_spans.ts";
import type { KafkaRecord } from "../support/independent_client.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import type { MirrorRun } from "../support/mirror_run.ts";
import { NumberedLoad } from "../support/numbered_load.ts";
import { OtlpReceiver } from "../support/otlp_receiver.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { NEVER_MIRRORED, TestPool } from "../support/test_pool.ts";
import { eventually } from "../support/wait.ts";

const input = "logins";
const output = "logins-processed";
const partitions = 3;
const group = "pool/of-the-test";
const LANES = "switchyard-lanes.primary.internal";
const DONE = "switchyard-done.primary.internal";
const { signal } = new AbortController();
const env = { MIRROR_GROUP_SYNC: "true", MIRROR_CUT_INTERVAL_MS: "300" };
const decoder = new TextDecoder();

realKafkaTest(
  "a failover while the primary answers is refused without force, and with it ends the mirror until the state lets it go on",
  async () => {
    await using pair = await MirrorPair.start();
    try {
      await forced(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

realKafkaTest(
  "after a kill of the primary the secondary is promoted, and what is there already is written down",
  async () => {
    await using pair = await MirrorPair.start();
    try {
      await killed(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

async function forced(pair: MirrorPair): Promise<void> {
  await pair.create(input, partitions);
  await using mirror = pair.mirror([input], env);
  /** Its topics may have no leader yet when it starts. */
  let atFirst = 0;
  {
    await using _load = new NumberedLoad(pair.source, input, partitions);
    await mirror.running();
    await copied(mirror, 200);

    const refused = await failover(pair);
    assert.equal(refused.code, 1);
    assert.match(refused.said, /the primary answers.*--force/);
    const dry = await failover(pair, "--dry-run", "--json");
    assert.equal(dry.code, 0, dry.said);
    assert.equal(dry.report.stage, "begin");
    assert.equal(dry.report.isPrimaryAlive, true);
    assert.ok(!(await pair.target.client.topics()).includes(STATE_TOPIC));

    atFirst = mirror.beginnings().length;
    await sealed(pair, mirror);
    const promoted = await failover(pair, "--force", "--json");
    assert.equal(promoted.code, 0, promoted.said);
    expectPromotion(promoted.report, 2);

    await mirror.until("idle", isIdle);
    const ends = await endsOf(pair);
    // It goes on being written to, and another mirror comes.
    await using late = pair.mirror([input], env);
    await late.until("idle, too", isIdle);
    const { copied: before } = await copies(mirror);
    const written = await writtenTo(pair, 500);
    assert.ok(written >= 500);
    assert.deepEqual(await endsOf(pair), ends);
    assert.equal((await copies(mirror)).copied, before);
    assert.equal(await mirror.metric("switchyard_mirror_idle"), 1);
    assert.match(await mirror.readiness(), /^503 .*the secondary is active/);
    await late.stop();

    // Though the primary answers.
    const again = await failover(pair, "--json");
    assert.equal(again.code, 0, again.said);
    assert.equal(again.report.outcome, "already");
  }
  // As a failback will: the primary is active again, in an era of its own.
  await stated(pair, { active: "primary", phase: "steady", era: 3 });
  await mirror.until("at work again", worksIn(3));
  await pair.caughtUp([input], [mirror]);
  // Each lane was fenced twice at the most, and did not try again and again.
  assert.ok(mirror.beginnings().length - atFirst <= 4);
  await mirror.stop();
  await pair.isExact([{ name: input }]);
}

/** Nothing tells the mirror but the seal, until there is a state of its era. */
async function sealed(pair: MirrorPair, mirror: MirrorRun): Promise<void> {
  const { target } = pair;
  const parts = {
    library,
    admin: target.admin,
    properties: { "bootstrap.servers": target.cluster.bootstrapServers },
    onEvent: () => {},
    flow: { source: "primary", target: "secondary" },
    lanes: 2,
  };
  await sealLanes(parts, 1, signal);
  await mirror.until(
    "sealed",
    ({ lanes, phase }) =>
      phase === "running" && lanes.length === 2 &&
      lanes.every(({ state }) => state === "sealed"),
  );
  assert.match(await mirror.readiness(), /^503 .*lane 0 is sealed/);
  const ends = await endsOf(pair);
  await writtenTo(pair, 500);
  assert.deepEqual(await endsOf(pair), ends);
  assert.deepEqual(await sealsOf(pair), [1, 1]);
  await eventually(
    () => mirror.log(/^group positions are released no more$/).length === 1,
    { what: "told by who releases positions" },
  );
  const { admin } = target;
  await ensureStateTopics({
    admin,
    cluster: "secondary",
    replicationFactor: 1,
    timeoutMs: 30_000,
  }, signal);
  await stated(pair, { active: "primary", phase: "steady", era: 1 });
  await mirror.until("at work again", worksIn(1));
  const { mirrored } = (await mirror.status()).totals;
  await copied(mirror, mirrored + 200);
}

const worksIn =
  (its: number): Parameters<MirrorRun["until"]>[1] => ({ era, lanes, phase }) =>
    phase === "running" && era === its && lanes.length === 2 &&
    lanes.every(({ state }) => state === "running");

async function killed(pair: MirrorPair): Promise<void> {
  const { source, target } = pair;
  await pair.create(input, partitions);
  await pair.create(output, 2);
  await ensureStateTopics({
    admin: target.admin,
    cluster: "secondary",
    replicationFactor: 1,
    timeoutMs: 30_000,
  }, signal);
  await using collector = new OtlpReceiver();
  const traced = { ...env, ...collector.environment };
  await using mirror = pair.mirror([input, output], traced);
  await mirror.running();
  {
    await using _load = new NumberedLoad(pair.source, input, partitions);
    await using pool = new TestPool({
      bootstrapServers: source.cluster.bootstrapServers,
      group,
      input,
      inputPartitions: partitions,
      output,
      outputPartitions: 2,
    });
    await eventually(async () => {
      const positions = await target.client.committedOffsets(group, input);
      return positions.filter((each) => (each?.offset ?? 0) > 100).length ===
        partitions;
    }, { what: "released on the secondary", timeoutMs: 90_000 });
    const { transactions } = pool;
    await eventually(() => pool.transactions > transactions + 20, {
      what: "getting on",
    });
    await source.cluster.brokers[0]!.kill();
  }
  const promoted = await failoverIn(
    traced,
    pair,
    "--json",
    "--reason",
    "killed",
  );
  assert.equal(promoted.code, 0, promoted.said);
  expectPromotion(promoted.report, 1);
  console.log(promoted.said.trim());
  await expectFailoverTraced(collector, "killed");

  // All that is there can be read.
  const queries = [input, output].flatMap((topic) =>
    Array.from(
      { length: topic === input ? partitions : 2 },
      (_, partition) => ({
        topic,
        partition,
        at: "latest" as const,
      }),
    )
  );
  const [high, stable] = await Promise.all(
    [false, true].map((readCommitted) =>
      target.admin.partitions.offsets(queries, {
        timeoutMs: 30_000,
        readCommitted,
      })
    ),
  );
  assert.deepEqual(
    stable!.map(({ offset }) => offset),
    high!.map(({ offset }) => offset),
  );

  const states = await statesUpTo(
    target.cluster.bootstrapServers,
    HISTORY_TOPIC,
    promoted.report.state!.epoch,
  );
  assert.deepEqual(
    // Whoever is at it for long says so again.
    states.map(({ active, era, phase }) => `${active} ${phase} ${era}`)
      .filter((each, at, all) => each !== all[at - 1]),
    ["primary fencing 0", "secondary steady 1"],
  );
  assert.equal(states.at(-1)!.reason, "killed");
  assert.equal(states.at(-1)!.lanes, 2);

  // Neither who mirrored nor who comes later mirrors, or ends.
  await mirror.until("idle", isIdle);
  const ends = await endsOf(pair);
  await using late = pair.mirror([input, output], env);
  await late.until("idle, too", isIdle);
  assert.deepEqual(await endsOf(pair), ends);
  assert.deepEqual(await sealsOf(pair), [1, 1]);

  await expectOutputs(pair, promoted.report);
  await Promise.all([mirror.stop(), late.stop()]);
}

/** From the records alone: which outputs are there, and of which inputs. */
async function expectOutputs(
  { target }: MirrorPair,
  report: FailoverReport,
): Promise<void> {
  const { client } = target;
  const committed = { isolation: "read_committed" } as const;
  const [inputs, outputs, written, positions] = [
    await client.readTopic(input, committed),
    await client.readTopic(output, committed),
    await client.readTopic(DONE, committed),
    await client.committedOffsets(group, input),
  ];
  const copies = new Map(
    inputs.map((each) => [textOf(each.value), each.offset]),
  );
  const done = new Set<string>();
  const tail = new Set<string>();
  for (const { headers } of outputs) {
    const header = headers.find(({ name }) => name === COORDINATES_HEADER);
    const [, , partition, offset, ordinal, , topic, ...rest] = textOf(
      header!.value,
    )
      .split("/");
    assert.deepEqual([topic, rest.join("/")], [output, group]);
    const at = copies.get(`${partition}-${offset}`);
    if (at === undefined) tail.add(`${partition} ${offset} ${ordinal}`);
    else if (at >= (positions[Number(partition)]?.offset ?? 0)) {
      done.add(`${partition} ${at} ${ordinal}`);
    }
  }
  const found = { done: new Set<string>(), tail: new Set<string>() };
  for (const { key, value } of written) {
    const [kind, era] = textOf(key).split("/");
    assert.equal(era, "1");
    const entries = JSON.parse(textOf(value))[kind!] as {
      group: string;
      topic: string;
      topicId: string;
      output: string;
      count: number;
      partition: number;
      outputs: [number, ...number[]][];
    }[];
    for (const { group: its, outputs, partition, topic } of entries) {
      assert.deepEqual([its, topic], [group, input]);
      for (const [offset, ...ordinals] of outputs) {
        for (const ordinal of ordinals) {
          found[kind as "done" | "tail"].add(
            `${partition} ${offset} ${ordinal}`,
          );
        }
      }
    }
  }
  assert.deepEqual([...found.done].sort(), [...done].sort());
  // Inputs that do not exist may have had outputs before the last cut.
  const isReal = (each: string) => Number(each.split(" ")[1]) < NEVER_MIRRORED;
  assert.deepEqual(
    [...found.tail].filter(isReal).sort(),
    [...tail].filter(isReal).sort(),
  );
  assert.ok(found.tail.isSubsetOf(tail));
  assert.deepEqual(
    [report.done, report.tail],
    [done.size, found.tail.size],
  );
  console.log(`${done.size} done, ${found.tail.size} in the tail`);
}

const isIdle: Parameters<MirrorRun["until"]>[1] = (
  { era, idle, lanes, phase },
) =>
  phase === "idle" && era === null && lanes.length === 0 &&
  /the secondary is active/.test(idle ?? "");

/** Of all partitions of the target that a mirror writes to. */
async function endsOf({ target }: MirrorPair): Promise<unknown> {
  const topics = (await target.client.topics())
    .filter((topic) => topic === input || topic === output || topic === LANES);
  return await Promise.all(
    topics.sort().map(async (topic) => [
      topic,
      (await target.client.watermarks(topic)).map(({ high }) => high),
    ]),
  );
}

/** By lane: the era of the last record of its log. */
async function sealsOf({ target }: MirrorPair): Promise<number[]> {
  const eras: number[] = [];
  const records = await target.client.readTopic(LANES, {
    isolation: "read_committed",
  });
  for (const { partition, value } of records) {
    const [version, , era] = value!;
    assert.equal(version, 1);
    eras[partition] = era!;
  }
  return eras;
}

async function copies(mirror: MirrorRun): Promise<{ copied: number }> {
  return { copied: (await mirror.status()).totals.mirrored };
}

const copied = (mirror: MirrorRun, least: number) =>
  mirror.until(`copied ${least}`, ({ totals }) => totals.mirrored >= least);

/** Resolves when so many more were written to the primary. */
async function writtenTo({ source }: MirrorPair, more: number) {
  const count = async () =>
    (await source.client.watermarks(input))
      .reduce((sum, { high }) => sum + high, 0);
  const before = await count();
  return await eventually(async () => {
    const written = await count() - before;
    return written >= more ? written : 0;
  }, { what: "written to the primary", timeoutMs: 60_000 });
}

async function stated(
  { source, target }: MirrorPair,
  change: Pick<DrState, "active" | "phase" | "era">,
): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const clusters = stateClusters(stack, {
    primary: source.cluster.bootstrapServers,
    secondary: target.cluster.bootstrapServers,
  });
  const store = stack.use(new StateStore({ ...clusters, timings: TIMINGS }));
  await store.change(
    (newest) => ({ lanes: 2, ...newest, ...change, reason: "test" }),
    { force: true, signal },
  );
}

const textOf = (bytes: KafkaRecord["value"]) => decoder.decode(bytes!);
