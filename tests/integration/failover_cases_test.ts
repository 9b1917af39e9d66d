/**
 * Inputs whose outputs were mirrored in part, or before them: a pool in
 * exactly-once, mirrors of some topics only, a failover and a replay of the tail,
 * on two real clusters.
 *
 *     inputs   mirrored before the kill               what comes of them
 *     w        all, and the group's position          all of it
 *     x        the input; all but c, and delays of 2s what is missing
 *     t        not the input; else as x               what is missing, replayed
 *     u        of all results those in a              what is missing, replayed
 */
import assert from "node:assert/strict";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import { encodeCoordinates } from "../support/coordinates_text.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type {
  IndependentClient,
  KafkaRecord,
} from "../support/independent_client.ts";
import { Job, jsonOf } from "../support/job.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { type Kind, KINDS, RESULTS } from "../support/processors/cases.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const name = "cases";
const input = "cases-input";
const deadLetters = "cases-input.dlq";
const delays = ["cases-input.retry.1s", "cases-input.retry.2s"] as const;
const [a, b, c] = RESULTS;
/** Of an application that passes the headers of the pool's results on. */
const foreign = "cases-foreign";
const topics = [input, a, b, c, deadLetters, ...delays, foreign];
/** Was released in part only, long ago, and has given nothing since. */
const quiet = "quiet/group";
const committed = { isolation: "read_committed" } as const;
const timeoutMs = 90_000;
const processor = new URL("../support/processors/cases.ts", import.meta.url);
const settings = {
  INPUT_TOPIC: input,
  OUTPUT_TOPIC: a,
  RETRY_ATTEMPTS: "2",
  RETRY_BACKOFF_MS: "1000",
  RETRY_IN_PLACE_MS: "0",
  RETRY_DELAYS: "1s,2s",
};
const SETS = ["w", "x", "t", "u"] as const;
type InputSet = typeof SETS[number];

realKafkaTest(
  "whatever part of an input's results was mirrored, each is there once after the failover and after the replay of the tail",
  async () => {
    await using pair = await MirrorPair.start();
    const folder = await Deno.makeTempDir();
    try {
      await cases(pair, `${folder}/changed`);
    } catch (error) {
      pair.tellFailure();
      throw error;
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

async function cases(pair: MirrorPair, changed: string): Promise<void> {
  const { source, target } = pair;
  for (const topic of topics) await pair.create(topic, 1);
  await using job = Job.start({
    brokers: source.cluster.bootstrapServers,
    name,
    env: {
      ...settings,
      SECONDARY_BROKERS: target.cluster.bootstrapServers,
      PROCESSOR: processor.pathname,
      GUARANTEE: "exactly-once",
      INSTANCE_ID: "only",
      CASES_CHANGED: changed,
    },
  });
  let consumed = 0;
  const process = async (set: InputSet) => {
    await source.client.produce(input, inputsOf(set));
    await job.consumed(consumed += KINDS.length);
  };

  await process("w");
  await quietOutput(pair);
  await pair.copy(topics, {
    MIRROR_GROUP_SYNC: "true",
    MIRROR_CUT_INTERVAL_MS: "300",
  }, () => released(pair));
  await target.admin.groups.alterOffsets(
    quiet,
    [{ topic: input, partition: 0, offset: 0 }],
    { timeoutMs },
  );
  await process("x");
  await pair.copy([input]);
  await process("t");
  await pair.copy([a, b, deadLetters, delays[0]]);
  await process("u");
  await pair.copy([a]);
  await passedOn(pair);
  // That is what all of this is about.
  assert.deepEqual(await missingOn(target.client, SETS), missing);
  await expectOnce(source.client, SETS);

  await source.cluster.brokers[0]!.kill();
  await Deno.writeTextFile(changed, "");
  const runs = new FailbackRuns(pair, {
    ...settings,
    MIRROR_TOPICS: topics.join(","),
    HTTP_PORT: "0",
  });
  const promoted = await runs.json("failover");
  console.log(JSON.stringify(promoted.steps.map(textOfStep)));
  await expectQuietFound(target.client);
  await settled(target.client);
  await expectOnce(target.client, ["w", "x"], ["t", "u"]);

  await source.cluster.brokers[0]!.restart();
  await source.admin.describeCluster({ timeoutMs });
  {
    await using failback = runs.start("failback");
    await failback.waitForLine(/^reverse /, { timeoutMs });
    console.log(failback.lines("stdout").join("\n"));
  }
  await settled(target.client);
  await expectOnce(target.client, SETS);
  const passed = await target.client.readTopic(foreign, committed);
  assert.deepEqual(passed.map((each) => jsonOf<Told>(each).id), ["passed on"]);
  const summary = await job.stop();
  console.log(JSON.stringify(summary), JSON.stringify(leftOut(job)));
  assert.ok(leftOut(job).length > 0);
}

interface Told {
  readonly id: string;
}

const inputsOf = (set: InputSet) =>
  KINDS.map((kind) => ({
    key: `${set} ${kind}`,
    value: JSON.stringify({ id: `${set} ${kind}`, kind }),
  }));

/** The group stands behind all inputs that are on the secondary. */
async function released({ target }: MirrorPair): Promise<void> {
  await eventually(async () => {
    for (const topic of [input, ...delays]) {
      const [position] = await target.client.committedOffsets(name, topic);
      const records = await target.client.readTopic(topic, committed);
      if (position?.offset !== records.at(-1)!.offset + 1) return false;
    }
    return true;
  }, { what: "released on the secondary", timeoutMs, everyMs: 500 });
}

/** One of an input that it has yet to read, below all that comes later. */
async function quietOutput({ source }: MirrorPair): Promise<void> {
  const { clusterId } = await source.admin.describeCluster({ timeoutMs });
  const [summary] = await source.admin.topics.summarize([input], { timeoutMs });
  const value = encodeCoordinates({
    clusterId: clusterId!,
    topicId: summary!.topicId,
    partition: 0,
    offset: 1,
    ordinal: 0,
    count: 1,
    outputTopic: b,
    group: quiet,
  });
  await source.client.produce(b, [{
    value: JSON.stringify({ id: quiet }),
    headers: [{ name: COORDINATES_HEADER, value }],
  }]);
}

async function expectQuietFound(client: IndependentClient): Promise<void> {
  const records = await client.readTopic(
    "switchyard-done.primary.internal",
    committed,
  );
  const found = records.flatMap((each) =>
    jsonOf<{ done?: readonly { group: string; outputs: unknown }[] }>(each)
      .done ?? []
  );
  assert.deepEqual(
    found.filter(({ group }) => group === quiet)
      .map(({ outputs }) => outputs),
    [[[1, 0]]],
  );
}

/** Nobody has mirrored it when the primary dies. */
async function passedOn({ source }: MirrorPair): Promise<void> {
  const [first] = await source.client.readTopic(a, committed);
  await source.client.produce(foreign, [{
    value: JSON.stringify({ id: "passed on" }),
    headers: first!.headers,
  }]);
}

/** The pool has read all that is there, and all that came of it. */
async function settled(client: IndependentClient): Promise<void> {
  for (const topic of [input, ...delays]) {
    await eventually(async () => {
      const records = await client.readTopic(topic, committed);
      const [position] = await client.committedOffsets(name, topic);
      const last = records.at(-1)?.offset ?? -1;
      return (position?.offset ?? 0) > last;
    }, { what: `settled: ${topic}`, timeoutMs, everyMs: 500 });
  }
}

function topicsOf(kind: Kind): readonly string[] {
  switch (kind) {
    case "none":
      return [];
    case "one":
    case "retried-1s":
    case "retried-2s":
      return [a];
    case "three":
    case "changed":
      return RESULTS;
    case "rejected":
    case "exhausted-1s":
    case "exhausted-2s":
      return [deadLetters];
  }
}

const expected = (sets: readonly InputSet[]): string[] =>
  sets.flatMap((set) =>
    KINDS.flatMap((kind) =>
      topicsOf(kind).map((topic) => `${topic}: ${set} ${kind}`)
    )
  ).sort();

/** Of which every result is in a. */
const inA = (each: string) => each.startsWith(`${a}:`);
const missing = [
  ...expected(["x", "t"]).filter((each) => each.startsWith(`${c}:`)),
  ...expected(["u"]).filter((each) => !inA(each)),
].sort();

async function resultsOn(client: IndependentClient): Promise<string[]> {
  const results: string[] = [];
  for (const topic of [...RESULTS, deadLetters]) {
    const records: KafkaRecord[] = await client.readTopic(topic, committed);
    results.push(
      ...records.map((each) => jsonOf<Told>(each).id)
        .filter((id) => id !== quiet).map((id) => `${topic}: ${id}`),
    );
  }
  return results.sort();
}

async function missingOn(
  client: IndependentClient,
  sets: readonly InputSet[],
): Promise<string[]> {
  const there = new Set(await resultsOn(client));
  return expected(sets).filter((each) => !there.has(each));
}

/** All results of these inputs, and none twice; of others none twice. */
async function expectOnce(
  client: IndependentClient,
  whole: readonly InputSet[],
  inPart: readonly InputSet[] = [],
): Promise<void> {
  const results = await resultsOn(client);
  const isInPart = (each: string) =>
    inPart.some((set) => each.includes(`: ${set} `));
  assert.deepEqual(
    results.filter((each) => !isInPart(each)),
    expected(whole),
  );
  const others = results.filter(isInPart);
  assert.deepEqual(others, [...new Set(others)]);
}

/** How many outputs pools have left out, as they have told it. */
const leftOut = (job: Job) =>
  job.log("outputs were there already and are not sent again")
    .map(({ cluster, outputs }) => ({ cluster, outputs }));

const textOfStep = ({ detail, step }: { step: string; detail?: string }) =>
  detail === undefined ? step : `${step}: ${detail}`;
