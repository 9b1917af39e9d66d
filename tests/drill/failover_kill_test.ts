/**
 * The primary is killed under load, and nobody does anything: sentinel, mirror
 * and pool are processes with their default settings.
 */
import assert from "node:assert/strict";
import { HISTORY_TOPIC } from "../../dr/state/mod.ts";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import { Generator, idName } from "../chaos/generator.ts";
import { statesUpTo } from "../support/dr_state.ts";
import { freePorts } from "../support/free_port.ts";
import {
  IndependentClient,
  type KafkaRecord,
} from "../support/independent_client.ts";
import { Job, jsonOf, topicsOf } from "../support/job.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { SentinelRun } from "../support/sentinel_run.ts";
import { seed, sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";

const name = "drill";
const { deadLetter, group, input, output } = topicsOf(name);
const partitions = 4;
const recordsPerSecond = sized(2_000, 20_000);
/** In which everything is well. */
const calmRecords = recordsPerSecond * sized(5, 20);
const deadlineMs = 120_000;
const committed = { isolation: "read_committed" } as const;

realKafkaTest(
  "after a kill of the primary each mirrored input has exactly one output, and nobody had to do anything",
  async () => {
    await using pair = await MirrorPair.start();
    await using stack = new AsyncDisposableStack();
    const roles = await startRoles(pair, stack);
    try {
      await drill(pair, roles);
    } catch (error) {
      const { job, sentinel } = roles;
      for (const { child } of [job, sentinel]) {
        console.log(child.lines("stderr").slice(-40).join("\n"));
      }
      pair.tellFailure();
      throw error;
    }
  },
);

interface Roles {
  readonly job: Job;
  readonly sentinel: SentinelRun;
  readonly generator: Generator;
  /** Numbers of acknowledged inputs. */
  readonly acknowledged: Set<number>;
}

async function startRoles(
  pair: MirrorPair,
  stack: AsyncDisposableStack,
): Promise<Roles> {
  const { source, target } = pair;
  const brokers = source.cluster.bootstrapServers;
  const standby = { SECONDARY_BROKERS: target.cluster.bootstrapServers };
  for (const topic of [input, output, deadLetter]) {
    await pair.create(topic, partitions);
  }
  const acknowledged = new Set<number>();
  const generator = stack.use(
    new Generator({
      client: source.client,
      topic: input,
      seed,
      recordsPerSecond,
      history: (operations) => {
        for (const { id, op } of operations) {
          if (op === "ack") acknowledged.add(id);
        }
      },
    }),
  );
  const sentinel = stack.use(
    SentinelRun.start({
      ...standby,
      PRIMARY_BROKERS: brokers,
      GATEWAY_LISTEN: `127.0.0.1:${freePorts(1)[0]}`,
      SENTINEL_TOPICS: input,
      STATE_REPLICATION_FACTOR: "1",
    }),
  );
  const mirror = stack.use(
    pair.mirror([input, output, deadLetter], {
      MIRROR_GROUP_SYNC: "true",
      TRANSACTION_TIMEOUT_MS: "10000",
    }),
  );
  await mirror.running();
  const job = stack.use(
    Job.start({
      brokers,
      name,
      env: { ...standby, GUARANTEE: "exactly-once", INSTANCE_ID: "only" },
    }),
  );
  return { job, sentinel, generator, acknowledged };
}

async function drill(
  { source, target }: MirrorPair,
  { acknowledged, generator, job, sentinel }: Roles,
): Promise<void> {
  const { client } = target;
  await sentinel.until(
    "content with both clusters",
    ({ decision, isVoting }) => isVoting && decision?.kind === "stay",
  );
  await eventually(async () => {
    const positions = await client.committedOffsets(group, input);
    return acknowledged.size >= calmRecords &&
      positions.filter((each) => (each?.offset ?? 0) > 0).length === partitions;
  }, { what: "released on the secondary", timeoutMs: deadlineMs });

  const killedMs = Date.now();
  await source.cluster.brokers[0]!.kill();
  const switched = await job.logged(/switched to secondary/, deadlineMs);
  const epoch = Number(/\(epoch (\d+)\)/.exec(switched.message)![1]);
  // The one that it shares with the generator waits for the dead cluster.
  await using reader = await IndependentClient.connect(
    target.cluster.bootstrapServers,
  );
  await untilProcessed(reader);
  const states = await statesUpTo(
    target.cluster.bootstrapServers,
    HISTORY_TOPIC,
    epoch,
  );
  assert.deepEqual(
    states.slice(-2).map(({ active, era, phase }) =>
      `${active} ${phase} ${era}`
    ),
    ["primary fencing 0", "secondary steady 1"],
  );

  const found = await outcomesOf(reader);
  assert.deepEqual(found.repeated, []);
  assert.deepEqual(found.missing, []);
  const tail = [...acknowledged].filter((id) => !found.inputs.has(id));
  const [fenced, promoted] = states.slice(-2);
  console.log(JSON.stringify({
    seed,
    recordsPerSecond,
    decidedAfterMs: fenced!.sinceMs - killedMs,
    promotedAfterMs: promoted!.sinceMs - killedMs,
    firstOutputAfterMs: found.firstOutputMs - killedMs,
    acknowledged: acknowledged.size,
    mirrored: found.inputs.size,
    tail: tail.length,
    outputsOfTheTail: found.ofTail,
    alreadyDone: await alreadyDone(job),
    sent: generator.counts.sent,
  }));
  await job.stop();
  await sentinel.stop();
}

/** Behind the last records of partitions the mirror's control records follow. */
async function untilProcessed(client: IndependentClient): Promise<void> {
  const ends: number[] = [];
  await client.visitTopic(input, (records) => {
    for (const { offset, partition } of records) ends[partition] = offset + 1;
  }, committed);
  await eventually(async () => {
    const positions = await client.committedOffsets(group, input);
    return ends.every((end, partition) =>
      (positions[partition]?.offset ?? 0) >= end
    );
  }, { what: "processed on the secondary", timeoutMs: deadlineMs });
}

interface Found {
  /** Numbers of those that are on the secondary. */
  readonly inputs: ReadonlySet<number>;
  /** Numbers of inputs without an outcome, and with several. */
  readonly missing: readonly number[];
  readonly repeated: readonly number[];
  /** Outcomes that were mirrored, and their inputs were not. */
  readonly ofTail: number;
  /** Of what was made on the secondary. */
  readonly firstOutputMs: number;
}

/** An input's outcome is an output or a dead letter. */
async function outcomesOf(client: IndependentClient): Promise<Found> {
  const inputs = new Set<number>();
  await client.visitTopic(input, (records) => {
    for (const record of records) inputs.add(numberOf(record));
  }, committed);
  const times = new Map<number, number>();
  const stamps = new Map<string, number>();
  const count = (id: number) => times.set(id, (times.get(id) ?? 0) + 1);
  await client.visitTopic(output, (records) => {
    for (const record of records) {
      count(jsonOf<{ event_id: number }>(record).event_id);
      const cluster = clusterOf(record);
      const first = stamps.get(cluster) ?? Infinity;
      stamps.set(cluster, Math.min(first, record.timestampMs));
    }
  }, committed);
  await client.visitTopic(deadLetter, (records) => {
    for (const record of records) count(numberOf(record));
  }, committed);
  // First there was the one, then the other.
  assert.equal(stamps.size, 2);
  return {
    inputs,
    missing: [...inputs].filter((id) => !times.has(id)),
    repeated: [...times].filter(([, count]) => count > 1).map(([id]) => id),
    ofTail: [...times.keys()].filter((id) => !inputs.has(id)).length,
    firstOutputMs: Math.max(...stamps.values()),
  };
}

const decoder = new TextDecoder();

function headerOf({ headers }: KafkaRecord, wanted: string): string {
  const header = headers.find(({ name }) => name === wanted);
  return decoder.decode(header?.value ?? undefined);
}

const numberOf = (record: KafkaRecord) => Number(headerOf(record, idName));

const clusterOf = (record: KafkaRecord) =>
  headerOf(record, COORDINATES_HEADER).split("/")[0]!;

async function alreadyDone(job: Job): Promise<number> {
  const { totals } = JSON.parse((await job.get("/status")).text);
  return totals.alreadyDone;
}
