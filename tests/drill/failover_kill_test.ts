/**
 * The primary is killed under load, and nobody does anything: sentinel, mirror
 * and pool are processes with their default settings, but for a mirror that is
 * hastened in the short form. In a soak all brokers of a larger primary die, and
 * the first output has to be there in the time that is promised.
 */
import assert from "node:assert/strict";
import { HISTORY_TOPIC } from "../../dr/state/mod.ts";
import { Generator } from "../chaos/generator.ts";
import { statesUpTo } from "../support/dr_state.ts";
import { IndependentClient } from "../support/independent_client.ts";
import { type Job, topicsOf } from "../support/job.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { isSoak, seed, sized } from "../support/soak.ts";
import { eventually } from "../support/wait.ts";
import {
  idsOf,
  inputsOf,
  missingFrom,
  type Outcome,
  outcomesOf,
  repeatedIn,
} from "./support/outcomes.ts";
import {
  defaultMirrorEnv,
  mirrorEnv,
  type Roles,
  startRoles,
  tellFailure,
  topicNames,
  untilReady,
} from "./support/roles.ts";
import { StableEnds } from "./support/stable_ends.ts";

const name = "drill";
const { group, input, output } = topicsOf(name);
const partitions = 4;
const recordsPerSecond = sized(2_000, 20_000);
/** In which everything is well. */
const calmRecords = recordsPerSecond * sized(5, 20);
const deadlineMs = 120_000;
/** Until readers of committed records see an output; in a soak they must. */
const mostAfterKillMs = 5_000;
const mostAfterDecisionMs = 1_000;
const committed = { isolation: "read_committed" } as const;

realKafkaTest(
  "after a kill of the primary each mirrored input has exactly one output, and nobody had to do anything",
  async () => {
    await using pair = await MirrorPair.start(
      isSoak ? { sourceBrokers: 2 } : {},
    );
    await using stack = new AsyncDisposableStack();
    for (const topic of topicNames(name)) await pair.create(topic, partitions);
    const acknowledged = new Set<number>();
    const generator = stack.use(
      new Generator({
        client: pair.source.client,
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
    const roles = await startRoles(
      pair,
      name,
      stack,
      isSoak ? defaultMirrorEnv : mirrorEnv,
    );
    try {
      await drill(pair, roles, { acknowledged, generator });
    } catch (error) {
      tellFailure(pair, roles);
      throw error;
    }
  },
);

interface Load {
  readonly generator: Generator;
  /** Numbers of acknowledged inputs. */
  readonly acknowledged: ReadonlySet<number>;
}

async function drill(
  pair: MirrorPair,
  roles: Roles,
  { acknowledged, generator }: Load,
): Promise<void> {
  const { source, target } = pair;
  const { job, sentinel } = roles;
  await untilReady(pair, roles, name, partitions);
  await eventually(() => acknowledged.size >= calmRecords, {
    what: "under load for long enough",
    timeoutMs: deadlineMs,
  });

  const killedMs = Date.now();
  await Promise.all(source.cluster.brokers.map((each) => each.kill()));
  await using ends = new StableEnds(target.client, output);
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

  const inputs = idsOf(await inputsOf(reader, name));
  const outcomes = await outcomesOf(reader, name);
  const done = idsOf(outcomes);
  assert.deepEqual(repeatedIn(outcomes), []);
  assert.deepEqual(missingFrom(done, inputs), []);
  const { clusterId } = await target.admin.describeCluster({
    timeoutMs: deadlineMs,
  });
  // Dead letters have the times of their inputs.
  const own = outcomes.filter((each) =>
    each.cluster === clusterId && each.topic === output
  );
  const earliest = (of: (each: Outcome) => number) =>
    own.reduce((least, each) => Math.min(least, of(each)), Infinity);
  const writtenMs = earliest(({ timestampMs }) => timestampMs);
  const seenMs = earliest((each) => ends.seenMs(each) ?? Infinity);
  const [fenced, promoted] = states.slice(-2);
  const decidedMs = Date.parse(sentinel.log(/^fails over to/)[0]!.time);
  console.log(JSON.stringify({
    seed,
    recordsPerSecond,
    decidedAfterMs: decidedMs - killedMs,
    fencedAfterMs: fenced!.sinceMs - killedMs,
    promotedAfterMs: promoted!.sinceMs - killedMs,
    writtenAfterMs: writtenMs - killedMs,
    seenAfterMs: seenMs - killedMs,
    writtenAfterDecisionMs: writtenMs - decidedMs,
    seenAfterDecisionMs: seenMs - decidedMs,
    acknowledged: acknowledged.size,
    mirrored: inputs.size,
    tail: missingFrom(inputs, acknowledged).length,
    outputsOfTheTail: missingFrom(inputs, done).length,
    alreadyDone: await alreadyDone(job),
    sent: generator.counts.sent,
  }));
  assert.ok(Number.isFinite(seenMs), "no output was seen");
  if (isSoak) {
    assert.ok(seenMs - killedMs <= mostAfterKillMs);
    assert.ok(seenMs - decidedMs <= mostAfterDecisionMs);
  }
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

async function alreadyDone(job: Job): Promise<number> {
  const { totals } = JSON.parse((await job.get("/status")).text);
  return totals.alreadyDone;
}
