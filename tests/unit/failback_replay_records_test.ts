import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Chunk,
  chunkRecord,
  chunkRuns,
  ReplayLog,
} from "../../dr/failback/replay_records.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(300, 20_000);

/** Where copies of the records of a tail lie: ascending on both sides. */
const pairs = fc.array(
  fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
  { maxLength: 60 },
).map((steps) => {
  const all: [number, number][] = [];
  let [upstream, downstream] = [100, 7000];
  for (const [one, other] of steps) {
    all.push([upstream, downstream]);
    upstream += one;
    downstream += other;
  }
  return all;
});

/** Cut at these places, as transactions cut a tail. */
function chunksOf(
  all: readonly (readonly [number, number])[],
  cuts: readonly number[],
): Chunk[] {
  const places = [
    0,
    ...[...new Set(cuts)].filter((at) => at > 0 && at < all.length)
      .sort((a, b) => a - b),
    all.length,
  ];
  return places.slice(1).map((end, at) => {
    const part = all.slice(places[at], end);
    const from = at === 0 ? 100 : all[places[at]!]![0];
    return {
      topic: "t",
      topicId: "id",
      partition: 0,
      from,
      next: end === all.length ? from + 1_000 : all[end]![0],
      action: "replay",
      target: "t",
      runs: chunkRuns(part),
    };
  });
}

Deno.test("runs of copies say of each record where its copy is, and of no other", () => {
  fc.assert(
    fc.property(pairs, fc.array(fc.nat(60)), (all, cuts) => {
      const log = new ReplayLog();
      for (const chunk of chunksOf(all, cuts)) {
        const { key, value } = chunkRecord(chunk);
        log.take(key, value);
      }
      const copies = new Map(all);
      for (let upstream = 95; upstream < 300; upstream++) {
        const copy = log.copyOf({ topicId: "id", partition: 0 }, upstream);
        assert.equal(copy?.offset ?? null, copies.get(upstream) ?? null);
      }
      assert.equal(log.copyOf({ topicId: "id", partition: 1 }, 100), null);
    }),
    { numRuns },
  );
});

Deno.test("what replays have written is exactly the copies, in ranges that ascend and lie apart", () => {
  fc.assert(
    fc.property(pairs, fc.array(fc.nat(60)), (all, cuts) => {
      const log = new ReplayLog();
      // In whichever order they are read, and some twice.
      const chunks = chunksOf(all, cuts);
      for (const chunk of [...chunks.toReversed(), ...chunks]) log.add(chunk);
      const ranges = log.written().get("t-0") ?? [];
      const inRanges: number[] = [];
      for (let at = 0; at < ranges.length; at += 2) {
        assert.ok(ranges[at]! < ranges[at + 1]!);
        assert.ok(at === 0 || ranges[at - 1]! < ranges[at]!);
        for (let offset = ranges[at]!; offset < ranges[at + 1]!; offset++) {
          inRanges.push(offset);
        }
      }
      assert.deepEqual(inRanges, all.map(([, downstream]) => downstream));
    }),
    { numRuns },
  );
});

Deno.test("a tail goes on behind the last chunk of its own topic and partition", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000], [101, 7001]], []);
  log.add(chunk!);
  log.add({ ...chunk!, from: 1_100, next: 1_200, runs: [] });
  assert.equal(log.next(chunk!), 1_200);
  assert.equal(log.next({ ...chunk!, partition: 1 }), 0);
  assert.equal(log.next({ ...chunk!, topicId: "created anew" }), 0);
});

Deno.test("copies in quarantine are mirrored back like any record", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000]], []);
  log.add({ ...chunk!, action: "quarantine", target: "t.quarantine" });
  assert.deepEqual([...log.written()], []);
});

Deno.test("what is no chunk says nothing", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000]], []);
  const { key, value } = chunkRecord(chunk!);
  log.take(key, null);
  log.take(key, "{");
  log.take("another key", value);
  log.take(key, JSON.stringify({ ...chunk!, next: -1 }));
  assert.equal(log.next(chunk!), 0);
});
