/** Where the partitions of a lane go on, by what its log, MirrorMaker 2 and the source say. */
import assert from "node:assert/strict";
import type { TakenOver } from "../../dr/mirror/lane_partition.ts";
import { Partitions } from "../../dr/mirror/lane_partitions.ts";
import type { Stretch } from "../../dr/mirror/stretch.ts";
import {
  OffsetMap,
  type PartitionDelta,
  type Run,
} from "../../dr/offset_map/mod.ts";
import type {
  Evidence,
  Examinee,
  Finding,
  KnownLog,
} from "../../dr/topics/mod.ts";
import type { Consumer, TopicPartition } from "../../src/kafka/mod.ts";

const ID = "A".repeat(22);
const OTHER_ID = `${"A".repeat(21)}B`;
const TOPIC = {
  topic: "t",
  topicId: ID,
  target: "primary.t",
  partitions: 1,
};
const TP = { topic: "t", partition: 0 };
const MARK: Run = { upstream: 150, downstream: 700, length: 0 };
const { signal } = new AbortController();

interface Given {
  /** What the lane's log says; absent: nothing. */
  readonly ours?: Partial<PartitionDelta>;
  /** MirrorMaker 2's next offset. */
  readonly theirs?: number;
  readonly logStart?: number;
  readonly finding?: (tp: TopicPartition) => Finding;
}

/** One partition, of the only lane. */
function lane({ ours, theirs, logStart = 0, finding }: Given) {
  const map = new OffsetMap();
  if (ours !== undefined) {
    const known = { position: 100, leaderEpoch: 4, runs: [run(0, 3, 100)] };
    map.apply(0, {
      kind: "delta",
      era: 0,
      part: 0,
      parts: 1,
      partitions: [{ ...TP, topicId: ID, ...known, ...ours }],
    });
  }
  const log: KnownLog = {
    kind: "known",
    start: logStart,
    end: 1000,
    leaderEpoch: 4,
  };
  const examined: Examinee[] = [];
  const stretches: Stretch[] = [];
  const doubts = new Map<string, Evidence>();
  let epoch = 0;
  const partitions = new Partitions({
    lane: 0,
    lanes: 1,
    state: {
      map,
      positions: new Map(theirs === undefined ? [] : [["t-0", theirs]]),
      logBytes: 0,
    },
    source: {
      consumer: {
        offsetsForTimes: (queries: readonly TopicPartition[]) =>
          Promise.resolve(queries.map(({ topic, partition }) => ({
            topic,
            partition,
            offset: logStart,
            metadata: "",
            leaderEpoch: null,
            error: null,
          }))),
      } as unknown as Consumer,
      reads: () => true,
    },
    checker: {
      examine: (asked) => {
        examined.push(...asked);
        return Promise.resolve(asked.map(({ topic, partition }) => {
          const tp = { topic, partition };
          return finding?.(tp) ?? { tp, kind: "sound", log };
        }));
      },
      verify: () => Promise.resolve([]),
    },
    describe: (asked) => {
      stretches.push(...asked);
      return Promise.resolve(asked.map(() => [MARK]));
    },
    doubts,
    known: new Map(),
    nextEpoch: () => ++epoch,
  });
  const take = async (): Promise<TakenOver | undefined> =>
    (await partitions.add([TOPIC], signal))[0];
  return { doubts, examined, partitions, stretches, take };
}

const run = (upstream: number, downstream: number, length: number): Run => ({
  upstream,
  downstream,
  length,
});

const restarted = (topicId: string, position: number) => (tp: TopicPartition) =>
  ({
    tp,
    kind: "damaged",
    damage: { kind: "deleted", lost: { from: null, to: null } },
    remedy: { kind: "restart", topicId, position, leaderEpoch: null },
  }) satisfies Finding;

Deno.test("a partition goes on where the lane's log has it, with the leader epoch of its last record", async () => {
  const { examined, stretches, take } = lane({ ours: {}, theirs: 100 });
  const taken = await take();
  assert.deepEqual(taken, {
    position: { tp: TP, epoch: 1, next: 100, beyond: [], isUnrecorded: false },
    beginning: { epoch: 1, leaderEpoch: 4, runs: [] },
    start: { ...TP, offset: 100, leaderEpoch: 4 },
  });
  assert.equal(examined[0]!.leaderEpoch, 4);
  assert.deepEqual(stretches, []);
});

Deno.test("where MirrorMaker 2 has gone on, the lane goes on behind that, and writes down what it does not know", async () => {
  const { examined, stretches, take } = lane({ ours: {}, theirs: 150 });
  const taken = await take();
  assert.deepEqual(taken, {
    position: { tp: TP, epoch: 1, next: 150, beyond: [], isUnrecorded: true },
    beginning: { epoch: 1, leaderEpoch: null, runs: [MARK] },
    start: { ...TP, offset: 150, leaderEpoch: null },
  });
  assert.equal(examined[0]!.position, 150);
  assert.equal(examined[0]!.leaderEpoch, null);
  assert.deepEqual(stretches, [{
    ...TP,
    target: "primary.t",
    after: { upstream: 100, downstream: 103 },
    end: 150,
  }]);
});

Deno.test("a partition that only MirrorMaker 2 has mirrored is unknown from the beginning", async () => {
  const { stretches, take } = lane({ theirs: 150 });
  const { position, beginning } = (await take())!;
  assert.equal(position.isUnrecorded, true);
  assert.deepEqual(beginning.runs, [MARK]);
  assert.deepEqual(stretches[0]!.after, { upstream: 0, downstream: 0 });
});

Deno.test("a partition that nobody has mirrored begins with its first record, and nothing is unknown", async () => {
  const { examined, stretches, take } = lane({ logStart: 20 });
  const { position, beginning, start } = (await take())!;
  assert.equal(position.next, 20);
  assert.equal(position.isUnrecorded, true);
  assert.deepEqual(beginning, { epoch: 1, leaderEpoch: null, runs: [] });
  assert.equal(start.offset, 20);
  assert.deepEqual([...examined, ...stretches], []);
});

Deno.test("where markers lie before the position the epoch is compared behind the last record", async () => {
  // The marker at 100 may be of a later epoch than the record at 99.
  const ours = { position: 101 };
  const { doubts, partitions, take } = lane({ ours });
  const { position, start } = (await take())!;
  assert.equal(position.next, 101);
  assert.deepEqual(start, { ...TP, offset: 100, leaderEpoch: 4 });

  // What retention takes there was mirrored long ago.
  partitions.doubt(TP, { kind: "outOfRange" });
  assert.equal(doubts.size, 0);
  const evidence = { kind: "truncationReported", endOffset: 50 } as const;
  partitions.doubt(TP, evidence);
  assert.deepEqual(doubts.get("t-0"), evidence);

  const gone = lane({ ours, logStart: 101 });
  const without = { ...TP, offset: 101, leaderEpoch: null };
  assert.deepEqual((await gone.take())!.start, without);
  gone.partitions.doubt(TP, { kind: "outOfRange" });
  assert.equal(gone.doubts.size, 1);
});

Deno.test("where a damaged log begins is asked for before a record is compared in it", async () => {
  const cut = (tp: TopicPartition): Finding => ({
    tp,
    kind: "damaged",
    damage: {
      kind: "truncated",
      lost: { from: 101, to: 110 },
      restartAt: 101,
    },
    remedy: { kind: "restart", topicId: ID, position: 101, leaderEpoch: 4 },
  });
  const ours = { position: 110 };
  const { start } = (await lane({ ours, finding: cut }).take())!;
  assert.deepEqual(start, { ...TP, offset: 100, leaderEpoch: 4 });

  const gone = (await lane({ ours, finding: cut, logStart: 101 }).take())!;
  assert.deepEqual(gone.start, { ...TP, offset: 101, leaderEpoch: null });
});

Deno.test("a topic that was created anew begins anew, whatever MirrorMaker 2 had of it", async () => {
  const { partitions, stretches } = lane({
    ours: {},
    theirs: 150,
    finding: restarted(OTHER_ID, 0),
  });
  const topic = { ...TOPIC, topicId: OTHER_ID };
  const [taken] = await partitions.add([topic], signal);
  assert.equal(taken!.position.next, 0);
  assert.deepEqual(taken!.beginning.runs, []);
  assert.deepEqual(stretches, []);
});

Deno.test("a log that was cut amid what MirrorMaker 2 copied is unknown up to the cut", async () => {
  const { stretches, take } = lane({
    ours: {},
    theirs: 150,
    finding: restarted(ID, 120),
  });
  const { position, beginning, start } = (await take())!;
  assert.equal(position.isUnrecorded, true);
  assert.equal(stretches[0]!.end, 120);
  assert.deepEqual(beginning.runs, [MARK]);
  assert.equal(start.offset, 120);
});

Deno.test("a partition that is stopped is not fetched, and nothing is said of it", async () => {
  const { partitions, stretches, take } = lane({
    ours: {},
    theirs: 150,
    finding: (tp) => ({
      tp,
      kind: "damaged",
      damage: { kind: "deleted", lost: { from: 150, to: null } },
      remedy: { kind: "stop" },
    }),
  });
  assert.equal(await take(), undefined);
  assert.equal(partitions.all[0]!.isOpen, false);
  assert.deepEqual(stretches, []);
});
