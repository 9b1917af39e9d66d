import assert from "node:assert/strict";
import fc from "fast-check";
import { offsetTable } from "../../dr/cut/types.ts";
import { doneAfterReplay } from "../../dr/failback/replayed_done.ts";
import { reverseSeeds } from "../../dr/failback/seed.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
  type Run,
} from "../../dr/offset_map/mod.ts";
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
      const { deltas, problems } = reverseSeeds({
        map: mirrored(all, position),
        returns: () => true,
        activeIds: new Map([["t", "BBBBBBBBBBBBBBBBBBBBBA"]]),
        activeBegins: offsetTable([{ ...tp, offset: 0 }]),
        oldEnds: offsetTable([{ ...tp, offset: oldEnd }]),
      });
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

Deno.test("topics that are gone, or have another name there, are not mirrored back", () => {
  const sides = {
    map: mirrored([], 0),
    activeIds: new Map([["t", "BBBBBBBBBBBBBBBBBBBBBA"]]),
    activeBegins: offsetTable([]),
    oldEnds: offsetTable([]),
  };
  assert.deepEqual(
    reverseSeeds({ ...sides, returns: () => false }).deltas,
    [],
  );
  assert.deepEqual(
    reverseSeeds({ ...sides, activeIds: new Map(), returns: () => true })
      .deltas,
    [],
  );
});

Deno.test("outputs of replayed inputs are done where the inputs lie now; a second look adds nothing", () => {
  const found = {
    era: 1,
    done: [{
      group: "g",
      topic: "t",
      partition: 0,
      outputs: [[40, 1]] as [number, number][],
    }],
    tail: [{
      group: "g",
      topic: "t",
      topicId: "id",
      partition: 0,
      outputs: [[120, 0, 2], [500, 0]] as [number, ...number[]][],
    }],
  };
  const copyOf = (_: unknown, upstream: number) =>
    upstream === 120 ? { target: "t", offset: 7020 } : null;
  const once = doneAfterReplay(found, { copyOf }, 2);
  assert.equal(once.era, 2);
  assert.deepEqual(once.tail, found.tail);
  assert.deepEqual(once.done, [{
    group: "g",
    topic: "t",
    partition: 0,
    outputs: [[40, 1], [7020, 0, 2]],
  }]);
  assert.deepEqual(doneAfterReplay(once, { copyOf }, 2), once);
});
