/**
 * The whole circle under load: the primary is killed, clients go on on the
 * secondary, the primary returns with its tail and becomes active again. All
 * roles are processes; an application that follows the state writes all the
 * time, and one that knows nothing of it writes where it is started.
 */
import assert from "node:assert/strict";
import { ActiveCluster, type ClusterName } from "../../dr/follow/mod.ts";
import { Generator } from "../chaos/generator.ts";
import { library } from "../support/embedded.ts";
import { FailbackRuns } from "../support/failback_run.ts";
import type { IndependentClient } from "../support/independent_client.ts";
import { topicsOf } from "../support/job.ts";
import { MirrorPair } from "../support/mirror_pair.ts";
import { realKafkaTest } from "../support/require_java.ts";
import { seed, sized } from "../support/soak.ts";
import { eventually, within } from "../support/wait.ts";
import { FollowingLoad } from "./support/following_load.ts";
import {
  idsOf,
  type Input,
  inputsOf,
  missingFrom,
  type Outcome,
  outcomesOf,
  repeatedIn,
} from "./support/outcomes.ts";
import {
  mirrorEnv,
  type Roles,
  startRoles,
  tellFailure,
  topicNames,
  untilReady,
} from "./support/roles.ts";

const name = "circle";
const { deadLetter, group, input, output } = topicsOf(name);
const topics = topicNames(name);
const partitions = 4;
const recordsPerSecond = sized(1_000, 20_000);
/** What is written before a fault, and after each step. */
const someRecords = recordsPerSecond * sized(3, 20);
const tailRecords = recordsPerSecond / 4;
/** Of those who do not follow, by where they write. */
const firstOf = { secondary: 100_000_000, primary: 200_000_000 } as const;
const deadlineMs = 120_000;

realKafkaTest(
  "each acknowledged input has one outcome after a failover and the way home, under load all the time",
  async () => {
    await using pair = await MirrorPair.start();
    await using stack = new AsyncDisposableStack();
    for (const topic of topics) await pair.create(topic, partitions);
    const roles = await startRoles(pair, name, stack);
    try {
      await goRound(pair, roles, stack);
    } catch (error) {
      tellFailure(pair, roles);
      throw error;
    }
  },
);

async function goRound(
  pair: MirrorPair,
  roles: Roles,
  stack: AsyncDisposableStack,
): Promise<void> {
  const { source, target } = pair;
  const runs = new FailbackRuns(pair, {
    ...mirrorEnv,
    MIRROR_TOPICS: topics.map((each) => each.replaceAll(".", "\\.")).join(),
    INPUT_TOPIC: input,
    OUTPUT_TOPIC: output,
    GROUP_ID: group,
  });
  const active = await startFollowing(pair, stack);
  const load = stack.use(
    new FollowingLoad({ active, topic: input, seed, recordsPerSecond }),
  );
  const { acknowledged } = load;
  const strangers = new Strangers();
  const stranger = (cluster: ClusterName, client: IndependentClient) =>
    stack.use(strangers.on(cluster, client));

  await untilReady(pair, roles, name, partitions);
  await grown(acknowledged.primary, someRecords, "before the kill");
  // What comes from now on is in the tail.
  roles.mirror.child.signal("SIGSTOP");
  await grown(acknowledged.primary, tailRecords, "what is not mirrored");
  await source.cluster.brokers[0]!.kill();
  roles.mirror.child.signal("SIGCONT");
  await roles.job.logged(/switched to secondary/, deadlineMs);
  const before = new Set(acknowledged.primary);
  const away = stranger("secondary", target.client);
  await grown(acknowledged.secondary, someRecords, "after the failover");

  // It returns, with what nobody has mirrored.
  await source.cluster.brokers[0]!.restart();
  await eventually(() => endsOf(source.client), {
    what: "led again",
    timeoutMs: deadlineMs,
  });
  const plan = await runs.json("failback", "--dry-run");
  // Not before that: it has waited for transactions that the kill left open.
  const ends = await endsOf(source.client);
  const back = stack.use(
    pair.mirror(topics, mirrorEnv, undefined, ["--from", "secondary"]),
  );
  const isPlanned = acknowledged.secondary.size;
  const caughtUp = await runs.json("failback");
  assert.equal(caughtUp.outcome, "caught-up");
  const recovered = acknowledged.secondary.size;
  assert.ok(recovered > isPlanned, "nothing was written meanwhile");
  await grown(acknowledged.secondary, someRecords, "after the replay");
  await passed(target.client);

  // Home. Those who do not follow are stopped for that, and started there.
  await away.stop();
  const home = await runs.json("failback", "--switch");
  assert.deepEqual(
    [home.outcome, home.state.active, home.state.phase],
    ["home", "primary", "steady"],
  );
  await roles.job.logged(/switched to primary/, deadlineMs);
  const there = stranger("primary", source.client);
  await grown(acknowledged.primary, someRecords, "at home");
  await there.stop();
  await load.stop();
  await passed(source.client);

  // As it began: the job on the primary, and the mirror from it.
  const { following } = JSON.parse((await roles.job.get("/status")).text);
  assert.deepEqual(
    [following.active, following.phase, following.epoch],
    ["primary", "steady", home.state.epoch],
  );
  await roles.job.stop();
  await pair.caughtUp(topics, [roles.mirror], deadlineMs);
  await back.until("idle", ({ phase }) => phase === "idle");
  await Promise.all([roles.mirror.stop(), back.stop()]);
  await roles.sentinel.stop();

  const all = [
    ...acknowledged.primary,
    ...acknowledged.secondary,
    ...strangers.acknowledged,
  ];
  const { clusterId } = await source.admin.describeCluster({
    timeoutMs: 30_000,
  });
  const onPrimary = await seenOn(source.client);
  const onSecondary = await seenOn(target.client);
  const tail = tailOf(onPrimary, onSecondary, ends, clusterId!);
  assert.ok(tail.inputs.length >= tailRecords, `${tail.inputs.length}`);
  expectPlanned(plan, tail);
  // Exactly what was acknowledged there, and what may have been.
  const mirrored = idsOf(onSecondary.inputs.filter((each) => !each.isReplayed));
  const lost = missingFrom(mirrored, before);
  assert.deepEqual(missingFrom(idsOf(tail.inputs), lost), []);
  assert.deepEqual(
    missingFrom(new Set([...lost, ...load.unknown]), idsOf(tail.inputs)),
    [],
  );
  expectOnce(onSecondary, all);
  // What the job had made there before the kill stays, and is not mirrored back.
  expectOnce(onPrimary, all);
  console.log(JSON.stringify({
    seed,
    recordsPerSecond,
    acknowledged: all.length,
    unknown: load.unknown.size,
    tail: tail.inputs.length,
    outputsOfTheTail: tail.outcomes.length,
    resting: plan.resting,
    writtenDuringFailback: recovered - isPlanned,
    failback: caughtUp.steps,
    switch: home.steps,
  }));
}

/** Those who write without following, one after the other. */
class Strangers {
  readonly acknowledged = new Set<number>();

  on(cluster: ClusterName, client: IndependentClient): Generator {
    return new Generator({
      client,
      topic: input,
      seed,
      first: firstOf[cluster],
      recordsPerSecond: recordsPerSecond / 10,
      history: (operations) => {
        for (const { id, op } of operations) {
          if (op === "ack") this.acknowledged.add(id);
        }
      },
    });
  }
}

async function startFollowing(
  { source, target }: MirrorPair,
  stack: AsyncDisposableStack,
): Promise<ActiveCluster> {
  const kafka = ({ cluster }: MirrorPair["source"]) => ({
    kafka: { "bootstrap.servers": cluster.bootstrapServers },
  });
  const active = await ActiveCluster.open({
    library,
    primary: kafka(source),
    secondary: kafka(target),
  }, new AbortController().signal);
  stack.defer(() => within(active.idle(), deadlineMs, "idle"));
  return stack.use(active);
}

async function grown(
  acknowledged: ReadonlySet<number>,
  records: number,
  what: string,
): Promise<void> {
  const wanted = acknowledged.size + records;
  await eventually(() => acknowledged.size >= wanted, {
    what: `writing ${what}`,
    timeoutMs: deadlineMs,
  });
}

/** The job has processed what is there now, and what comes behind it. */
async function passed(client: IndependentClient): Promise<void> {
  const ends = await client.watermarks(input);
  await eventually(async () => {
    const positions = await client.committedOffsets(group, input);
    return ends.every(({ high }, partition) =>
      (positions[partition]?.offset ?? 0) >= high
    );
  }, { what: "processed", timeoutMs: deadlineMs });
}

/** By topic and partition. */
type Ends = ReadonlyMap<string, readonly number[]>;

async function endsOf(client: IndependentClient): Promise<Ends> {
  const ends = new Map<string, number[]>();
  for (const topic of topics) {
    const marks = await client.watermarks(topic);
    ends.set(topic, marks.map(({ high }) => high));
  }
  return ends;
}

interface Seen {
  readonly inputs: readonly Input[];
  readonly outcomes: readonly Outcome[];
}

const seenOn = async (client: IndependentClient): Promise<Seen> => ({
  inputs: await inputsOf(client, name),
  outcomes: await outcomesOf(client, name),
});

/** What the primary had when it returned, and the secondary did not. */
function tailOf(
  onPrimary: Seen,
  onSecondary: Seen,
  ends: Ends,
  clusterId: string,
): Seen {
  const mirrored = idsOf(
    onSecondary.inputs.filter(({ isReplayed }) => !isReplayed),
  );
  const kept = idsOf(
    onSecondary.outcomes.filter(({ cluster }) => cluster === clusterId),
  );
  return {
    inputs: onPrimary.inputs.filter(({ id, offset, partition }) =>
      offset < ends.get(input)![partition]! && !mirrored.has(id)
    ),
    outcomes: onPrimary.outcomes.filter(({ id, offset, partition, topic }) =>
      offset < ends.get(topic)![partition]! && !kept.has(id)
    ),
  };
}

interface Plan {
  readonly stage: string;
  readonly problems: readonly string[];
  readonly tail: readonly {
    readonly topic: string;
    readonly treatment: string;
    readonly records: number;
    readonly partitions: readonly {
      readonly partition: number;
      readonly records: number;
      readonly first: number | null;
      readonly last: number | null;
    }[];
  }[];
}

/** The dry run has listed the tail that an independent reader finds. */
function expectPlanned(plan: Plan, tail: Seen): void {
  assert.deepEqual([plan.stage, plan.problems], ["recover", []]);
  const listed = plan.tail.find(({ topic }) => topic === input);
  const found = Map.groupBy(tail.inputs, ({ partition }) => partition);
  assert.deepEqual(
    listed?.partitions ?? [],
    [...found.keys()].sort().map((partition) => {
      const offsets = found.get(partition)!.map(({ offset }) => offset);
      return {
        partition,
        records: offsets.length,
        first: offsets[0],
        last: offsets.at(-1),
      };
    }),
  );
  const derived = plan.tail.filter(({ topic }) => topic !== input);
  for (const topic of [output, deadLetter]) {
    const records = derived.find((each) => each.topic === topic)?.records ?? 0;
    const made = tail.outcomes.filter((each) => each.topic === topic);
    assert.deepEqual([topic, records], [topic, made.length]);
  }
}

/** Nothing is lost and nothing repeated, inputs and outcomes. */
function expectOnce(
  { inputs, outcomes }: Seen,
  acknowledged: readonly number[],
): void {
  assert.deepEqual(missingFrom(idsOf(inputs), acknowledged), []);
  assert.deepEqual(repeatedIn(inputs), []);
  assert.deepEqual(missingFrom(idsOf(outcomes), idsOf(inputs)), []);
  assert.deepEqual(missingFrom(idsOf(inputs), idsOf(outcomes)), []);
  assert.deepEqual(repeatedIn(outcomes), []);
}
