/** Dead letters that are put back, on real Kafka, watched by another client. */
import assert from "node:assert/strict";
import { Child } from "../support/child.ts";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import type { KafkaRecord, NewRecord } from "../support/independent_client.ts";
import { createInput, recordsIn, topicsOf } from "../support/job.ts";
import { pause } from "../support/pause.ts";
import { within } from "../support/wait.ts";

const partitions = 3;
const timestampMs = 1_600_000_000_000;
const decoder = new TextDecoder();
const main = new URL("../../src/main.ts", import.meta.url).pathname;

clusterSteps("dead letters are put back", {}, {
  "as they were, where they were, and once": wholly,
  "as far as filters choose them, and the others later": chosen,
  "once although the command is killed again and again": killed,
  "by the newer of two commands, and the older one says so": contested,
});

async function wholly(fixture: ClusterFixture): Promise<void> {
  const { client } = fixture;
  const name = "whole";
  const { input, deadLetter } = topicsOf(name);
  const originals: NewRecord[] = [
    {
      key: "alice",
      value: new Uint8Array([0xff, 0, 1]),
      headers: [{ name: "trace", value: "a" }, { name: "trace", value: null }],
      timestampMs,
    },
    { key: "bob", value: null, timestampMs: timestampMs + 1 },
    { key: "carol", value: "{}", timestampMs: timestampMs + 2 },
  ];
  await create(fixture, name);
  // What the Java client makes of the keys, to compare with.
  await client.produce(input, originals);
  const before = byKey(await client.readTopic(input));
  await client.produce(deadLetter, [
    ...originals.map((record, offset) => letterOf(input, record, offset)),
    letterOf(input, { key: "dave", value: null }, 3, [
      { name: "switchyard.value.omitted", value: "2000000" },
    ]),
    { key: "erin", value: "of unknown origin" },
    // It had this when it failed again, so it stands before the reason.
    letterOf(input, {
      key: "frank",
      value: "again",
      headers: [{ name: "switchyard.redriven", value: "2" }],
    }, 4),
  ]);

  assert.deepEqual(await redrive(fixture, name), {
    event: "redrive",
    redriven: 4,
    skipped: 1,
    omitted: 1,
  });
  // Once more, which finds nothing to do, and waits until what was committed is
  // to be read.
  assert.deepEqual(await redrive(fixture, name), {
    event: "redrive",
    redriven: 0,
    skipped: 1,
    omitted: 1,
  });
  const records = await client.readTopic(input, {
    isolation: "read_committed",
  });
  const after = byKey(records.filter(({ headers }) => isRedriven(headers)));
  for (const [key, { headers, offset: _, ...expected }] of before) {
    const { headers: theirs, offset: __, ...rest } = after.get(key)!;
    assert.deepEqual(rest, expected);
    assert.deepEqual(shown(theirs), [
      ...shown(headers),
      ["switchyard.redriven", "1"],
    ]);
  }
  assert.deepEqual(shown(after.get("frank")!.headers), [
    ["switchyard.redriven", "3"],
  ]);
  assert.equal(after.size, 4);
}

async function chosen(fixture: ClusterFixture): Promise<void> {
  const { client } = fixture;
  const name = "chosen";
  const { input, deadLetter } = topicsOf(name);
  const other = `${name}-other`;
  await create(fixture, name);
  await fixture.cluster.createTopic(other, 1);
  const count = 300;
  await client.produce(deadLetter, letters(input, count));
  const put = async () =>
    numbersOf(await client.readTopic(input)).sort((a, b) => a - b);
  const thirds = (...rests: number[]) =>
    numbers(count).filter((each) => rests.includes(each % 3));

  const dry = await redrive(fixture, name, "--dry-run");
  assert.deepEqual([dry.redriven, dry.dryRun], [count, true]);
  assert.deepEqual(await put(), []);
  assert.ok(!(await client.topics()).includes(`${deadLetter}.redriven`));

  const first = await redrive(fixture, name, "--filter", "reason~=kind 1$");
  assert.deepEqual([first.redriven, first.skipped], [100, 200]);
  assert.deepEqual(await put(), thirds(1));
  // What was put back is not met again.
  const second = await redrive(
    fixture,
    name,
    "--filter=reason=kind 0",
    `--filter=time<${new Date(timestampMs + 150).toISOString()}`,
  );
  assert.deepEqual([second.redriven, second.skipped], [50, 150]);
  const some = await redrive(fixture, name, "--max", "10", "--to", other);
  assert.equal(some.redriven, 10);
  assert.equal((await client.readTopic(other)).length, 10);
  const rest = await redrive(fixture, name);
  assert.deepEqual([rest.redriven, rest.skipped], [140, 0]);
  const all = [
    ...numbersOf(await client.readTopic(other)),
    ...numbersOf(await client.readTopic(input)),
  ];
  assert.deepEqual(all.sort((a, b) => a - b), numbers(count));
}

async function killed(fixture: ClusterFixture): Promise<void> {
  const { client } = fixture;
  const name = "killed";
  const { input, deadLetter } = topicsOf(name);
  const count = 60_000;
  await create(fixture, name);
  await client.produce(deadLetter, letters(input, count));
  for (let kills = 0; kills < 3; kills++) {
    await using child = start(fixture, name);
    await stopAfter(fixture, child, name, (kills + 1) * 10_000);
    child.signal("SIGKILL");
    assert.equal((await child.exit()).signal, "SIGKILL");
  }
  const { redriven } = await redrive(fixture, name);
  assert.ok(redriven > 0 && redriven < count, `${redriven} in the last run`);
  await assertOnce(fixture, name, count);
}

async function contested(fixture: ClusterFixture): Promise<void> {
  const { client } = fixture;
  const name = "contested";
  const { input, deadLetter } = topicsOf(name);
  const count = 60_000;
  await create(fixture, name);
  await client.produce(deadLetter, letters(input, count));
  await using older = start(fixture, name);
  await stopAfter(fixture, older, name, 5_000);
  const newer = await redrive(fixture, name);
  older.signal("SIGCONT");
  const { code } = await older.exit(60_000);
  assert.equal(code, 1);
  assert.match(
    older.lines("stderr").join("\n"),
    /another redrive .* taken over/,
  );
  const { redriven } = JSON.parse(older.lines("stdout").at(-1)!);
  assert.equal(redriven + newer.redriven, count);
  await assertOnce(fixture, name, count);
}

interface Summary {
  readonly event: string;
  readonly redriven: number;
  readonly skipped: number;
  readonly omitted: number;
  readonly dryRun?: boolean;
}

function start(
  { cluster }: ClusterFixture,
  name: string,
  ...args: readonly string[]
): Child {
  const { group, input } = topicsOf(name);
  return Child.deno(["run", "-A", "--no-check", main, "redrive", ...args], {
    env: {
      PRIMARY_BROKERS: cluster.bootstrapServers,
      INPUT_TOPIC: input,
      GROUP_ID: group,
    },
  });
}

/** Runs the command to a clean end. */
async function redrive(
  fixture: ClusterFixture,
  name: string,
  ...args: readonly string[]
): Promise<Summary> {
  await using child = start(fixture, name, ...args);
  const { code } = await child.exit(60_000);
  assert.equal(code, 0, child.lines("stderr").join("\n"));
  const lines = child.lines("stdout");
  assert.equal(lines.length, 1);
  return JSON.parse(lines[0]!);
}

async function create(
  { client, cluster }: ClusterFixture,
  name: string,
): Promise<void> {
  await createInput(cluster, client, { name, partitions });
  await cluster.createTopic(topicsOf(name).deadLetter, partitions);
}

/**
 * Stops it when so many are in the input topic, committed or not. It stands still
 * while they are counted, so that it is not done before that is known.
 */
async function stopAfter(
  { client }: ClusterFixture,
  child: Child,
  name: string,
  records: number,
): Promise<void> {
  const count = async () => {
    const counts = await recordsIn(client, topicsOf(name).input);
    return counts.reduce((sum, each) => sum + each, 0);
  };
  const stopping = (async () => {
    for (;;) {
      assert.ok(child.alive, "it has ended before");
      child.signal("SIGSTOP");
      const startedMs = performance.now();
      if (await count() >= records) return;
      child.signal("SIGCONT");
      // It must get on, too, where counting takes long, but not to its end.
      const countedMs = performance.now() - startedMs;
      await pause(Math.min(100, Math.max(10, countedMs)));
    }
  })();
  await within(stopping, 120_000, `written ${records}`);
}

async function assertOnce(
  fixture: ClusterFixture,
  name: string,
  count: number,
): Promise<void> {
  const { client } = fixture;
  // Finds nothing to do, and waits until what was committed is to be read.
  assert.equal((await redrive(fixture, name)).redriven, 0);
  const times = new Uint32Array(count);
  await client.visitTopic(topicsOf(name).input, (records) => {
    for (const number of numbersOf(records)) times[number]!++;
  }, { isolation: "read_committed" });
  assert.equal(times.filter((each) => each === 0).length, 0, "missing");
  assert.equal(times.filter((each) => each > 1).length, 0, "twice");
}

function letterOf(
  topic: string,
  record: NewRecord,
  offset: number,
  more: NewRecord["headers"] = [],
  reason = "bad",
): NewRecord {
  return {
    ...record,
    headers: [
      ...record.headers ?? [],
      { name: "switchyard.reason", value: reason },
      { name: "switchyard.topic", value: topic },
      { name: "switchyard.partition", value: "0" },
      { name: "switchyard.offset", value: String(offset) },
      { name: "switchyard.group", value: "any" },
      ...more,
    ],
  };
}

function* letters(topic: string, count: number): Generator<NewRecord> {
  for (const number of numbers(count)) {
    const record = {
      key: `key-${number}`,
      value: String(number),
      timestampMs: timestampMs + number,
    };
    yield letterOf(topic, record, number, [], `kind ${number % 3}`);
  }
}

const numbers = (count: number) =>
  Array.from({ length: count }, (_, number) => number);

const numbersOf = (records: readonly KafkaRecord[]) =>
  records.map(({ value }) => Number(decoder.decode(value!)));

const byKey = (records: readonly KafkaRecord[]) =>
  new Map(records.map((each) => [decoder.decode(each.key!), each]));

const shown = (headers: KafkaRecord["headers"]) =>
  headers.map(({ name, value }) => [name, value && decoder.decode(value)]);

const isRedriven = (headers: KafkaRecord["headers"]) =>
  headers.some(({ name }) => name === "switchyard.redriven");
