import assert from "node:assert/strict";
import fc from "fast-check";
import { newestOf } from "../../dr/mirror/newest.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
  type Run,
} from "../../dr/offset_map/mod.ts";

fc.configureGlobal({ numRuns: 500 });

const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";
const tp = { topic: "orders", partition: 0 };

function newest(runs: readonly Run[], position: number) {
  const map = new OffsetMap();
  const delta = { ...tp, topicId: TOPIC_ID, position, runs };
  map.apply(0, decodeLaneRecord(encodeDelta(0, [delta])));
  return [...newestOf(map)];
}

Deno.test("the newest record of a partition is named by its own offsets, also behind a gap", () => {
  const runs = [
    { upstream: 3, downstream: 0, length: 3 },
    // 6 and 7 were no records: MirrorMaker 2 would skip 8 for a group at 7 if 6
    // were said to be at 4.
    { upstream: 8, downstream: 4, length: 1 },
  ];
  assert.deepEqual(newest(runs, 10), [{ ...tp, upstream: 8, downstream: 4 }]);
});

Deno.test("the newest record is the last one of any runs", () => {
  const step = fc.record({
    skipped: fc.nat(5),
    markers: fc.nat(3),
    length: fc.integer({ min: 1, max: 9 }),
  });
  const steps = fc.array(step, { minLength: 1, maxLength: 20 });
  fc.assert(fc.property(steps, fc.nat(3), (steps, controls) => {
    let [upstream, downstream] = [0, 0];
    const runs = steps.map(({ skipped, markers, length }) => {
      const run = {
        upstream: upstream + skipped,
        downstream: downstream + markers,
        length,
      };
      upstream = run.upstream + length;
      downstream = run.downstream + length;
      return run;
    });
    assert.deepEqual(newest(runs, upstream + controls), [
      { ...tp, upstream: upstream - 1, downstream: downstream - 1 },
    ]);
  }));
});

Deno.test("of a partition without a record that is known there is no newest one", () => {
  assert.deepEqual(newest([], 0), []);
  assert.deepEqual(newest([], 7), []);
  assert.deepEqual(
    newest([{ upstream: 100, downstream: 40, length: 0 }], 100),
    [],
  );
});
