import assert from "node:assert/strict";
import fc from "fast-check";
import { LaneLogKeeper } from "../../dr/mirror/lane_log_keeper.ts";
import { neededFrom } from "../../dr/mirror/needed_from.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
  type PartitionDelta,
  PartitionRuns,
  type Run,
} from "../../dr/offset_map/mod.ts";
import { createLog } from "../../src/telemetry/log.ts";

fc.configureGlobal({ numRuns: 500 });

const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAAAQ";
const tp = { topic: "orders", partition: 0 };
/** More than a log may have before it is written anew. */
const FULL = 2 ** 30;

const deltaOf = (runs: readonly Run[], position: number): PartitionDelta => ({
  ...tp,
  topicId: TOPIC_ID,
  position,
  leaderEpoch: null,
  runs,
});

function mapOf(delta: PartitionDelta): OffsetMap {
  const map = new OffsetMap();
  map.apply(0, decodeLaneRecord(encodeDelta(0, [delta])));
  return map;
}

/** What the lane's log says once its snapshot has replaced it. */
function rewritten(
  delta: PartitionDelta,
  needed: (partition: Pick<PartitionDelta, "topicId">) => number,
): OffsetMap {
  const keeper = new LaneLogKeeper({
    lane: 0,
    lanes: 1,
    state: { map: mapOf(delta), positions: new Map(), logBytes: FULL },
    neededFrom: needed,
    deleteBelow: () => Promise.resolve(),
    log: createLog({ level: "error", write: () => {} }),
  });
  const read = new OffsetMap();
  for (const part of keeper.snapshot()!) read.apply(0, decodeLaneRecord(part));
  return read;
}

const runsOf = (map: OffsetMap) =>
  map.snapshotOf(0, { owns: () => true }).partitions[0]!.runs;

/** Runs with gaps on either side, as transactions and compaction leave them. */
const anyRuns = fc.array(
  fc.record({
    skipped: fc.nat(5),
    markers: fc.nat(3),
    length: fc.integer({ min: 1, max: 9 }),
  }),
  { minLength: 1, maxLength: 30 },
).map((steps) => {
  const runs = new PartitionRuns();
  for (const { skipped, markers, length } of steps) {
    const { upstream, downstream } = runs.end;
    runs.append({
      upstream: upstream + skipped,
      downstream: downstream + markers,
      length,
    });
  }
  return runs;
});

Deno.test("a snapshot leaves out runs that nobody needs, and says so of what lies there", () => {
  const runs = [
    { upstream: 0, downstream: 0, length: 10 },
    { upstream: 20, downstream: 11, length: 10 },
    { upstream: 40, downstream: 22, length: 10 },
  ];
  const map = rewritten(deltaOf(runs, 50), () => 35);

  assert.deepEqual(runsOf(map), [
    { upstream: 30, downstream: 21, length: 0 },
    { upstream: 40, downstream: 22, length: 10 },
  ]);
  assert.deepEqual(map.translate(tp, 35), { offset: 21, exact: true });
  assert.deepEqual(map.translate(tp, 29), {
    offset: 0,
    exact: false,
    why: "below-known",
  });
});

Deno.test("what may still be needed is translated as before, and what may not, as before or as trimmed", () => {
  fc.assert(fc.property(anyRuns, fc.nat(400), (runs, needed) => {
    const { upstream: position, downstream: end } = runs.end;
    const delta = deltaOf([...runs], position);
    const whole = mapOf(delta);
    const trimmed = rewritten(delta, () => needed);

    for (let at = 0; at <= position; at++) {
      const answer = trimmed.translate(tp, at)!;
      if (at >= needed || answer.exact) {
        assert.deepEqual(answer, whole.translate(tp, at));
      } else assert.equal(answer.why, "below-known");
    }
    const from = whole.translate(tp, needed)!.offset;
    for (let at = 0; at <= end; at++) {
      const answer = trimmed.back(tp, at)!;
      if (at >= from || answer.exact) {
        assert.deepEqual(answer, whole.back(tp, at));
      } else assert.equal(answer.why, "below-known");
    }
  }));
});

Deno.test("the newest record stays known, though the source has none any more", () => {
  fc.assert(fc.property(anyRuns, fc.nat(5), (runs, controls) => {
    const { upstream, downstream } = runs.end;
    const position = upstream + controls;
    const delta = deltaOf([...runs], position);
    const whole = mapOf(delta);
    const map = rewritten(delta, () => position);

    assert.deepEqual(map.position(tp), whole.position(tp));
    for (const at of [upstream - 1, upstream, position]) {
      assert.deepEqual(map.translate(tp, at), whole.translate(tp, at));
    }
    assert.deepEqual(map.back(tp, downstream), {
      offset: upstream,
      exact: true,
    });
    assert.ok(runsOf(map).at(-1)!.length > 0);
  }));
});

Deno.test("where nothing is known of the source every run is kept", () => {
  fc.assert(fc.property(anyRuns, (runs) => {
    const delta = deltaOf([...runs], runs.end.upstream);
    assert.deepEqual(runsOf(rewritten(delta, () => 0)), [...runs]);
  }));
});

Deno.test("a source that still has everything does not keep more runs of a partition than there may be", () => {
  const runs = Array.from({ length: 10_050 }, (_, at) => ({
    upstream: at * 2,
    downstream: at,
    length: 1,
  }));
  const map = rewritten(deltaOf(runs, 30_000), () => 0);
  const kept = runsOf(map);
  assert.deepEqual(kept.slice(-2), runs.slice(-2));
  assert.equal(kept.filter(({ length }) => length > 0).length, 10_000);
});

Deno.test("each topic id is asked for by itself", () => {
  const runs = [
    { upstream: 0, downstream: 0, length: 10 },
    { upstream: 20, downstream: 11, length: 10 },
  ];
  const map = rewritten(
    deltaOf(runs, 30),
    ({ topicId }) => topicId === OTHER_ID ? 25 : 0,
  );
  assert.deepEqual(runsOf(map), runs);
});

Deno.test("an offset is needed that the source has, or that a group stands at or above", () => {
  assert.equal(neededFrom(100, 250), 100);
  assert.equal(neededFrom(100, 40), 40);
  assert.equal(neededFrom(100, null), 100);
  assert.equal(neededFrom(null, 40), 0);
  assert.equal(neededFrom(null, null), 0);
});
