/** Orderings, what is committed of them, and retries in place, on real Kafka. */
import assert from "node:assert/strict";
import { decodeRanges, METADATA_BYTES } from "../../src/pool/offset_ranges.ts";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import type { KafkaRecord, NewRecord } from "../support/independent_client.ts";
import {
  createInput,
  Job,
  jsonOf,
  recordsIn,
  topicsOf,
} from "../support/job.ts";
import { eventually } from "../support/wait.ts";

const processors = new URL("../support/processors/", import.meta.url);
const processorAt = (file: string) => new URL(file, processors).pathname;
const decoder = new TextDecoder();
const ascending = (one: number, other: number) => one - other;

clusterSteps("out of order", {}, {
  "a partition is held back while too much is done beyond its oldest records":
    heldBack,
  "what is done beyond the oldest open record is not repeated after a kill -9":
    (fixture) => takenOver(fixture, "SIGKILL"),
  "what is done beyond the oldest open record is not repeated after a stop, also of threads that are slow to stop":
    (fixture) => takenOver(fixture, "SIGTERM"),
  "what fails is tried again, in the order of its partition": (fixture) =>
    triedAgain(fixture, "partition"),
  "what fails is tried again, in the order of its key": (fixture) =>
    triedAgain(fixture, "key"),
});

/** Numbers of one partition, each with a key of its own. */
function* numbered(
  count: number,
  partition: number,
  first = 0,
): Generator<NewRecord> {
  for (let at = 0; at < count; at++) {
    const number = first + at;
    yield { key: `${number}`, value: JSON.stringify({ number }), partition };
  }
}

async function heldBack(fixture: ClusterFixture): Promise<void> {
  const { cluster, client, folder } = fixture;
  const name = "held";
  const { input, output, group } = topicsOf(name);
  const [many, few] = [40_000, 1_000];
  await createInput(cluster, client, { name, partitions: 2 });
  await client.produce(input, numbered(many, 0));
  const until = `${folder}/${name}`;
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    env: {
      PROCESSOR: processorAt("hanging.ts"),
      ORDERING: "none",
      CONCURRENCY: "10000",
      HANDLER_TIMEOUT_MS: "600000",
      HANG_EVERY: "3",
      HANG_UNTIL: until,
    },
  });
  const { metadataBytes } = await job.logged(
    "partition waits for its oldest records",
  );
  assert.ok(Number(metadataBytes) > METADATA_BYTES * 3 / 4);
  // The other partition does not care.
  const before = (await recordsIn(client, output)).reduce((a, b) => a + b);
  await client.produce(input, oneIn(few, 1));
  await eventually(
    async () =>
      (await recordsIn(client, output)).reduce((a, b) => a + b) >= before + few,
    { what: "the other partition is processed", timeoutMs: 30_000 },
  );
  await eventually(async () => {
    const [committed] = await client.committedOffsets(group, input);
    if (!committed?.metadata) return false;
    assert.equal(committed.offset, 0);
    assert.ok(committed.metadata.length <= METADATA_BYTES);
    const ranges = decodeRanges(0, committed.metadata);
    assert.equal(ranges.length % 2, 0);
    for (let at = 0; at < ranges.length; at += 2) {
      // 0, 3, 6 ... hang, and the two between them are done.
      assert.deepEqual([ranges[at]! % 3, ranges[at + 1]! % 3], [1, 0]);
    }
    return committed.metadata.length > METADATA_BYTES / 2;
  }, { what: "committed with metadata", timeoutMs: 30_000 });

  await Deno.writeTextFile(until, "");
  await job.consumed(many + few);
  await job.logged("partition goes on");
  await job.stop();
  const counts = countsOf(await client.readTopic(output));
  assert.equal(counts.size, many + few);
  assert.deepEqual([...counts].filter(([, times]) => times !== 1), []);
  assert.deepEqual(await client.committedOffsets(group, input), [
    { offset: many, metadata: "" },
    { offset: few, metadata: "" },
  ]);
}

/** Numbers that do not hang, and are none of the other partition's. */
function* oneIn(count: number, partition: number): Generator<NewRecord> {
  for (let at = 0; at < count; at++) {
    yield* numbered(1, partition, 100_000 + 3 * at);
  }
}

async function takenOver(
  { cluster, client, folder }: ClusterFixture,
  signal: "SIGKILL" | "SIGTERM",
): Promise<void> {
  const name = `taken-${signal.toLowerCase()}`;
  const { input, output, group } = topicsOf(name);
  const [count, every] = [4_000, 5];
  const hanging = count / every;
  await createInput(cluster, client, { name, partitions: 2 });
  await client.produce(input, numbered(count / 2, 0));
  await client.produce(input, numbered(count / 2, 1, count / 2));
  const env = { PROCESSOR: processorAt("hanging.ts"), ORDERING: "key" };
  const brokers = cluster.bootstrapServers;
  await using first = Job.start({
    brokers,
    name,
    env: {
      ...env,
      CONCURRENCY: "1000",
      HANDLER_TIMEOUT_MS: "600000",
      // The last of what is written must be acknowledged by then.
      DRAIN_MS: "5000",
      ABORT_MS: "1000",
      // Then only the last that a thread says tells all that is done.
      ...(signal === "SIGTERM" ? { COMMIT_INTERVAL_MS: "60000" } : {}),
      HANG_EVERY: `${every}`,
      HANG_UNTIL: `${folder}/never`,
    },
  });
  const done = async () => {
    const committed = await client.committedOffsets(group, input);
    return committed.reduce((sum, each) => {
      const { offset = 0, metadata = "" } = each ?? {};
      return decodeRanges(offset, metadata).reduce(
        (total, edge, at) => total + (at % 2 === 0 ? -edge : edge),
        sum + offset,
      );
    }, 0);
  };
  if (signal === "SIGTERM") {
    await eventually(async () => {
      const written = await recordsIn(client, output);
      return written.reduce((sum, each) => sum + each) === count - hanging;
    }, { what: "the others are written", timeoutMs: 60_000 });
    await first.stop();
  } else {
    await eventually(async () => await done() === count - hanging, {
      what: "the others are committed",
      timeoutMs: 60_000,
    });
    first.child.signal("SIGKILL");
    await first.child.exit();
  }
  assert.equal(await done(), count - hanging);

  await using second = Job.start({ brokers, name, env });
  await eventually(async () => await done() === count, {
    what: "all is committed",
    timeoutMs: 60_000,
  });
  const summary = await second.stop();
  assert.equal(summary.produced, hanging);
  const counts = countsOf(await client.readTopic(output));
  assert.equal(counts.size, count);
  assert.deepEqual([...counts].filter(([, times]) => times !== 1), []);
}

async function triedAgain(
  { cluster, client }: ClusterFixture,
  ordering: "partition" | "key",
): Promise<void> {
  const name = `again-${ordering}`;
  const { input, output, deadLetter } = topicsOf(name);
  const count = 600;
  const failuresOf = (number: number) => number % 20 < 4 ? number % 20 : 0;
  const givesOf = (number: number) =>
    (["throws", "wishes", "rejects"] as const)[Math.floor(number / 20) % 3]!;
  const isDead = (number: number) =>
    givesOf(number) === "rejects"
      ? failuresOf(number) > 0
      : failuresOf(number) >= 3;
  const startMs = Date.now();
  await createInput(cluster, client, { name, partitions: 2 });
  await client.produce(
    input,
    Array.from({ length: count }, (_, number) => ({
      key: `${number % 7}`,
      partition: number % 7 % 2,
      value: JSON.stringify({
        number,
        failures: failuresOf(number),
        gives: givesOf(number),
      }),
    })),
  );
  await using job = Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args: ["--messages", String(count)],
    env: {
      PROCESSOR: processorAt("failing.ts"),
      ORDERING: ordering,
      RETRY_BACKOFF_MS: "10",
    },
  });
  await job.done();

  const outputs = await client.readTopic(output);
  const attempts = new Map(outputs.map((each) => {
    const { number, attempt } = jsonOf<Numbered & { attempt: number }>(each);
    return [number, attempt];
  }));
  assert.equal(outputs.length, attempts.size);
  const letters = await client.readTopic(deadLetter);
  const dead = new Map(
    letters.map((each) => [jsonOf<Numbered>(each).number, each]),
  );
  assert.equal(letters.length, dead.size);
  for (let number = 0; number < count; number++) {
    const letter = dead.get(number);
    assert.equal(letter !== undefined, isDead(number), `${number}`);
    if (letter === undefined) {
      assert.equal(attempts.get(number), failuresOf(number) + 1);
      continue;
    }
    assert.equal(attempts.has(number), false);
    assert.match(headerOf(letter, "reason")!, new RegExp(` ${number}$`));
    const tried = givesOf(number) === "rejects" ? null : "3";
    assert.equal(headerOf(letter, "attempts"), tried);
    const first = headerOf(letter, "first-failure");
    assert.equal(first === null, tried === null);
    if (first === null) continue;
    const firstMs = Date.parse(first);
    assert.equal(new Date(firstMs).toISOString(), first);
    assert.ok(firstMs >= startMs && firstMs <= Date.now());
  }
  // Outputs have the keys of their inputs, and so their order can be seen.
  const byKey = Map.groupBy(outputs, ({ key }) => decoder.decode(key!));
  for (const records of byKey.values()) {
    const numbers = records.map((each) => jsonOf<Numbered>(each).number);
    assert.deepEqual(numbers, numbers.toSorted(ascending));
  }
}

interface Numbered {
  readonly number: number;
}

function countsOf(records: readonly KafkaRecord[]): Map<number, number> {
  const counts = new Map<number, number>();
  for (const each of records) {
    const { number } = jsonOf<Numbered>(each);
    counts.set(number, (counts.get(number) ?? 0) + 1);
  }
  return counts;
}

function headerOf({ headers }: KafkaRecord, name: string): string | null {
  const header = headers.find((each) => each.name === `switchyard.${name}`);
  return header?.value ? decoder.decode(header.value) : null;
}
