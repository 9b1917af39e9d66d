import assert from "node:assert/strict";
import fc from "fast-check";
import {
  LaneLogError,
  type LaneRecord,
  OffsetMap,
  type PartitionDelta,
  type Run,
} from "../../dr/offset_map/mod.ts";
import { seedOf } from "../../dr/failback/seed.ts";
import { sized } from "../support/soak.ts";
import {
  MirrorModel,
  type MirrorStep,
  positionOf,
  readLogs,
  sourceOf,
} from "./support_mirror_model.ts";
import { translated, translatedBack, wrongIn } from "./support_offset_model.ts";

const partition = fc.nat(1);
const lane = fc.nat(2);
const kind = <Kind extends string>(kind: Kind) => fc.constant(kind);
const gaps = fc.tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 4 }));
const steps = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        kind: kind("mirror"),
        partition,
        gaps: fc.array(gaps, { maxLength: 3 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: kind("snapshot"), lane }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: kind("move"),
        partition,
        lane,
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: kind("trim"),
        partition,
        percent: fc.nat(110),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: kind("recreate"), partition }) },
  ) as fc.Arbitrary<MirrorStep>,
  { maxLength: 30, size: "max" },
);

/** Compares all answers of a map with what happened. */
function check(map: OffsetMap, model: MirrorModel, isUntrimmed: boolean) {
  for (const truth of model.truths) {
    const source = sourceOf(truth);
    const position = map.position(source);
    if (position === null) {
      assert.equal(truth.end.upstream, 0);
      continue;
    }
    const { lane: _, ...rest } = position;
    assert.deepEqual(rest, positionOf(truth));
    const { pairs, trimmed, end } = truth;
    for (let at = 0; at <= end.upstream; at++) {
      const answer = map.translate(source, at)!;
      const mustBeExact = pairs.length > 0 && (isUntrimmed || at >= trimmed);
      const wrong = wrongIn(answer, pairs, at, mustBeExact);
      assert.equal(wrong, null, `translate(${at})`);
      if (answer.exact) assert.equal(answer.offset, translated(pairs, at));
    }
    for (let at = 0; at <= end.downstream; at++) {
      const answer = map.back(source, at)!;
      if (!answer.exact) continue;
      assert.equal(answer.offset, translatedBack(pairs, at), `back(${at})`);
    }
    const beyond = map.translate(source, end.upstream + 1)!;
    assert.equal(beyond.exact, false);
  }
}

Deno.test("however the logs of lanes are read, in turns, from the beginning or from the last snapshots, the map is what happened", () => {
  fc.assert(
    fc.property(
      steps,
      fc.infiniteStream(fc.nat(1000)),
      (steps, chances) => {
        const model = new MirrorModel();
        for (const step of steps) {
          model.take(step);
          check(model.map, model, false);
        }
        const { logs, starts } = model;
        check(readLogs(logs, starts, chances), model, false);
        check(readLogs(logs, [0, 0, 0], chances), model, false);
      },
    ),
    { numRuns: sized(300, 30_000) },
  );
});

const id = (number: number) => `${"A".repeat(20)}${"ABCDEFGH"[number]}A`;
const tp = { topic: "orders", partition: 3 };
const run = (upstream: number, downstream: number, length: number): Run => ({
  upstream,
  downstream,
  length,
});
const partitionOf = (
  runs: readonly Run[],
  more: Partial<PartitionDelta> = {},
): PartitionDelta => {
  const last = runs.at(-1);
  const position = last === undefined ? 0 : last.upstream + last.length;
  const known = { topicId: id(1), position, leaderEpoch: 2, runs };
  return { ...tp, ...known, ...more };
};
const delta = (
  partitions: readonly PartitionDelta[],
  era = 1,
): LaneRecord => ({ kind: "delta", era, part: 0, parts: 1, partitions });
const snapshot = (
  partitions: readonly PartitionDelta[],
  part = 0,
  parts = 1,
  era = 1,
): LaneRecord => ({ kind: "snapshot", era, part, parts, partitions });

Deno.test("of a partition that no lane has spoken of nothing is known", () => {
  const map = new OffsetMap();
  assert.equal(map.position(tp), null);
  assert.deepEqual(map.end(tp), { upstream: 0, downstream: 0 });
  assert.equal(map.translate(tp, 0), null);
  assert.equal(map.back(tp, 0), null);
  assert.deepEqual([...map.partitions()], []);
  assert.deepEqual(map.snapshotOf(0), { era: 0, partitions: [] });
});

Deno.test("above the position an answer is not exact, for records may come to lie between", () => {
  const map = new OffsetMap();
  map.apply(0, delta([partitionOf([run(0, 0, 10)], { position: 15 })]));
  assert.deepEqual(map.translate(tp, 15), { offset: 10, exact: true });
  assert.deepEqual(map.translate(tp, 16), {
    offset: 10,
    exact: false,
    why: "not-yet-mirrored",
  });
});

Deno.test("a snapshot that is read by half changes nothing", () => {
  const map = new OffsetMap();
  map.apply(0, delta([partitionOf([run(0, 0, 10)])]));
  const other = partitionOf([run(0, 0, 7)], { partition: 4 });
  map.apply(0, snapshot([other], 0, 2));
  assert.deepEqual([...map.partitions()].map(({ partition }) => partition), [
    3,
  ]);
  map.apply(0, snapshot([], 1, 2));
  assert.deepEqual([...map.partitions()].map(({ partition }) => partition), [
    4,
  ]);
});

Deno.test("a snapshot that begins anew makes the parts before it void", () => {
  const map = new OffsetMap();
  map.apply(0, snapshot([partitionOf([run(0, 0, 10)])], 0, 2));
  map.apply(0, snapshot([partitionOf([run(0, 5, 5)])], 0, 2));
  map.apply(0, snapshot([], 1, 2));
  assert.deepEqual(map.translate(tp, 0), { offset: 5, exact: true });
  assert.equal(map.position(tp)?.position, 5);
});

Deno.test("a log that lacks a part of a snapshot is refused", () => {
  const part = [partitionOf([run(0, 0, 10)])];
  const incomplete: Readonly<Record<string, readonly LaneRecord[]>> = {
    "no first part": [snapshot(part, 1, 2)],
    "no second part": [snapshot(part, 0, 3), snapshot(part, 2, 3)],
    "another count": [snapshot(part, 0, 3), snapshot(part, 1, 2)],
    "a delta between": [snapshot(part, 0, 2), delta(part)],
  };
  for (const [what, records] of Object.entries(incomplete)) {
    const map = new OffsetMap();
    for (const record of records.slice(0, -1)) map.apply(0, record);
    assert.throws(() => map.apply(0, records.at(-1)!), LaneLogError, what);
    assert.equal(map.position(tp), null, what);
  }
});

Deno.test("a re-created topic starts anew, in each of its partitions when it is mirrored", () => {
  const map = new OffsetMap();
  const other = { ...tp, partition: 4 };
  const before = [run(0, 0, 10)];
  map.apply(0, delta([partitionOf(before), partitionOf(before, other)]));
  map.apply(0, delta([partitionOf([run(2, 30, 1)], { topicId: id(2) })]));
  assert.deepEqual(map.translate(tp, 1), { offset: 30, exact: true });
  assert.equal(map.position({ ...tp, topicId: id(1) }), null);
  assert.equal(map.position({ ...other, topicId: id(2) }), null);
  assert.equal(map.position(other)?.topicId, id(1));
});

Deno.test("a mirror that goes on in a new era knows what it copied before", () => {
  const map = new OffsetMap();
  const idle = { ...tp, partition: 4 };
  const before = [run(0, 0, 10)];
  map.apply(0, delta([partitionOf(before), partitionOf(before, idle)], 1));
  map.apply(0, delta([], 2)); // sealed, and given up
  const still = partitionOf([], { ...idle, position: 10 });
  map.apply(0, delta([partitionOf([run(10, 30, 1)]), still], 2));
  for (let times = 0; times < 2; times++) {
    assert.equal(map.position(tp)?.era, 2);
    assert.deepEqual(map.translate(tp, 1), { offset: 1, exact: true });
    assert.deepEqual(map.translate(tp, 11), { offset: 31, exact: true });
    assert.deepEqual(map.translate(idle, 10), { offset: 10, exact: true });
    assert.deepEqual(map.back(idle, 3), { offset: 3, exact: true });
    map.apply(0, snapshot(map.snapshotOf(0).partitions, 0, 1, 2));
  }
});

Deno.test("a new era that begins with seeds starts anew", () => {
  const map = new OffsetMap();
  map.apply(0, delta([partitionOf([run(0, 0, 10)])], 1));
  map.apply(0, delta([seedOf(tp, id(1), 4, 30)], 2));
  const below = { offset: 0, exact: false, why: "below-known" };
  assert.deepEqual(map.translate(tp, 1), below);
  assert.deepEqual(map.translate(tp, 4), { offset: 30, exact: true });
  assert.deepEqual(map.end(tp), { upstream: 4, downstream: 30 });
});

Deno.test("of two lanes the one of the newer era counts, whichever is read first", () => {
  const old = delta([partitionOf([run(0, 0, 10)])], 1);
  const young = delta([partitionOf([run(0, 40, 5)])], 2);
  for (const order of [[0, 1], [1, 0]]) {
    const map = new OffsetMap();
    for (const lane of order) map.apply(lane, [old, young][lane]!);
    assert.equal(map.position(tp)?.position, 5);
    assert.deepEqual(map.translate(tp, 0), { offset: 40, exact: true });
  }
});

Deno.test("a cut source gives its offsets to other records", () => {
  const map = new OffsetMap();
  map.apply(0, delta([partitionOf([run(0, 0, 10)])]));
  map.apply(0, delta([partitionOf([run(6, 20, 2)])]));
  assert.equal(map.position(tp)?.position, 8);
  assert.deepEqual(map.translate(tp, 6), { offset: 6, exact: true });
  assert.deepEqual(map.translate(tp, 7), { offset: 21, exact: true });
});

Deno.test("a partition that another lane takes over stays in the old one's snapshot until the new one's log has it", () => {
  const map = new OffsetMap();
  map.apply(0, delta([partitionOf([run(0, 0, 10)])]));
  const nothing = { owns: () => false };
  const { partitions } = map.snapshotOf(1, { owns: () => true });
  assert.deepEqual(partitions, [partitionOf([run(0, 0, 10)])]);
  assert.equal(map.snapshotOf(0, nothing).partitions.length, 1);
  map.apply(1, snapshot(partitions));
  assert.equal(map.snapshotOf(0, nothing).partitions.length, 0);
  map.apply(1, delta([partitionOf([run(10, 12, 5)])]));
  map.apply(0, snapshot([]));
  assert.deepEqual(map.translate(tp, 3), { offset: 3, exact: true });
  assert.equal(map.position(tp)?.lane, 1);
  assert.equal(map.position(tp)?.position, 15);
});

Deno.test("a lane that takes over without a snapshot is not believed to know the beginning", () => {
  const map = new OffsetMap();
  map.apply(0, delta([partitionOf([run(0, 0, 10)])]));
  map.apply(1, delta([partitionOf([run(10, 12, 5)])]));
  const below = { offset: 0, exact: false, why: "below-known" };
  assert.deepEqual(map.translate(tp, 3), below);
  assert.deepEqual(map.translate(tp, 12), { offset: 14, exact: true });
  assert.equal(map.snapshotOf(0).partitions.length, 1);
  const { partitions } = map.snapshotOf(1);
  map.apply(1, snapshot(partitions));
  map.apply(0, snapshot([]));
  assert.deepEqual(map.translate(tp, 3), below);
});

Deno.test("a snapshot keeps what is asked for", () => {
  const map = new OffsetMap();
  const runs = [run(0, 0, 10), run(10, 11, 10), run(20, 22, 10)];
  const other = partitionOf(runs, { partition: 4 });
  map.apply(0, delta([partitionOf(runs), other]));
  const { partitions } = map.snapshotOf(0, {
    keepFrom: ({ partition }) => partition === 3 ? 25 : null,
  });
  assert.deepEqual(partitions, [
    partitionOf([run(25, 27, 0), run(25, 27, 5)]),
  ]);
  assert.deepEqual(map.translate(tp, 4), { offset: 4, exact: true });
  assert.deepEqual(map.position({ ...tp, partition: 4 })?.position, 30);
});

Deno.test("position, leader epoch and end of a partition are the last that its log says, and survive a snapshot", () => {
  const map = new OffsetMap();
  const last = { position: 15, leaderEpoch: 3 };
  map.apply(0, delta([partitionOf([run(0, 1, 10)], { leaderEpoch: null })]));
  assert.equal(map.position(tp)?.leaderEpoch, null);
  map.apply(0, delta([partitionOf([run(10, 12, 2)], last)]));
  for (let times = 0; times < 2; times++) {
    const { position, leaderEpoch } = map.position(tp)!;
    assert.deepEqual({ position, leaderEpoch }, last);
    assert.deepEqual(map.end(tp), { upstream: 12, downstream: 14 });
    map.apply(0, snapshot(map.snapshotOf(0).partitions));
  }
});
