import assert from "node:assert/strict";
import fc from "fast-check";
import { offsetTable } from "../../dr/cut/types.ts";
import { doneAfterReplay } from "../../dr/failback/replayed_done.ts";
import { reverseSeeds, type Sides } from "../../dr/failback/seed.ts";
import { forwardSeeds } from "../../dr/failback/seed_forward.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
  type Run,
} from "../../dr/offset_map/mod.ts";
import { PartitionRuns } from "../../dr/offset_map/runs.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(300, 20_000);
const tp = { topic: "t", partition: 0 };

/** What was mirrored: records in runs, with gaps on both sides. */
const runs = fc.array(
  fc.tuple(fc.nat(3), fc.nat(3), fc.integer({ min: 1, max: 5 })),
  { maxLength: 8 },
).map((steps) => {
  const all: Run[] = [];
  let [upstream, downstream] = [0, 0];
  for (const [skipped, markers, length] of steps) {
    upstream += skipped;
    downstream += markers;
    all.push({ upstream, downstream, length });
    upstream += length;
    downstream += length;
  }
  return all;
});

function sides(
  map: OffsetMap,
  { begin = 0, oldEnd }: { begin?: number | null; oldEnd: number | null },
): Sides {
  return {
    map,
    topics: [{ topic: "t", topicId: "BBBBBBBBBBBBBBBBBBBBBA", partitions: 1 }],
    oldCounts: new Map([["t", 1]]),
    activeBegins: offsetTable([{ ...tp, offset: begin }]),
    oldEnds: offsetTable([{ ...tp, offset: oldEnd }]),
    replayed: new Map(),
  };
}

function mirrored(all: readonly Run[], position: number): OffsetMap {
  const map = new OffsetMap();
  const known = { ...tp, topicId: "AAAAAAAAAAAAAAAAAAAAAA" };
  const delta = { ...known, position, leaderEpoch: null, runs: all };
  map.apply(0, decodeLaneRecord(encodeDelta(0, [delta])));
  map.apply(0, decodeLaneRecord(encodeDelta(1, [])));
  return map;
}

Deno.test("the mirror back begins right behind the last copy, and what it copies lies behind all that the old cluster has", () => {
  fc.assert(
    fc.property(runs, fc.nat(4), fc.nat(20), (all, behind, tail) => {
      const last = all.at(-1) ?? { upstream: 0, downstream: 0, length: 0 };
      const position = last.upstream + last.length + behind;
      const oldEnd = position + tail;
      const { deltas, problems } = reverseSeeds(
        sides(mirrored(all, position), { oldEnd }),
      );
      assert.deepEqual(problems, []);
      const start = last.downstream + last.length;
      assert.equal(deltas[0]!.position, start);
      assert.equal(deltas[0]!.topicId, "BBBBBBBBBBBBBBBBBBBBBA");

      // As the mirror reads it, and goes on.
      const back = new OffsetMap();
      back.apply(0, decodeLaneRecord(encodeDelta(1, deltas)));
      const copied = { upstream: start + 2, downstream: oldEnd, length: 3 };
      const next = { ...deltas[0]!, position: start + 5, runs: [copied] };
      back.apply(0, decodeLaneRecord(encodeDelta(1, [next])));
      assert.equal(back.position(tp)!.position, start + 5);
      assert.deepEqual(back.translate(tp, start + 3), {
        offset: oldEnd + 1,
        exact: true,
      });
      const group = back.translate(tp, start + 1)!;
      assert.ok(!group.exact || group.offset >= position);
    }),
    { numRuns },
  );
});

/** What the lane's next owner knows of the partition. */
function seeded(...attempts: ReturnType<typeof reverseSeeds>[]): OffsetMap {
  const map = new OffsetMap();
  for (const { deltas } of attempts) {
    map.apply(0, decodeLaneRecord(encodeDelta(1, deltas)));
  }
  return map;
}

Deno.test("a partition of which nothing was mirrored has a mark too, so nobody reads its tail again", () => {
  for (const map of [new OffsetMap(), mirrored([], 0), mirrored([], 7)]) {
    const back = seeded(reverseSeeds(sides(map, { oldEnd: 50 })));
    // Of a group that has read all replays, and nothing more was written.
    assert.deepEqual(
      { ...back.translate(tp, 0), position: back.position(tp)?.position },
      { offset: 50, exact: true, position: 0 },
    );
  }
});

Deno.test("what an attempt before has said of the era is replaced", () => {
  const all = [{ upstream: 0, downstream: 0, length: 10 }];
  for (const map of [mirrored(all, 10), new OffsetMap()]) {
    const back = seeded(
      reverseSeeds(sides(map, { oldEnd: 20 })),
      reverseSeeds(sides(map, { oldEnd: 25 })),
    );
    const { position } = back.position(tp)!;
    assert.deepEqual(back.translate(tp, position), { offset: 25, exact: true });
  }
});

Deno.test("where retention has deleted what was written since, the mirror back begins later, and says what is missing", () => {
  const all = [{ upstream: 0, downstream: 0, length: 10 }];
  const seeds = reverseSeeds({
    ...sides(mirrored(all, 10), { oldEnd: 15, begin: 40 }),
    replayed: new Map([["t-0", [8, 12, 20, 25, 38, 50]]]),
  });
  assert.equal(seeds.deltas[0]!.position, 40);
  assert.deepEqual(seeds.problems, []);
  // Offsets 12 to 19 and 25 to 37; the others are on the primary.
  assert.match(seeds.notes.join(), /^up to 21 records of t /);
  const kept = reverseSeeds(
    sides(mirrored(all, 10), { oldEnd: 15, begin: 10 }),
  );
  assert.deepEqual(kept.notes, []);
});

Deno.test("what the primary has not is mirrored back whole", () => {
  const all = [{ upstream: 0, downstream: 0, length: 10 }];
  const lacking = { ...sides(mirrored(all, 10), { oldEnd: null, begin: 3 }) };
  for (const oldCounts of [new Map(), new Map([["t", 0]])]) {
    const { deltas, problems } = reverseSeeds({ ...lacking, oldCounts });
    assert.deepEqual(problems, []);
    assert.equal(deltas[0]!.position, 3);
  }
});

Deno.test("an offset that is not known is no 0: nothing is seeded, and the remedy is named", () => {
  const map = mirrored([], 0);
  for (const odd of [{ oldEnd: null }, { oldEnd: 5, begin: null }]) {
    const { deltas, problems } = reverseSeeds(sides(map, odd));
    assert.deepEqual(deltas, []);
    assert.match(problems.join(), /t \[0\] .*not known; see that .*leaders/);
  }
});

Deno.test("the mirror from the primary goes on behind what came back, where the secondary ends", () => {
  const back = seeded(reverseSeeds(sides(new OffsetMap(), { oldEnd: 50 })));
  const primaryIds = new Map([["t", "AAAAAAAAAAAAAAAAAAAAAA"]]);
  const to = (offset: number | null, name = "t") =>
    forwardSeeds({
      map: back,
      returns: (topic) => topic === name,
      primaryIds,
      secondaryEnds: offsetTable([{ ...tp, offset }]),
      lowest: new Map(),
    });
  const { deltas: [delta], problems } = to(8);
  assert.deepEqual(problems, []);
  assert.equal(delta!.position, 50);
  assert.deepEqual(delta!.runs.at(-1), {
    upstream: 50,
    downstream: 8,
    length: 0,
  });
  assert.match(to(null).problems.join(), /not known; see that .*leaders/);
  assert.deepEqual(to(8, "another").deltas, [], "heartbeats are each its own");
});

Deno.test("what groups have yet to read when they come home is known the other way round, and nothing else", () => {
  const lagging = fc.record({ all: runs, begin: fc.nat(9), tail: fc.nat(9) });
  fc.assert(
    fc.property(lagging, fc.nat(60), fc.nat(5), (sides, lag, markers) => {
      const { all, begin, tail } = sides;
      const moved = all.map(({ downstream, length, upstream }) => ({
        upstream: upstream + begin,
        downstream: downstream + tail,
        length,
      }));
      // The mirror back, behind the tail.
      const back = new OffsetMap();
      const seed = { upstream: begin, downstream: tail, length: 0 };
      const { upstream: end, downstream: primaryEnd } =
        moved.at(-1) === undefined
          ? seed
          : PartitionRuns.of([seed, ...moved]).end;
      back.apply(
        0,
        decodeLaneRecord(encodeDelta(1, [{
          ...tp,
          topicId: "BBBBBBBBBBBBBBBBBBBBBA",
          position: end + markers,
          leaderEpoch: null,
          runs: [seed, ...moved],
        }])),
      );
      const from = Math.max(begin, end - lag);
      const secondaryEnd = end + markers;
      const { deltas, problems } = forwardSeeds({
        map: back,
        returns: () => true,
        primaryIds: new Map([["t", "AAAAAAAAAAAAAAAAAAAAAA"]]),
        secondaryEnds: offsetTable([{ ...tp, offset: secondaryEnd }]),
        lowest: new Map([["t-0", from]]),
      });
      assert.deepEqual(problems, []);
      const forward = new OffsetMap();
      forward.apply(0, decodeLaneRecord(encodeDelta(2, deltas)));
      assert.equal(forward.position(tp)!.position, primaryEnd);
      for (const { downstream, length, upstream } of moved) {
        for (let at = 0; at < length; at++) {
          const [itself, behind] = [0, 1].map((more) =>
            forward.translate(tp, downstream + at + more)!
          );
          if (upstream + at >= from) {
            const offset = upstream + at + 1;
            assert.deepEqual(behind, { offset, exact: true });
          } else assert.ok(!itself!.exact || itself!.offset <= from);
        }
      }
    }),
    { numRuns },
  );
});

Deno.test("outputs of replayed inputs are done where the inputs lie now; a second look adds nothing", () => {
  const place = {
    group: "g",
    topic: "t",
    partition: 0,
    output: "o",
    count: 3,
  };
  const found = {
    era: 1,
    done: [{
      ...place,
      topicId: "there",
      outputs: [[40, 1]] as [number, number][],
    }],
    tail: [{
      ...place,
      topicId: "id",
      outputs: [[120, 0, 2], [121, 0], [500, 0]] as [number, ...number[]][],
    }],
  };
  const copyOf = (_: unknown, upstream: number) =>
    upstream === 120
      ? { target: "t", targetId: "there", offset: 7020 }
      : upstream === 121
      ? { target: "gone", targetId: "", offset: 7 }
      : null;
  const ids = new Map([["t", "there"]]);
  const once = doneAfterReplay(found, { copyOf }, ids, 2);
  assert.equal(once.era, 2);
  assert.deepEqual(once.tail, found.tail);
  assert.deepEqual(once.done, [{
    ...place,
    topicId: "there",
    outputs: [[40, 1], [7020, 0, 2]],
  }]);
  assert.deepEqual(doneAfterReplay(once, { copyOf }, ids, 2), once);
});

Deno.test("a copy in a topic that was created anew since is none: what lies there now is somebody else's", () => {
  const found = {
    era: 1,
    done: [],
    tail: [{
      group: "g",
      topic: "t",
      topicId: "id",
      partition: 0,
      output: "o",
      count: 1,
      outputs: [[120, 0]] as [number, number][],
    }],
  };
  const copyOf = () => ({ target: "t", targetId: "before", offset: 7020 });
  const doneBy = (now: string) =>
    doneAfterReplay(found, { copyOf }, new Map([["t", now]]), 2).done;
  assert.deepEqual(doneBy("anew"), []);
  assert.deepEqual(doneBy("before").map(({ outputs }) => outputs), [
    [[7020, 0]],
  ]);
});
