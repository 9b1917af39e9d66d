/** A user's own processors, through `PROCESSOR=`, on real Kafka. */
import assert from "node:assert/strict";
import { stripVTControlCharacters } from "node:util";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import type { KafkaRecord, NewRecord } from "../support/independent_client.ts";
import { createInput, Job, jsonOf, topicsOf } from "../support/job.ts";
import { startJob } from "../support/job_process.ts";
import { eventually } from "../support/wait.ts";

const processors = new URL("../support/processors/", import.meta.url);
const partitions = 4;
const decoder = new TextDecoder();

/** Modules and what the start says of them; no cluster is needed for that. */
const broken: Readonly<Record<string, { code?: string; says: RegExp }>> = {
  "that is missing": { says: /broken\.ts does not load: Module not found/ },
  "with a syntax error": {
    code: "export default {",
    says: /broken\.ts does not load: .*Expected/,
  },
  "that throws when it is loaded": {
    code: '\n\nthrow new Error("no database");',
    says: /broken\.ts does not load: no database \(file:.*broken\.ts:3:7\)$/,
  },
  "without a default export": {
    code: "export const processor = {};",
    says: /broken\.ts does not export a processor by default/,
  },
  "that imports what does not exist": {
    code: 'import "./nothing.ts"; export default { process() {} };',
    says: /broken\.ts does not load: Module not found .*nothing\.ts/,
  },
};

for (const [what, { code, says }] of Object.entries(broken)) {
  Deno.test(`a processor ${what} ends the start with one clear message`, async () => {
    const folder = await Deno.makeTempDir();
    try {
      const file = `${folder}/broken.ts`;
      if (code !== undefined) await Deno.writeTextFile(file, code);
      await using job = startJob({ env: { PROCESSOR: file } });
      assert.equal((await job.exit()).code, 1);
      const said = job.lines("stderr")
        .filter((line) => !line.includes('"log.level":"info"')).join("\n");
      assert.match(said, says);
      // One message: none for each thread, no stack, no colors.
      assert.equal(said.split(" does not ").length, 2, said);
      assert.equal(said, stripVTControlCharacters(said));
      assert.doesNotMatch(said, /at async|stream_worker|"log.level"/);
      assert.deepEqual(job.lines("stdout"), []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

clusterSteps("a processor", {}, {
  "may give any number of outputs, each with all that a record has":
    everyOutput,
  "makes dead letters of what it cannot do": deadLetters,
  "that takes its time keeps the order of each partition": unhurried,
  "may answer batches": batched,
});

async function everyOutput(fixture: ClusterFixture): Promise<void> {
  const name = "outputs";
  const aside = `${name}-aside`;
  await fixture.cluster.createTopic(aside, partitions);
  const timestampMs = Date.now() - 60_000;
  const headers = [
    { name: "trace", value: "1" },
    { name: "trace", value: null },
    { name: "raw", value: new Uint8Array([0, 255]) },
  ];
  const kinds = ["echo", "several", "nothing", "empty list"];
  const { job, output, deadLetter } = await run(
    fixture,
    name,
    "every_output.ts",
    kinds.map((kind) => ({
      key: "ключ",
      value: JSON.stringify({ kind, aside }),
      partition: 1,
      timestampMs,
      headers,
    })),
  );
  assert.deepEqual(deadLetter, []);
  const { produced, skipped } = await job.done();
  assert.deepEqual({ produced, skipped }, { produced: 6, skipped: 2 });

  const [echo] = output.filter(({ key }) => text(key) === "ключ");
  assert.deepEqual(jsonOf(echo!), {
    value: { kind: "echo", aside, count: 1 },
    key: "ключ",
    partition: 1,
    offset: 0,
    topic: topicsOf(name).input,
    timestampMs,
  });
  assert.deepEqual(plain(echo!.headers), plain(headers));

  const [asIs] = output.filter(({ key }) => text(key) === "text");
  assert.equal(text(asIs!.value), "as it is");
  assert.equal(asIs!.timestampMs, timestampMs + 1);
  assert.deepEqual(
    plain(asIs!.headers),
    plain([
      { name: "a", value: "1" },
      { name: "b", value: null },
      { name: "a", value: new Uint8Array([255]) },
    ]),
  );
  const [bytes] = output.filter(({ key }) => key?.[0] === 0);
  assert.deepEqual([...bytes!.key!], [0, 255]);
  assert.deepEqual([...bytes!.value!], [1, 0, 2]);
  assert.ok(bytes!.timestampMs > timestampMs);
  assert.equal(output.length, 3);

  const others = await fixture.client.readTopic(aside);
  assert.equal(others.length, 3);
  const [tombstone] = others.filter(({ value }) => value === null);
  assert.equal(text(tombstone!.key), "tombstone");
  assert.equal(tombstone!.partition, 2);
  const [empty] = others.filter(({ value }) => value?.length === 0);
  assert.equal(empty!.key?.length, 0);
  assert.equal(empty!.partition, 0);
  const [keyless] = others.filter(({ key }) => key === null);
  assert.deepEqual(jsonOf(keyless!), ["no", "key"]);
}

async function deadLetters(fixture: ClusterFixture): Promise<void> {
  const name = "refusals";
  const reasons: Readonly<Record<string, RegExp>> = {
    throws: /^RangeError: not this one$/,
    rejects: /^nor this one$/,
    late: /^the handler took over 300 ms$/,
    "no value": /^OutputError: .*no value/,
    half: /^OutputError: /,
    "no such partition": /[Uu]nknown partition/,
    unknown: /^kind: /,
  };
  const { job, output, deadLetter } = await run(
    fixture,
    name,
    "every_output.ts",
    Object.keys(reasons).map((kind) => ({
      key: kind,
      value: JSON.stringify({ kind, aside: "" }),
    })),
    { HANDLER_TIMEOUT_MS: "300" },
  );
  assert.deepEqual(output, []);
  const found = new Map(
    deadLetter.map((each) => [text(each.key), reasonOf(each)]),
  );
  assert.equal(deadLetter.length, found.size);
  for (const [kind, reason] of Object.entries(reasons)) {
    assert.match(found.get(kind) ?? "nothing", reason);
  }
  assert.deepEqual(found.size, Object.keys(reasons).length);
  await job.done();
  // The handler heard of it, and what it gave afterwards went nowhere.
  assert.equal(
    job.log("aborted")[0]!["switchyard.processor.reason"],
    "the handler took over 300 ms",
  );
}

async function unhurried(fixture: ClusterFixture): Promise<void> {
  const count = 2_000;
  const { job, output, deadLetter } = await run(
    fixture,
    "unhurried",
    "unhurried.ts",
    numbered(count),
    { CONCURRENCY: "3" },
  );
  await job.done();
  const refused = deadLetter.map((each) => jsonOf<Numbered>(each).number);
  assert.deepEqual(refused.sort(ascending), multiplesOf(50, count));
  const outputs = output.map((each) => jsonOf<Numbered>(each));
  assert.equal(outputs.length, count - refused.length);
  for (let partition = 0; partition < partitions; partition++) {
    const numbers = outputs.map(({ number }) => number)
      .filter((number) => number % partitions === partition);
    assert.deepEqual(numbers, numbers.toSorted(ascending));
  }
  const most = Math.max(...outputs.map(({ atOnce }) => atOnce));
  assert.ok(most > 1 && most <= 3, `${most} at once`);
}

async function batched(fixture: ClusterFixture): Promise<void> {
  const count = 2_000;
  const { job, output, deadLetter } = await run(
    fixture,
    "batched",
    "batched.ts",
    numbered(count),
    { BATCH_RECORDS: "20" },
  );
  const { skipped } = await job.done();
  const outcomes = new Map<number, string[]>();
  const add = (record: KafkaRecord, what: string) => {
    const { number } = jsonOf<Numbered>(record);
    outcomes.set(number, [...outcomes.get(number) ?? [], what]);
  };
  for (const each of output) add(each, "output");
  for (const each of deadLetter) add(each, reasonOf(each));

  const expected = (number: number): string[] => {
    switch (number % 10) {
      case 0:
        return [`refused ${number}`];
      case 1:
        return [];
      case 2:
        return ["output", "output"];
      default:
        return ["output"];
    }
  };
  // What stood behind the error in its batch had no answer, and was tried again.
  for (let number = 0; number < count; number++) {
    const wanted = number === 777 ? ["no further"] : expected(number);
    assert.deepEqual(outcomes.get(number) ?? [], wanted, `of ${number}`);
  }
  const unanswered = Array.from({ length: count }, (_, number) => number)
    .filter((number) => !outcomes.has(number));
  assert.equal(skipped, unanswered.length);
}

interface Numbered {
  readonly number: number;
  readonly atOnce: number;
}

/** Number n goes to partition n modulo their number, keyed alike. */
function* numbered(count: number): Generator<NewRecord> {
  for (let number = 0; number < count; number++) {
    const partition = number % partitions;
    const value = JSON.stringify({ number });
    yield { key: `key-${partition}`, value, partition };
  }
}

/** Runs the processor over the records; returns what it wrote. */
async function run(
  { cluster, client }: ClusterFixture,
  name: string,
  processor: string,
  records: Iterable<NewRecord>,
  env: Readonly<Record<string, string>> = {},
) {
  const { input, output, deadLetter } = topicsOf(name);
  await createInput(cluster, client, { name, partitions });
  const count = await client.produce(input, records);
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(count)],
    env: { PROCESSOR: new URL(processor, processors).pathname, ...env },
  });
  await eventually(() => !job.child.alive, {
    what: "settled and ended",
    timeoutMs: 60_000,
  });
  return {
    job,
    output: await client.readTopic(output),
    deadLetter: await client.readTopic(deadLetter),
  };
}

const ascending = (one: number, other: number) => one - other;

function multiplesOf(step: number, end: number): number[] {
  return Array.from({ length: Math.ceil(end / step) }, (_, at) => at * step);
}

function text(bytes: Uint8Array | null): string | null {
  return bytes && decoder.decode(bytes);
}

function reasonOf({ headers }: KafkaRecord): string {
  const header = headers.find(({ name }) => name === "switchyard.reason");
  return text(header?.value ?? null) ?? "none";
}

function plain(
  headers: readonly { name: string; value: Uint8Array | string | null }[],
) {
  return headers.map(({ name, value }) => [
    name,
    value === null ? null : [
      ...typeof value === "string" ? new TextEncoder().encode(value) : value,
    ],
  ]);
}
