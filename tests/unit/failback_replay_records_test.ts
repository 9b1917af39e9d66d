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
const NOW = {
  old: new Map([["t", "id"]]),
  active: new Map([["t", "its id"]]),
};

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
      targetId: "its id",
      runs: chunkRuns(part),
      made: [],
      madeOfTail: [],
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

Deno.test("whatever is written and deleted in whichever order, and asked for in between, the log says what the chunks that are left say", () => {
  const PARTITIONS = [0, 1].map((partition) => ({ topicId: "id", partition }));
  const step = fc.record({
    partition: fc.constantFrom(...PARTITIONS),
    at: fc.nat(60),
    isDeleted: fc.boolean(),
  });
  fc.assert(
    fc.property(
      pairs,
      fc.array(fc.nat(60)),
      fc.array(step, { maxLength: 40 }),
      (all, cuts, steps) => {
        const chunks = chunksOf(all, cuts);
        const log = new ReplayLog();
        const left = new Map<string, Chunk>();
        for (const { at, isDeleted, partition } of steps) {
          const chunk = { ...chunks[at % chunks.length]!, ...partition };
          const { key, value } = chunkRecord(chunk);
          log.take(key, isDeleted ? null : value);
          if (isDeleted) left.delete(key);
          else left.set(key, chunk);
          for (const asked of PARTITIONS) {
            const its = [...left.values()]
              .filter((each) => each.partition === asked.partition);
            assert.equal(
              log.next(asked),
              Math.max(0, ...its.map(({ next }) => next)),
            );
            const runs = its.flatMap((each) => each.runs);
            for (let upstream = 95; upstream < 300; upstream += 1 + at % 7) {
              const run = runs.find(([from, , length]) =>
                from <= upstream && upstream < from + length
              );
              assert.equal(
                log.copyOf(asked, upstream)?.offset ?? null,
                run === undefined ? null : run[1] + upstream - run[0],
              );
            }
          }
          assert.deepEqual(
            log.stale(() => Infinity).sort(),
            [...left.keys()].sort(),
          );
        }
      },
    ),
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
      const ranges = log.written(NOW).get("t-0") ?? [];
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
  assert.deepEqual([...log.written(NOW)], []);
});

Deno.test("copies do not count any more where either topic was deleted or made anew: the mirror back copies what lies there", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000]], []);
  log.add(chunk!);
  assert.deepEqual([...log.written(NOW)], [["t-0", [7000, 7001]]]);
  assert.deepEqual(log.topics(), ["t"]);
  for (const other of [new Map(), new Map([["t", "another"]])]) {
    assert.deepEqual([...log.written({ ...NOW, old: other })], []);
    assert.deepEqual([...log.written({ ...NOW, active: other })], []);
  }
});

Deno.test("outputs in the tail are kept by where their inputs lie now, those of inputs without a copy not at all", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000], [101, 7005]], []);
  const input = { partition: 0, group: "g", count: 2 };
  const made = {
    ...input,
    topicId: "mirrored",
    output: "o",
    outputs: [[7, 0]],
  };
  const ofTail = {
    ...input,
    topicId: "id",
    output: "o",
    outputs: [[101, 0, 1], [150, 0]],
  };
  const reconciled = {
    ...chunk!,
    topic: "o",
    topicId: "o id",
    action: "reconcile",
    target: "o",
    targetId: "",
    runs: [],
    made: [made],
    madeOfTail: [ofTail],
  };
  for (const each of [reconciled, chunk!] as Chunk[]) {
    const { key, value } = chunkRecord(each);
    log.take(key, value);
  }
  const old = new Map([...NOW.old, ["o", "o id"]]);
  assert.deepEqual(log.kept({ ...NOW, old }), [
    made,
    { ...ofTail, topicId: "its id", outputs: [[7005, 0, 1]] },
  ]);
  assert.deepEqual(log.kept(NOW), [], "the primary's topic is another");
});

Deno.test("what an earlier failback has said is forgotten once a later mirror has passed it", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000]], []);
  const { key, value } = chunkRecord(chunk!);
  log.take(key, value);
  const { next } = chunk!;
  const stale = (position: number | null) => log.stale(() => position);
  assert.deepEqual([stale(null), stale(100), stale(next - 1)], [[], [], []]);
  assert.deepEqual(stale(next), [key]);
  log.take(key, null);
  assert.deepEqual([log.next(chunk!), log.written(NOW).size], [0, 0]);
});

Deno.test("what is no chunk says nothing", () => {
  const log = new ReplayLog();
  const [chunk] = chunksOf([[100, 7000]], []);
  const { key, value } = chunkRecord(chunk!);
  log.take(key, "{");
  log.take("another key", value);
  log.take(key, JSON.stringify({ ...chunk!, next: -1 }));
  assert.equal(log.next(chunk!), 0);
});
