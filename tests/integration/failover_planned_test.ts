/**
 * `failover --planned` as a process, with a pool, a mirror, a sentinel and a load
 * at work, on two real clusters.
 */
import assert from "node:assert/strict";
import { Generator, idName } from "../chaos/generator.ts";
import { type Roles, startRoles } from "../drill/support/roles.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type {
  IndependentClient,
  KafkaRecord,
} from "../support/independent_client.ts";
import { jsonOf, topicsOf } from "../support/job.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { quietKafka } from "../support/quiet_kafkajs.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { eventually } from "../support/wait.ts";

const name = "planned";
const { deadLetter, group, input, output } = topicsOf(name);
const topics = [input, output, deadLetter];
const partitions = 2;
const calmRecords = 500;
const deadlineMs = 90_000;
const committed = { isolation: "read_committed" } as const;
/** Of inputs that are written after the switch. */
const LATE = 1_000_000;
const lateRecords = 20;
const decoder = new TextDecoder();

realKafkaTest(
  "a planned switch is refused while others are at work, and then loses and repeats nothing",
  async () => {
    await using pair = await MirrorPair.start({ heapMb: 256 });
    await using stack = new AsyncDisposableStack();
    const roles = await startLoaded(pair, stack);
    try {
      await switchOver(pair, roles);
    } catch (error) {
      for (const { child } of [roles.job, roles.sentinel]) {
        console.log(child.lines("stderr").slice(-40).join("\n"));
      }
      pair.tellFailure();
      throw error;
    }
  },
);

interface Loaded extends Roles {
  readonly generator: Generator;
  /** Numbers of acknowledged inputs. */
  readonly acknowledged: Set<number>;
}

async function startLoaded(
  pair: MirrorPair,
  stack: AsyncDisposableStack,
): Promise<Loaded> {
  for (const topic of topics) await pair.create(topic, partitions);
  const acknowledged = new Set<number>();
  const generator = stack.use(
    new Generator({
      client: pair.source.client,
      topic: input,
      seed: 1,
      recordsPerSecond: 200,
      history: (operations) => {
        for (const { id, op } of operations) {
          if (op === "ack") acknowledged.add(id);
        }
      },
    }),
  );
  const roles = await startRoles(pair, name, stack);
  return { ...roles, generator, acknowledged };
}

async function switchOver(
  pair: MirrorPair,
  { acknowledged, generator, job, sentinel }: Loaded,
): Promise<void> {
  const { source, target } = pair;
  const runs = new FailbackRuns(pair, {
    MIRROR_TOPICS: topics.join(","),
    MIRROR_GROUP_SYNC: "true",
    INPUT_TOPIC: input,
    OUTPUT_TOPIC: output,
    HTTP_PORT: "0",
  });
  await eventually(async () => {
    const positions = await target.client.committedOffsets(group, input);
    return acknowledged.size >= calmRecords &&
      positions.filter((each) => (each?.offset ?? 0) > 0).length === partitions;
  }, { what: "released on the secondary", timeoutMs: deadlineMs });
  const begun = (await sentinel.status()).state!;

  // Somebody who will not leave: nobody has to rest for that.
  const stranger = quietKafka(source.cluster.bootstrapServers)
    .consumer({ groupId: "strangers" });
  await stranger.connect();
  // Of records it could only read those that are not compressed.
  await pair.create("others", 1);
  await stranger.subscribe({ topic: "others" });
  const joined = Promise.withResolvers<void>();
  stranger.on(stranger.events.GROUP_JOIN, () => joined.resolve());
  await stranger.run({ eachMessage: () => Promise.resolve() });
  await joined.promise;
  const strange = await runs.run("failover", "--planned");
  assert.equal(strange.code, 1, strange.said);
  assert.match(strange.said, /group strangers has members .* Stop them/);
  assert.equal((await sentinel.status()).state!.epoch, begun.epoch);
  await stranger.disconnect();
  const denying = await runs.run(
    "failover",
    "--planned",
    "--deny-principal",
    "User:alice",
  );
  assert.equal(denying.code, 1, denying.said);
  assert.match(denying.said, /the primary has no authorizer/);
  assert.equal((await sentinel.status()).state!.epoch, begun.epoch);

  // Somebody goes on writing: the pool has rested, and works again.
  const refused = await runs.run("failover", "--planned");
  assert.equal(refused.code, 1, refused.said);
  assert.match(
    refused.said,
    /goes on writing to .* of the primary.*the primary is active, steady/,
  );
  await sentinel.until(
    "told that all is as it was",
    ({ state }) =>
      state!.active === "primary" && state!.phase === "steady" &&
      state!.era === begun.era && state!.epoch > begun.epoch,
  );
  const before = await countOf(source.client, output);
  await eventually(
    async () => await countOf(source.client, output) > before + 50,
    { what: "worked on the primary again", timeoutMs: deadlineMs },
  );

  await generator.stop();
  const report = await runs.json("failover", "--planned", "--reason", "moves");
  assert.equal(report.outcome, "promoted");
  assert.deepEqual(report.problems, []);
  assert.deepEqual(
    report.steps.map(({ step }: { step: string }) => step),
    ["rest", "fence", "seal", "drain", "outputs", "promote"],
  );
  assert.deepEqual(
    [report.state.active, report.state.phase, report.state.era],
    ["secondary", "steady", begun.era + 1],
  );
  assert.equal(report.state.reason, "moves");
  console.log(JSON.stringify(report.steps));

  await job.logged(/switched to secondary/, deadlineMs);
  await target.client.produce(
    input,
    Array.from({ length: lateRecords }, (_, at) => ({
      key: null,
      value: "no login",
      headers: [{ name: idName, value: String(LATE + at) }],
    })),
  );
  await eventually(
    async () => (await outcomesOf(target.client)).late === lateRecords,
    { what: "processed on the secondary", timeoutMs: deadlineMs },
  );
  const found = await outcomesOf(target.client);
  assert.deepEqual(found.repeated, []);
  assert.deepEqual(found.missing, []);
  assert.ok(acknowledged.size > calmRecords);
  assert.ok(acknowledged.isSubsetOf(found.inputs), "not all came over");

  // Nothing is to be replayed.
  const plan = await runs.json("failback", "--dry-run");
  assert.deepEqual(plan.problems, []);
  assert.deepEqual(
    plan.tail.filter(({ records }: { records: number }) => records > 0),
    [],
  );
  console.log(`${acknowledged.size} inputs, tail empty`);
  await job.stop();
  await sentinel.stop();
}

const countOf = async (client: IndependentClient, topic: string) =>
  (await client.watermarks(topic)).reduce((sum, { high }) => sum + high, 0);

/** An input's outcome is an output or a dead letter. */
async function outcomesOf(client: IndependentClient) {
  const inputs = new Set<number>();
  const times = new Map<number, number>();
  const count = (id: number) => times.set(id, (times.get(id) ?? 0) + 1);
  for (const record of await client.readTopic(input, committed)) {
    inputs.add(numberOf(record));
  }
  for (const record of await client.readTopic(output, committed)) {
    count(jsonOf<{ event_id: number }>(record).event_id);
  }
  for (const record of await client.readTopic(deadLetter, committed)) {
    count(numberOf(record));
  }
  return {
    inputs,
    late: [...times.keys()].filter((id) => id >= LATE).length,
    missing: [...inputs].filter((id) => !times.has(id)),
    repeated: [...times].filter(([, count]) => count > 1).map(([id]) => id),
  };
}

function numberOf({ headers }: KafkaRecord): number {
  const header = headers.find(({ name }) => name === idName);
  return Number(decoder.decode(header?.value ?? undefined));
}
