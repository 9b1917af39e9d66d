/** The logs of a mirror's lanes, followed on real Kafka. */
import assert from "node:assert/strict";
import {
  encodeDelta,
  encodeSnapshot,
  FollowError,
  LaneFollower,
  LaneLogError,
  type OffsetMap,
  type PartitionDelta,
} from "../../dr/offset_map/mod.ts";
import type { ConsumerProperties } from "../../src/kafka/mod.ts";
import { KafkaProxy } from "../chaos/proxy.ts";
import { type ClusterFixture, clusterSteps } from "../support/cluster_steps.ts";
import { FAST_FETCH, library, Sender } from "../support/embedded.ts";
import type { IndependentClient } from "../support/independent_client.ts";
import { eventually } from "../support/wait.ts";

const WAIT_MS = 30_000;
const LANES = 3;
const ERA = 4;
const PARTITIONS = 2000;
const source = "orders";
const topicId = new Uint8Array(16).fill(7)
  .toBase64({ alphabet: "base64url", omitPadding: true });

clusterSteps("the logs of lanes are followed", { proxied: true }, {
  "what transactions commit counts, and what they abort does not": committed,
  "an open transaction does not hold up loading, and counts later": open,
  "whoever follows live and whoever begins after a snapshot agree": late,
  "whoever was too slow for deleted records goes on with the snapshot": slow,
  "a log that lost its beginning, or holds something else, is refused": damaged,
  "a lane can be followed alone, and there must be one": chosen,
});

async function committed({ cluster, client }: ClusterFixture): Promise<void> {
  const topic = "committed";
  await cluster.createTopic(topic, LANES);
  await using lanes = await Lanes.start(cluster.bootstrapServers, topic);
  await lanes.transaction(0, [delta(0, 0, 10)]);
  await lanes.transaction(0, [delta(0, 10, 999)], "abort");
  await lanes.transaction(0, [delta(0, 10, 5)]);
  await lanes.transaction(1, [delta(1, 0, 999)], "abort");
  await endOf(client, topic, 0, 6);
  await endOf(client, topic, 1, 2);

  await using follower = await follow(cluster.bootstrapServers, topic);
  await follower.load(deadline());

  assert.deepEqual(positions(follower.map), new Map([[0, 15]]));
  assert.deepEqual(follower.map.translate(tp(0), 11), {
    offset: 13,
    exact: true,
  });
}

async function open({ cluster, client }: ClusterFixture): Promise<void> {
  const topic = "open";
  await cluster.createTopic(topic, LANES);
  await using lanes = await Lanes.start(cluster.bootstrapServers, topic);
  await lanes.transaction(0, [delta(0, 0, 10)]);
  await endOf(client, topic, 0, 2);
  const [, second] = lanes.senders;
  second!.producer.beginTransaction();
  await second!.send([lanes.record(1, delta(1, 0, 10))]);

  await using follower = await follow(cluster.bootstrapServers, topic);
  await follower.load(deadline());
  assert.deepEqual(positions(follower.map), new Map([[0, 10]]));

  await second!.producer.commitTransaction(WAIT_MS);
  await until(follower, (map) => map.position(tp(1)) !== null);
  // Everything that a later call finds committed is there, too.
  await lanes.transaction(0, [delta(0, 10, 1)]);
  await eventually(async () => {
    await follower.load(deadline());
    return follower.map.position(tp(0))?.position === 11;
  }, { what: "loaded", everyMs: 0 });
}

async function late({ cluster, client }: ClusterFixture): Promise<void> {
  const topic = "late";
  await cluster.createTopic(topic, LANES);
  await using lanes = await Lanes.start(cluster.bootstrapServers, topic);
  await using live = await follow(cluster.bootstrapServers, topic);
  await live.load(deadline());
  const stop = new AbortController();
  const following = live.follow(stop.signal);
  try {
    for (let turn = 0; turn < 5; turn++) {
      for (let lane = 0; lane < LANES; lane++) {
        const end = turn === 2 ? "abort" : "commit";
        const at = (turn > 2 ? turn - 1 : turn) * 7;
        const deltas = partitionsOf(lane)
          .map((partition) => delta(partition, at, 7));
        await lanes.transaction(lane, [deltas.flat()], end);
      }
    }
    const has = (end: number) => (map: OffsetMap) =>
      [...map.partitions()].filter(({ position }) => position === end)
        .length === PARTITIONS;
    await until(live, has(28));

    // The owner of each lane writes a snapshot, and deletes what is before it.
    for (let lane = 0; lane < LANES; lane++) {
      const high = await endOf(client, topic, lane, 10);
      const { era, partitions } = live.map.snapshotOf(lane);
      const parts = encodeSnapshot(era, partitions, 2_000);
      assert.ok(parts.length > 5);
      await lanes.transaction(lane, parts);
      await client.deleteRecords(topic, lane, high);
      const deltas = partitionsOf(lane)
        .flatMap((partition) => delta(partition, 28, 1));
      await lanes.transaction(lane, [deltas]);
    }
    assert.ok((await client.watermarks(topic)).every(({ low }) => low > 0));

    await using young = await follow(cluster.bootstrapServers, topic);
    await young.load(deadline());
    await until(young, has(29));
    await until(live, has(29));
    assertSame(live.map, young.map);
  } finally {
    stop.abort();
    await following;
  }
}

async function slow({ cluster, client }: ClusterFixture): Promise<void> {
  const topic = "slow";
  await cluster.createTopic(topic, 1);
  await using lanes = await Lanes.start(cluster.bootstrapServers, topic, 1);
  await lanes.transaction(0, [[...delta(0, 0, 10), ...delta(1, 0, 10)]]);
  const [route] = cluster.routes;
  await using proxy = new KafkaProxy({ ...route!, random: Math.random });
  await using follower = await follow(cluster.proxiedServers, topic);
  await follower.load(deadline());

  proxy.mode = { kind: "black hole" };
  for (let at = 10; at < 20; at++) {
    await lanes.transaction(0, [delta(0, at, 1)]);
  }
  const high = await endOf(client, topic, 0, 22);
  await lanes.transaction(0, encodeSnapshot(ERA, delta(0, 0, 20), 1_000));
  await client.deleteRecords(topic, 0, high);
  proxy.heal();

  await until(follower, (map) => map.position(tp(1)) === null);
  assert.deepEqual(positions(follower.map), new Map([[0, 20]]));
  await lanes.transaction(0, [delta(0, 20, 1)]);
  await until(follower, (map) => map.position(tp(0))?.position === 21);
}

async function damaged({ cluster, client }: ClusterFixture): Promise<void> {
  const { bootstrapServers } = cluster;
  await cluster.createTopic("beheaded", 1);
  await using lanes = await Lanes.start(bootstrapServers, "beheaded", 1);
  await lanes.transaction(0, [delta(0, 0, 10)]);
  const high = await endOf(client, "beheaded", 0, 2);
  await client.deleteRecords("beheaded", 0, high);
  {
    await using follower = await follow(bootstrapServers, "beheaded");
    await assert.rejects(follower.load(deadline()), LaneLogError);
  }
  await lanes.transaction(0, [delta(0, 10, 10)]);
  {
    await using follower = await follow(bootstrapServers, "beheaded");
    await assert.rejects(
      follower.follow(deadline()),
      (error) =>
        error instanceof FollowError && error.cause instanceof LaneLogError,
    );
  }
  for (const [topic, value] of [["garbage", "{}"], ["null", null]] as const) {
    await cluster.createTopic(topic, 1);
    await using follower = await follow(bootstrapServers, topic);
    await follower.load(deadline());
    const following = assert.rejects(
      follower.follow(deadline()),
      (error) =>
        error instanceof FollowError &&
        error.message.startsWith(`${topic} [0] at offset 0: `),
    );
    await client.produce(topic, [{ key: null, value }]);
    await following;
    await assert.rejects(follower.load(deadline()), FollowError);
  }
}

async function chosen({ cluster, client }: ClusterFixture): Promise<void> {
  const topic = "chosen";
  const { bootstrapServers } = cluster;
  await cluster.createTopic(topic, LANES);
  await using lanes = await Lanes.start(bootstrapServers, topic);
  for (let lane = 0; lane < LANES; lane++) {
    await lanes.transaction(lane, [delta(lane, 0, 10)]);
    await endOf(client, topic, lane, 2);
  }
  await using follower = await LaneFollower.open({
    ...options(bootstrapServers, topic),
    lanes: [1],
  });
  await follower.load(deadline());
  assert.deepEqual(positions(follower.map), new Map([[1, 10]]));
  const reason = new Error("enough");
  await assert.rejects(follower.load(AbortSignal.abort(reason)), reason);
  await follower[Symbol.asyncDispose]();
  await assert.rejects(follower.follow(deadline()), TypeError);

  const giveUp = new AbortController();
  const opening = LaneFollower.open({
    ...options("127.0.0.1:1", topic),
    signal: giveUp.signal,
  });
  giveUp.abort(reason);
  await assert.rejects(opening, reason);
  for (
    const wrong of [{ lanes: [LANES] }, { lanes: [-1] }, { topic: "missing" }]
  ) {
    const opening = LaneFollower.open({
      ...options(bootstrapServers, topic),
      ...wrong,
    });
    await assert.rejects(opening, FollowError);
  }
}

/** The owners of all lanes: each has a transactional producer. */
class Lanes implements AsyncDisposable {
  readonly topic: string;
  readonly senders: readonly Sender[];

  private constructor(topic: string, senders: readonly Sender[]) {
    this.topic = topic;
    this.senders = senders;
  }

  static async start(
    bootstrapServers: string,
    topic: string,
    count = LANES,
  ): Promise<Lanes> {
    const senders = Array.from(
      { length: count },
      (_, lane) =>
        new Sender(bootstrapServers, {
          "transactional.id": `${topic}-${lane}`,
        }),
    );
    const lanes = new Lanes(topic, senders);
    for (const { producer } of senders) {
      await producer.initTransactions(WAIT_MS);
    }
    return lanes;
  }

  record(lane: number, content: readonly PartitionDelta[] | Uint8Array) {
    const value = content instanceof Uint8Array
      ? content
      : encodeDelta(ERA, content);
    return { topic: this.topic, partition: lane, value };
  }

  /** Writes deltas, or the parts of a snapshot. */
  async transaction(
    lane: number,
    contents: readonly (readonly PartitionDelta[] | Uint8Array)[],
    end: "commit" | "abort" = "commit",
  ): Promise<void> {
    const sender = this.senders[lane]!;
    sender.producer.beginTransaction();
    const reports = await sender.send(
      contents.map((each) => this.record(lane, each)),
    );
    assert.ok(reports.every(({ code }) => code === 0));
    if (end === "commit") await sender.producer.commitTransaction(WAIT_MS);
    else await sender.producer.abortTransaction(WAIT_MS);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sender of this.senders) await sender[Symbol.asyncDispose]();
  }
}

const tp = (partition: number) => ({ topic: source, partition });

/** Markers of transactions lie between the runs in the target. */
function delta(
  partition: number,
  upstream: number,
  length: number,
): PartitionDelta[] {
  const markers = 2 * Math.floor(upstream / 7);
  const run = { upstream, downstream: upstream + markers, length };
  const position = upstream + length;
  const known = { position, leaderEpoch: 0, runs: [run] };
  return [{ topic: source, topicId, partition, ...known }];
}

const partitionsOf = (lane: number) =>
  Array.from({ length: PARTITIONS }, (_, partition) => partition)
    .filter((partition) => partition % LANES === lane);

/** A commit may be answered before its marker is there. */
const endOf = (
  client: IndependentClient,
  topic: string,
  lane: number,
  end: number,
) =>
  eventually(async () => {
    const { high } = (await client.watermarks(topic))[lane]!;
    return high === end ? high : null;
  }, { what: `at the end of ${topic}` });

const deadline = () => AbortSignal.timeout(WAIT_MS);

const options = (bootstrapServers: string, topic: string) => ({
  library,
  properties: {
    "bootstrap.servers": bootstrapServers,
    ...FAST_FETCH,
  } satisfies ConsumerProperties,
  topic,
  signal: deadline(),
});

const follow = (bootstrapServers: string, topic: string) =>
  LaneFollower.open(options(bootstrapServers, topic));

const positions = (map: OffsetMap) =>
  new Map(
    [...map.partitions()].map(({ partition, position }) => [
      partition,
      position,
    ]),
  );

/** Waits until what was written and not waited for is in the follower's map. */
async function until(
  follower: LaneFollower,
  condition: (map: OffsetMap) => boolean,
): Promise<void> {
  const stop = new AbortController();
  const following = follower.follow(stop.signal);
  try {
    await Promise.race([
      following,
      eventually(() => condition(follower.map), { what: "followed" }),
    ]);
  } finally {
    stop.abort();
    await following;
  }
}

function assertSame(one: OffsetMap, other: OffsetMap): void {
  const all = [...one.partitions()];
  assert.equal(all.length, PARTITIONS);
  for (const each of all) {
    assert.deepEqual(other.position(each), each);
    for (let at = 0; at <= each.position; at++) {
      const answer = one.translate(each, at);
      assert.deepEqual(other.translate(each, at), answer);
      assert.deepEqual(other.back(each, at), one.back(each, at));
      assert.equal(answer?.exact, true);
    }
  }
}
