/** `failback` as a process, on two real clusters of which one was killed. */
import assert from "node:assert/strict";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import { encodeCoordinates } from "../support/coordinates_text.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type { KafkaRecord } from "../support/independent_client.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";

const input = "logins";
const output = "logins-processed";
const settings = "settings";
const audit = "audit";
const trash = "trash";
const topics = [input, output, settings, audit, trash];
const group = "pool/of-the-test";
const DONE = "switchyard-done.primary.internal";
const committed = { isolation: "read_committed" } as const;
const env = {
  MIRROR_TOPICS: topics.join(","),
  OUTPUT_TOPIC: "elsewhere",
  HTTP_PORT: "0",
};
const PREFIX = 200;
/** Many transactions of the replay: it must not end before it is killed. */
const TAIL = 30_000;
const AUDIT_TAIL = 40;
/** Steps behind the replay, each of which is told when it is done. */
const LATER = ["done", "seed", "reverse"];
const decoder = new TextDecoder();

realKafkaTest(
  "a primary that was killed with a tail comes home, and every record is there once",
  async () => {
    await using pair = await MirrorPair.start();
    try {
      await comeHome(pair);
    } catch (error) {
      pair.tellFailure();
      throw error;
    }
  },
);

async function comeHome(pair: MirrorPair): Promise<void> {
  const { source, target } = pair;
  const runs = new FailbackRuns(pair, env);
  await pair.create(input, 2);
  await pair.create(output, 1);
  await pair.create(audit, 1);
  await pair.create(trash, 1);
  await pair.create(settings, 1, { "cleanup.policy": "compact" });
  const { clusterId } = await source.admin.describeCluster({
    timeoutMs: 30_000,
  });
  const topicId = await pair.idOf(input);
  const outputOf = (offset: number, ordinal: number, count: number) => ({
    value: `${offset}/${ordinal}`,
    headers: [{
      name: COORDINATES_HEADER,
      value: encodeCoordinates({
        clusterId: clusterId!,
        topicId,
        partition: 0,
        offset,
        ordinal,
        count,
        outputTopic: output,
        group,
      }),
    }],
  });

  // What is mirrored; of two inputs that will not be, outputs.
  await using mirror = pair.mirror(topics);
  await mirror.running();
  for (const partition of [0, 1]) {
    await source.client.produce(input, numbered(partition, 0, PREFIX));
  }
  await source.client.produce(audit, numbered(0, 0, 10));
  await source.client.produce(trash, numbered(0, 0, 10));
  await source.client.produce(settings, [{ key: "colour", value: "red" }]);
  await source.client.produce(output, [
    outputOf(0, 0, 1),
    outputOf(PREFIX + 5, 0, 2),
    outputOf(PREFIX + 7, 0, 2),
    outputOf(PREFIX + 7, 1, 2),
  ]);
  await pair.caughtUp(topics, [mirror]);
  await mirror.stop();

  // What is not.
  await source.client.produce(input, numbered(0, PREFIX, TAIL));
  await source.client.produce(input, numbered(1, PREFIX, 1));
  await source.client.produce(input, [{
    key: null,
    value: null,
    partition: 1,
    timestampMs: 1_234_567_890_123,
    headers: [{ name: "a", value: "1" }, { name: "a", value: null }],
  }]);
  await source.client.produce(input, numbered(1, 9_000, 50), {
    transaction: "abort",
  });
  await source.client.produce(audit, numbered(0, 10, AUDIT_TAIL));
  await source.client.produce(trash, numbered(0, 10, 3));
  await source.client.produce(settings, [{ key: "colour", value: "green" }]);
  await source.client.produce(output, [outputOf(20, 0, 1)]);
  await source.cluster.brokers[0]!.kill();
  const promoted = await runs.json("failover");
  assert.equal(promoted.tail, 3);

  // Clients go on there, and the primary returns.
  await target.client.produce(input, numbered(0, 100_000, 30));
  await target.client.produce(settings, [{ key: "colour", value: "blue" }]);
  const away = await runs.run("failback", "--dry-run");
  assert.equal(away.code, 1, away.said);
  assert.match(away.said, /the primary does not answer/);
  await source.cluster.brokers[0]!.restart();
  await source.admin.describeCluster({ timeoutMs: 60_000 });

  // It has nothing to do before it is all over.
  await using forward = pair.mirror(topics);

  const choice = ["--tail", `${trash}=discard`];
  const plan = await runs.json("failback", "--dry-run", ...choice);
  assert.equal(plan.stage, "recover");
  assert.deepEqual(plan.problems, []);
  assert.deepEqual(plan.resting, [group]);
  // Beside these the last heartbeat of the mirror may not have been copied.
  const tail = plan.tail
    .filter(({ topic }: { topic: string }) => topics.includes(topic));
  assert.deepEqual(
    tail.map((each: Record<string, unknown>) => [
      each.topic,
      each.class,
      each.treatment,
      each.target,
      each.records,
    ]),
    [
      [audit, "source", "replay", audit, AUDIT_TAIL],
      [input, "source", "replay", input, TAIL + 2],
      [output, "derived", "reconcile", null, 1],
      [settings, "compacted", "quarantine", `${settings}.quarantine`, 1],
      [trash, "source", "discard", null, 3],
    ],
  );
  assert.deepEqual(tail[1].partitions, [
    { partition: 0, records: TAIL, first: PREFIX, last: PREFIX + TAIL - 1 },
    { partition: 1, records: 2, first: PREFIX, last: PREFIX + 1 },
  ]);
  console.log((await runs.run("failback", "--dry-run", ...choice)).said);

  // Killed in the middle of the replay, and again, and run again.
  for (const below of ["", "[2-9]"]) {
    await using killed = runs.start("failback", ...choice);
    await killed.waitForLine(
      new RegExp(`^logins \\[0\\] dealt with below ${below}\\d+$`),
      { stream: "stderr", timeoutMs: 60_000 },
    );
    killed.signal("SIGKILL");
    await killed.exit();
  }
  const copies = await target.client.readTopic(input, committed);
  assert.ok(copies.length < 2 * PREFIX + TAIL + 30, "it was killed too late");

  // And behind each later step, as far as it has not got further by then.
  for (const at of LATER.keys()) {
    const { stage } = await runs.json("failback", "--dry-run", ...choice);
    if (stage !== "recover") break;
    await using killed = runs.start("failback", ...choice);
    await killed.waitForLine(
      new RegExp(`^(${LATER.slice(at).join("|")}) `),
      { timeoutMs: 90_000 },
    );
    killed.signal("SIGKILL");
    await killed.exit();
  }
  await expectRecovered(pair, { clusterId: clusterId!, topicId });
  const running = runs.start("failback", ...choice);
  await using _running = running;

  // Back: a mirror that copies what was written since, and no more.
  await target.client.produce(input, numbered(1, 200_000, 25));
  const sync = { MIRROR_GROUP_SYNC: "true", MIRROR_CUT_INTERVAL_MS: "300" };
  await using back = pair.mirror(topics, sync, undefined, [
    "--from",
    "secondary",
  ]);
  await running.waitForLine(/^catch up /, { timeoutMs: 90_000 });
  assert.equal((await running.exit()).code, 0);
  await expectReturned(pair);

  // The switch: a group that has read all goes on behind all.
  const readers = "readers";
  const alter = (offset: number) =>
    target.admin.groups.alterOffsets(
      readers,
      [{ topic: input, partition: 0, offset }],
      { timeoutMs: 30_000 },
    );
  await alter(PREFIX + 1);
  const early = await runs.run("failback", "--switch");
  assert.equal(early.code, 1, early.said);
  assert.match(early.said, /group readers has yet to read logins \[0\]/);
  const [watermark] = await target.client.watermarks(input);
  await alter(watermark!.high);
  const home = await runs.json("failback", "--switch");
  assert.deepEqual(
    [home.outcome, home.state.active, home.state.phase, home.state.era],
    ["home", "primary", "steady", 3],
  );
  console.log(JSON.stringify(home.steps));
  await back.until("idle", ({ phase }) => phase === "idle");
  const [released] = await source.client.committedOffsets(readers, input);
  const before = await source.client.readTopic(input, committed);
  const last = before.filter(({ partition }) => partition === 0).at(-1)!;
  assert.equal(released?.offset, last.offset + 1);
  const again = await runs.json("failback", "--switch");
  assert.equal(again.outcome, "nothing");

  // And the mirror goes on where both agree.
  const known = await target.client.readTopic(input, committed);
  await forward.running();
  await source.client.produce(input, numbered(0, 300_000, 20));
  await pair.caughtUp(topics, [forward]);
  const all = await target.client.readTopic(input, committed);
  assert.deepEqual(valuesOf(all, 0), [
    ...valuesOf(known, 0),
    ...numbersFrom(300_000, 20),
  ]);
  assert.deepEqual(valuesOf(all, 1), valuesOf(known, 1));
  await Promise.all([back.stop(), forward.stop()]);
}

/** On the secondary, each record once. */
async function expectRecovered(
  { target }: MirrorPair,
  ids: { readonly clusterId: string; readonly topicId: string },
): Promise<void> {
  const { admin, client } = target;
  const inputs = await client.readTopic(input, committed);
  const tail = inputs.filter((each) => originOf(each) !== null);
  const clients = inputs.filter((each) => originOf(each) === null);
  assert.deepEqual(
    valuesOf(clients, 0),
    [...numbersFrom(0, PREFIX), ...numbersFrom(100_000, 30)],
  );
  assert.deepEqual(valuesOf(clients, 1), numbersFrom(0, PREFIX));
  assert.deepEqual(valuesOf(tail, 0), numbersFrom(PREFIX, TAIL));
  assert.deepEqual(valuesOf(tail, 1), [String(PREFIX), null]);
  for (const partition of [0, 1]) {
    const its = tail.filter((each) => each.partition === partition);
    assert.deepEqual(
      its.map(originOf),
      its.map((_, at) =>
        `${ids.clusterId}/${ids.topicId}/${partition}/${PREFIX + at}`
      ),
    );
  }
  const odd = tail.at(-1)!.partition === 1
    ? tail.at(-1)!
    : tail.filter(({ partition }) => partition === 1).at(-1)!;
  assert.deepEqual([odd.key, odd.value], [null, null]);
  assert.equal(odd.timestampMs, 1_234_567_890_123);
  assert.deepEqual(
    odd.headers.slice(0, 2).map(({ name, value }) => [name, textOf(value)]),
    [["a", "1"], ["a", null]],
  );

  const audits = await client.readTopic(audit, committed);
  assert.deepEqual(valuesOf(audits, 0), numbersFrom(0, 10 + AUDIT_TAIL));
  const trashes = await client.readTopic(trash, committed);
  assert.deepEqual(valuesOf(trashes, 0), numbersFrom(0, 10));
  const colours = await client.readTopic(settings, committed);
  assert.deepEqual(valuesOf(colours, 0), ["red", "blue"]);
  const kept = await client.readTopic(`${settings}.quarantine`, committed);
  assert.deepEqual(valuesOf(kept, 0), ["green"]);
  assert.equal((await client.readTopic(output, committed)).length, 4);

  // What pools must not send again, where the inputs lie now.
  const offsetOf = (number: number) =>
    tail.find(({ partition, value }) =>
      partition === 0 && textOf(value) === String(number)
    )!.offset;
  const written = await client.readTopic(DONE, committed);
  const done = JSON.parse(
    textOf(
      written.findLast(({ key }) => textOf(key) === "done/2/0")!.value,
    )!,
  );
  const [summary] = await admin.topics.summarize([input], {
    timeoutMs: 30_000,
  });
  const place = {
    group,
    topic: input,
    topicId: summary!.topicId,
    partition: 0,
    output,
  };
  assert.deepEqual(done.done, [
    { ...place, count: 1, outputs: [[0, 0]] },
    {
      ...place,
      count: 2,
      outputs: [[offsetOf(PREFIX + 5), 0], [offsetOf(PREFIX + 7), 0, 1]],
    },
  ]);
}

/** On the primary: what it had, and then what was written since. */
async function expectReturned({ source }: MirrorPair): Promise<void> {
  const { client } = source;
  const inputs = await client.readTopic(input, committed);
  assert.deepEqual(valuesOf(inputs, 0), [
    ...numbersFrom(0, PREFIX + TAIL),
    ...numbersFrom(100_000, 30),
  ]);
  assert.deepEqual(valuesOf(inputs, 1), [
    ...numbersFrom(0, PREFIX + 1),
    null,
    ...numbersFrom(200_000, 25),
  ]);
  const audits = await client.readTopic(audit, committed);
  assert.deepEqual(valuesOf(audits, 0), numbersFrom(0, 10 + AUDIT_TAIL));
  const trashes = await client.readTopic(trash, committed);
  assert.deepEqual(valuesOf(trashes, 0), numbersFrom(0, 13));
  const colours = await client.readTopic(settings, committed);
  assert.deepEqual(valuesOf(colours, 0).at(-1), "blue");
  assert.equal((await client.readTopic(output, committed)).length, 5);
}

const numbersFrom = (from: number, count: number): (string | null)[] =>
  Array.from({ length: count }, (_, at) => String(from + at));

const numbered = (partition: number, from: number, count: number) =>
  numbersFrom(from, count).map((value) => ({
    partition,
    key: `k${value}`,
    value,
  }));

const valuesOf = (records: readonly KafkaRecord[], of: number) =>
  records.filter(({ partition }) => partition === of)
    .map(({ value }) => textOf(value));

function originOf({ headers }: KafkaRecord): string | null {
  const header = headers.find(({ name }) => name === "switchyard.origin");
  return header === undefined ? null : textOf(header.value);
}

function textOf(bytes: Uint8Array | null): string | null {
  return bytes === null ? null : decoder.decode(bytes);
}
