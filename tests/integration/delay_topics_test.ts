/** Records that fail and wait in delay topics, on real Kafka. */
import assert from "node:assert/strict";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import type { KafkaRecord, NewRecord } from "../support/independent_client.ts";
import {
  createInput,
  Job,
  jsonOf,
  recordsIn,
  topicsOf,
} from "../support/job.ts";
import type { Attempt } from "../support/processors/failing_traced.ts";
import { paced, seededRandom } from "../support/load.ts";
import { seed } from "../support/soak.ts";
import { eventually, within } from "../support/wait.ts";

const processor = new URL(
  "../support/processors/failing_traced.ts",
  import.meta.url,
);
const partitions = 4;
const deadlineMs = 120_000;
const attempts = 3;
/** What is wrong with every record n is that it fails n modulo this times. */
const kinds = attempts + 1;
const timestampMs = 1_600_000_000_000;
const decoder = new TextDecoder();
type Isolation = "read_committed" | "read_uncommitted";

clusterSteps("records that fail are tried again later", {}, {
  "not before their time, and become dead letters in the end": inOrder,
  "also after a kill -9 while they wait": killed,
  "also where their partitions leave and come back meanwhile": moved,
  "exactly once, whatever kill -9 interrupts, each has its outcome once": once,
});

async function inOrder(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "delayed";
  const count = 2_000;
  await createInput(cluster, client, { name, partitions });
  await client.produce(topicsOf(name).input, failing(0, count));
  await using job = start(fixture, name, ["--messages", String(count)]);
  // Its end waits for what waits.
  const { event: _, seconds: __, ...summary } = await job.done();
  const quarter = count / kinds;
  assert.deepEqual(summary, {
    consumed: count,
    produced: 3 * quarter,
    deadLettered: quarter,
    skipped: 0,
  });
  const tries = await traced(fixture, name);
  assertInTime(tries);
  assert.equal(tries.length, (1 + 2 + 3 + 3) * quarter);
  assert.deepEqual(
    await outcomes(fixture, name),
    Array.from({ length: count }, (_, number) => [outcome(number)]),
  );
  assertLetters(await client.readTopic(topicsOf(name).deadLetter), name, tries);
}

async function killed(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "killed";
  const { input } = topicsOf(name);
  const count = 80;
  await createInput(cluster, client, { name, partitions });
  await client.produce(input, failing(0, count));
  const env = {
    RETRY_DELAYS: "3s,4s",
    RETRY_BACKOFF_MS: "3000",
    PRIMARY_CONSUMER_GROUP_INSTANCE_ID: "only",
    PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "30000",
  };
  for (const [topic, those] of [["3s", 3], ["4s", 2]] as const) {
    await using job = start(fixture, name, [], env);
    const waiting = those * count / kinds;
    await eventually(async () => {
      const records = await recordsIn(client, `${input}.retry.${topic}`);
      return sum(records) >= waiting;
    }, { what: `waiting in ${topic}`, timeoutMs: deadlineMs });
    job.child.signal("SIGKILL");
    await job.child.exit();
  }
  await using job = start(fixture, name, [], env);
  const known = () => outcomes(fixture, name);
  await eventually(
    async () =>
      (await known()).filter((each) => each.length > 0).length >= count,
    { what: "an outcome of each", timeoutMs: deadlineMs },
  );
  await job.stop();
  const tries = await traced(fixture, name);
  assertInTime(tries);
  for (const [number, those] of (await known()).entries()) {
    // A kill may repeat what was not committed, but never the wrong way.
    assert.deepEqual([...new Set(those)], [outcome(number)], `of ${number}`);
  }
  assertLetters(await client.readTopic(topicsOf(name).deadLetter), name, tries);
}

async function moved(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "moved";
  const { input } = topicsOf(name);
  await createInput(cluster, client, { name, partitions });
  const waits = async (count: number) => {
    await eventually(
      async () => sum(await recordsIn(client, `${input}.retry.8s`)) === count,
      { what: `${count} waiting`, timeoutMs: deadlineMs },
    );
  };
  const env = { RETRY_DELAYS: "8s", RETRY_BACKOFF_MS: "8000" };
  await using stack = new AsyncDisposableStack();
  const resident = stack.use(start(fixture, name, [], env));
  await resident.logged("partitions assigned");
  const each = 100;
  await client.produce(input, failing(0, each, 1));
  await waits(each);
  // Among three there are too few partitions of the input topic: some of the
  // delay topic leave, which the resident has paused, and come back to it.
  const guests = [0, 1].map(() => stack.use(start(fixture, name, [], env)));
  for (const guest of guests) {
    await guest.logged(/partitions assigned","switchyard.partitions":"\w/);
  }
  await eventually(
    () =>
      resident.log("partitions revoked").some(({ partitions }) =>
        String(partitions).includes(".retry.8s")
      ),
    { what: "without some of the delay topic", timeoutMs: deadlineMs },
  );
  await Promise.all(guests.map((guest) => guest.stop()));
  await client.produce(input, failing(each, 2 * each, 1));
  const count = 2 * each;
  await eventually(
    async () =>
      (await outcomes(fixture, name)).filter(({ length }) => length === 1)
        .length === count,
    { what: "an output of each, and no second one", timeoutMs: deadlineMs },
  );
  await resident.stop();
  assertInTime(await traced(fixture, name));
}

async function once(fixture: ClusterFixture): Promise<void> {
  const { client, cluster } = fixture;
  const name = "once";
  const { input } = topicsOf(name);
  const count = 4_000;
  const isolation = "read_committed";
  await createInput(cluster, client, { name, partitions });
  const load = client.produce(
    input,
    paced(failing(0, count), { recordsPerSecond: 1_000 }),
  );
  load.catch(() => {}); // awaited below
  const ended = async () =>
    sum((await outcomes(fixture, name, isolation)).map(({ length }) => length));
  const random = seededRandom(seed);
  // A quarter succeeds at once: the rest has been in delay topics.
  const kills = [0.1, 0.3, 0.5, 0.7];
  for (const share of [...kills, 1]) {
    await using job = start(fixture, name, [], {
      GUARANTEE: "exactly-once",
      INSTANCE_ID: "only",
      PRIMARY_CONSUMER_GROUP_INSTANCE_ID: "only",
      PRIMARY_CONSUMER_SESSION_TIMEOUT_MS: "30000",
    });
    await eventually(async () => await ended() >= share * count, {
      what: `${share} of all`,
      timeoutMs: deadlineMs,
    });
    if (share === 1) {
      await job.stop();
    } else {
      await new Promise((resolve) => setTimeout(resolve, 400 * random()));
      job.child.signal("SIGKILL");
      await job.child.exit();
    }
  }
  await within(load, deadlineMs, "all produced");
  const numbers = Array.from({ length: count }, (_, number) => number);
  assert.deepEqual(
    await outcomes(fixture, name, isolation),
    numbers.map((number) => [outcome(number)]),
  );
  for (const [delay, failures] of [["1s", 1], ["2s", 2]] as const) {
    const waited = await client.readTopic(`${input}.retry.${delay}`, {
      isolation,
    });
    assert.deepEqual(
      waited.map((each) => jsonOf<Attempt>(each).number)
        .sort((a, b) => a - b),
      numbers.filter((number) => number % kinds >= failures),
    );
  }
  assertInTime(await traced(fixture, name));
  const { deadLetter } = topicsOf(name);
  const letters = await client.readTopic(deadLetter, { isolation });
  assertLetters(letters, name, await traced(fixture, name));
}

function start(
  { cluster, folder }: ClusterFixture,
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Job {
  return Job.start({
    brokers: cluster.bootstrapServers,
    name,
    args,
    env: {
      PROCESSOR: processor.pathname,
      TRACE: `${folder}/${name}.trace`,
      // The first wait is at most as long as the backoff, the second longer.
      RETRY_DELAYS: "1s,2s",
      RETRY_BACKOFF_MS: "1000",
      RETRY_IN_PLACE_MS: "0",
      RETRY_ATTEMPTS: String(attempts),
      ...env,
    },
  });
}

/** Records from one number up to another. */
function* failing(
  first: number,
  end: number,
  failures?: number,
): Generator<NewRecord> {
  for (let number = first; number < end; number++) {
    yield {
      key: `key-${number % 50}`,
      value: JSON.stringify({ number, failures: failures ?? number % kinds }),
      headers: [{ name: "trace", value: `t${number}` }],
      timestampMs: timestampMs + number,
    };
  }
}

/** What becomes of a record in the end. */
const outcome = (number: number) =>
  number % kinds < attempts ? `output ${number % kinds + 1}` : "dead letter";

/** By number. */
async function outcomes(
  { client }: ClusterFixture,
  name: string,
  isolation: Isolation = "read_uncommitted",
): Promise<string[][]> {
  const found: string[][] = [];
  const { output, deadLetter } = topicsOf(name);
  for (const record of await client.readTopic(output, { isolation })) {
    const { number, attempt } = jsonOf<Attempt>(record);
    (found[number] ??= []).push(`output ${attempt}`);
  }
  for (const record of await client.readTopic(deadLetter, { isolation })) {
    (found[jsonOf<Attempt>(record).number] ??= []).push("dead letter");
  }
  return Array.from(found, (each) => each ?? []);
}

async function traced(
  { folder }: ClusterFixture,
  name: string,
): Promise<Attempt[]> {
  const text = await Deno.readTextFile(`${folder}/${name}.trace`);
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function assertInTime(tries: readonly Attempt[]): void {
  for (const { attempt, atMs, dueMs, number, timestampMs: time } of tries) {
    assert.equal(dueMs === undefined, attempt === 1, `of ${number}`);
    assert.ok(atMs >= (dueMs ?? 0), `${number} was early by ${dueMs! - atMs}`);
    assert.equal(time, timestampMs + number);
  }
  const before = tries.filter(({ attempt }) => attempt > 1).map((each) =>
    tries.find(({ attempt, number }) =>
      number === each.number && attempt === each.attempt - 1
    )
  );
  assert.ok(!before.includes(undefined), "an attempt was left out");
}

/** Dead letters of records that were tried as often as may be. */
function assertLetters(
  letters: readonly KafkaRecord[],
  name: string,
  tries: readonly Attempt[],
): void {
  const { input, group } = topicsOf(name);
  assert.notEqual(letters.length, 0);
  for (const letter of letters) {
    const { number } = jsonOf<Attempt>(letter);
    const headers = Object.fromEntries(
      letter.headers.map(({ name, value }) => [name, decoder.decode(value!)]),
    );
    // Between the first attempt and the second one.
    const firstFailureMs = Date.parse(headers["switchyard.first-failure"]!);
    const timesOf = (attempt: number) =>
      tries.filter((each) => each.number === number && each.attempt === attempt)
        .map(({ atMs }) => atMs);
    assert.ok(firstFailureMs >= Math.min(...timesOf(1)), `of ${number}`);
    assert.ok(firstFailureMs <= Math.max(...timesOf(2)), `of ${number}`);
    assert.match(headers["switchyard.partition"]!, /^[0-3]$/);
    assert.match(headers["switchyard.offset"]!, /^\d+$/);
    assert.deepEqual(letter.headers.map((each) => each.name), [
      "trace",
      ..."reason topic partition offset group attempts first-failure"
        .split(" ").map((each) => `switchyard.${each}`),
    ]);
    const expected = {
      trace: `t${number}`,
      "switchyard.reason": "failure 3",
      "switchyard.topic": input,
      "switchyard.group": group,
      "switchyard.attempts": "3",
    };
    assert.deepEqual({ ...headers, ...expected }, headers);
    assert.equal(letter.timestampMs, timestampMs + number);
    assert.equal(decoder.decode(letter.key!), `key-${number % 50}`);
  }
}

const sum = (numbers: readonly number[]) =>
  numbers.reduce((total, each) => total + each, 0);
