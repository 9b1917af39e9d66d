/** What a lane tells of its partitions to be examined, and makes of what is found. */
import assert from "node:assert/strict";
import {
  type LanePartition,
  TopicChangedError,
} from "../../dr/mirror/lane_partition.ts";
import { Partitions } from "../../dr/mirror/lane_partitions.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
} from "../../dr/offset_map/mod.ts";
import type {
  Damage,
  Evidence,
  Examinee,
  Finding,
  KnownLog,
  Remedy,
} from "../../dr/topics/mod.ts";
import type { Consumer, TopicPartition } from "../../src/kafka/mod.ts";

const SIGNAL = new AbortController().signal;
const FIRST = "AAAAAAAAAAAAAAAAAAAAAA";
const SECOND = "AAAAAAAAAAAAAAAAAAAAAQ";
const LOG: KnownLog = { kind: "known", start: 3, end: 99, leaderEpoch: 0 };
const STOP: Remedy = { kind: "stop" };
const RESTART: Remedy = {
  kind: "restart",
  topicId: SECOND,
  position: 0,
  leaderEpoch: null,
};
const REST = { from: 10, to: null };
const DELETED: Damage = { kind: "deleted", lost: REST };
const RECREATED: Damage = { kind: "recreated", topicId: SECOND, lost: REST };
const OVERTAKEN: Damage = {
  kind: "overtaken",
  lost: { from: 10, to: 14 },
  restartAt: 14,
};

const tpOf = (topic: string): TopicPartition => ({ topic, partition: 0 });
const mirrored = (topic: string, topicId = FIRST) => ({
  topic,
  topicId,
  target: topic,
  partitions: 1,
});

/** The only lane; the topic `known` was mirrored up to 10. */
class Lane {
  nowMs = 0;
  /** What examinations find when partitions are taken over. */
  finds: (examinee: Examinee) => Finding = ({ topic }) => ({
    tp: tpOf(topic),
    kind: "sound",
    log: LOG,
  });
  readonly partitions: Partitions;
  readonly doubts = new Map<string, Evidence>();
  /** Whether the client has read no other topic of the name. */
  reads: (topic: string, topicId: string) => boolean = () => true;
  #epoch = 0;

  /** @param known what earlier lives have had */
  constructor(known = new Map<string, LanePartition>()) {
    const map = new OffsetMap();
    const delta = {
      topicId: FIRST,
      partition: 0,
      position: 10,
      leaderEpoch: 4,
      runs: [],
    };
    map.apply(
      0,
      decodeLaneRecord(encodeDelta(0, [{ topic: "known", ...delta }])),
    );
    this.partitions = new Partitions({
      lane: 0,
      lanes: 1,
      state: { map, positions: new Map(), logBytes: 0 },
      source: {
        consumer: {
          offsetsForTimes: (queries: readonly TopicPartition[]) =>
            Promise.resolve(
              queries.map((each) => ({ ...each, offset: 0, error: null })),
            ),
        } as unknown as Consumer,
        reads: (...asked) => this.reads(...asked),
      },
      checker: {
        verify: () => Promise.resolve([]),
        examine: (examinees) => Promise.resolve(examinees.map(this.#find)),
      },
      describe: (stretches) => Promise.resolve(stretches.map(() => [])),
      doubts: this.doubts,
      known,
      nextEpoch: () => ++this.#epoch,
      now: () => this.nowMs,
    });
  }

  readonly #find = (examinee: Examinee) => this.finds(examinee);

  async takes(...topics: readonly string[]): Promise<void> {
    const all = topics.map((topic) => mirrored(topic));
    await this.partitions.add(all, SIGNAL);
  }

  commits(topic: string, next: number): void {
    const tp = tpOf(topic);
    this.partitions.moved([{ tp, epoch: 1, next, beyond: [] }]);
  }

  found(damage: Damage, remedy: Remedy): string | null {
    const tp = tpOf("known");
    return this.partitions.found([{ tp, kind: "damaged", damage, remedy }]);
  }
}

const stopped: Lane["finds"] = ({ topic }) => ({
  tp: tpOf(topic),
  kind: "damaged",
  damage: DELETED,
  remedy: STOP,
});

Deno.test("a partition is examined where it stands on the target, and not before it stands there", async () => {
  const lane = new Lane();
  await lane.takes("known", "new");
  const examined = () =>
    lane.partitions.examinees().map(({ topic, topicId, position }) => [
      topic,
      topicId,
      position,
    ]);

  assert.deepEqual(examined(), [["known", FIRST, 10]]);
  lane.commits("new", 5);
  lane.commits("known", 12);

  assert.deepEqual(examined().sort(), [
    ["known", FIRST, 12],
    ["new", FIRST, 5],
  ]);
});

Deno.test("the leader epoch of the last record is told while the lane's log has it", async () => {
  const lane = new Lane();
  await lane.takes("known");
  const epochs = () =>
    lane.partitions.examinees().map(({ leaderEpoch }) => leaderEpoch);
  assert.deepEqual(epochs(), [4]);
  // Until the map has that commit, too.
  lane.commits("known", 12);
  assert.deepEqual(epochs(), [null]);
});

Deno.test("a topic that was created anew is examined under its new id once that is recorded", async () => {
  const lane = new Lane();
  lane.finds = ({ topic }) => ({
    tp: tpOf(topic),
    kind: "damaged",
    damage: RECREATED,
    remedy: RESTART,
  });
  await lane.partitions.add([mirrored("known", SECOND)], SIGNAL);
  assert.deepEqual(lane.partitions.examinees(), []);

  lane.commits("known", 0);

  const [examinee] = lane.partitions.examinees();
  assert.deepEqual([examinee!.topicId, examinee!.position], [SECOND, 0]);
});

Deno.test("no damage is believed of a partition that has moved since it was asked for", async () => {
  const lane = new Lane();
  await lane.takes("known");
  const [examinee] = lane.partitions.examinees();
  lane.nowMs = 1_000_000;
  for (const damage of [DELETED, RECREATED, OVERTAKEN]) {
    assert.ok(lane.partitions.believes(examinee!, damage));
  }

  lane.commits("known", 11);
  lane.nowMs = 2_000_000;

  for (const damage of [DELETED, RECREATED, OVERTAKEN]) {
    assert.ok(!lane.partitions.believes(examinee!, damage));
  }
});

Deno.test("retention has overtaken a lane only when nothing of what it has read can be under way", async () => {
  const lane = new Lane();
  await lane.takes("known", "other");
  const [examinee] = lane.partitions.examinees();
  const isBelieved = (damage: Damage) =>
    lane.partitions.believes(examinee!, damage);

  assert.ok(isBelieved(DELETED));
  assert.ok(!isBelieved(OVERTAKEN));
  lane.nowMs = 59_999;
  assert.ok(!isBelieved(OVERTAKEN));
  // Another partition of the lane: it is slow, and does not stand.
  lane.commits("other", 5);
  lane.nowMs = 60_000;
  assert.ok(!isBelieved(OVERTAKEN));
  lane.nowMs = 119_999;
  assert.ok(isBelieved(OVERTAKEN));
});

Deno.test("a lane goes on while all that it has is sound, and begins anew for what is damaged", async () => {
  const lane = new Lane();
  await lane.takes("known");
  const tp = tpOf("known");
  const reason = "nobody knows";

  assert.equal(
    lane.partitions.found([{ tp, kind: "sound", log: LOG }]),
    null,
  );
  assert.equal(lane.partitions.found([{ tp, kind: "unknown", reason }]), null);
  assert.match(lane.found(DELETED, STOP)!, /^known \[0\] .*deleted/);
});

Deno.test("a lane does not begin anew for what it has stopped, until that can go on", async () => {
  const lane = new Lane();
  lane.finds = stopped;
  await lane.takes("known");

  assert.equal(lane.partitions.examinees().length, 1);
  assert.equal(lane.found(DELETED, STOP), null);
  assert.match(lane.found(RECREATED, RESTART)!, /recreated/);
});

Deno.test("where a log starts is known from the examination of its topic, and of no other", async () => {
  const lane = new Lane();
  await lane.takes("known", "new");
  const startOf = (topic: string, topicId = FIRST) =>
    lane.partitions.logStart(tpOf(topic), topicId);
  assert.deepEqual([startOf("known"), startOf("new")], [3, null]);

  const log = { ...LOG, start: 8 };
  lane.partitions.found([{ tp: tpOf("known"), kind: "sound", log }]);

  assert.equal(startOf("known"), 8);
  assert.equal(startOf("known", SECOND), null);
  assert.equal(startOf("unheard of"), null);
});

Deno.test("what an earlier life had is examined though its topic is gone, and shown as not mirrored once that is told", async () => {
  const known = new Map<string, LanePartition>();
  const earlier = new Lane(known);
  await earlier.takes("known", "other");
  earlier.commits("known", 12);
  const lane = new Lane(known);
  await lane.takes("other");

  const [examinee] = lane.partitions.examinees();
  assert.deepEqual([examinee!.topic, examinee!.position], ["known", 12]);
  assert.ok(lane.partitions.believes(examinee!, DELETED));
  const tp = tpOf("known");
  const reason = "nobody knows";
  assert.equal(lane.partitions.found([{ tp, kind: "unknown", reason }]), null);
  assert.equal(lane.partitions.examinees().length, 1);

  const shown = () =>
    lane.partitions.all.map(({ tp, next, isOpen }) => [tp.topic, next, isOpen]);
  assert.deepEqual(shown(), [["other", 0, true]]);

  assert.equal(lane.found(DELETED, STOP), null);

  assert.deepEqual(shown(), [["other", 0, true], ["known", 12, false]]);
  // Nothing of it can be under way.
  assert.ok(lane.partitions.believes(examinee!, OVERTAKEN));
  assert.equal(lane.found(DELETED, STOP), null);
  assert.match(lane.found(RECREATED, RESTART)!, /recreated/);
});

Deno.test("what an earlier life had and is sound is left to whoever takes it over", async () => {
  const known = new Map<string, LanePartition>();
  await new Lane(known).takes("known");
  const lane = new Lane(known);

  const finding: Finding = { tp: tpOf("known"), kind: "sound", log: LOG };
  assert.equal(lane.partitions.found([finding]), null);

  assert.deepEqual(lane.partitions.examinees(), []);
  await lane.takes("known");
  assert.equal(lane.partitions.examinees().length, 1);
});

Deno.test("a topic that was created anew is not read by a client that has read the former one, and no doubt is forgotten", async () => {
  const lane = new Lane();
  lane.finds = ({ topic }) => ({
    tp: tpOf(topic),
    kind: "damaged",
    damage: RECREATED,
    remedy: RESTART,
  });
  lane.doubts.set("known-0", { kind: "outOfRange" });
  lane.reads = (topic, topicId) => topic !== "known" || topicId === FIRST;
  const anew = [mirrored("known", SECOND)];

  await assert.rejects(lane.partitions.add(anew, SIGNAL), TopicChangedError);
  assert.deepEqual([lane.partitions.all, lane.doubts.size], [[], 1]);

  lane.reads = () => true;
  await lane.partitions.add(anew, SIGNAL);
  assert.deepEqual([lane.partitions.all.length, lane.doubts.size], [1, 0]);
});
