import assert from "node:assert/strict";
import fc from "fast-check";
import { OutputFinder } from "../../dr/failover/find_outputs.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
  type Run,
} from "../../dr/offset_map/mod.ts";
import type { Coordinates } from "../../src/pool/coordinates.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(500, 20_000);
const SOURCE = "source-cluster-id-1234";
const TARGET = "target-cluster-id-1234";
const TOPIC_ID = "AAAAAAAAAAAAAAAAAAAAAA";
const COPY_ID = "AAAAAAAAAAAAAAAAAAAABA";
const OTHER_ID = "AAAAAAAAAAAAAAAAAAAAAQ";

const at = (
  offset: number,
  changes: Partial<Coordinates> = {},
): Coordinates => ({
  clusterId: SOURCE,
  topicId: TOPIC_ID,
  partition: 0,
  offset,
  ordinal: 0,
  count: 1,
  outputTopic: "out",
  group: "pool",
  ...changes,
});

function mapOf(runs: readonly Run[], position: number): OffsetMap {
  const map = new OffsetMap();
  const partition = {
    topic: "logins",
    topicId: TOPIC_ID,
    partition: 0,
    position,
    leaderEpoch: null,
    runs,
  };
  map.apply(0, decodeLaneRecord(encodeDelta(0, [partition])));
  // The seal, as whoever fails over has read it.
  map.apply(0, decodeLaneRecord(encodeDelta(1, [])));
  return map;
}

const finderOf = (map: OffsetMap) =>
  new OutputFinder({
    map,
    targetTopic: (topic) => `primary.${topic}`,
    targetTopicIds: new Map([["primary.logins", COPY_ID]]),
    targetClusterId: TARGET,
  });

/** Two records and a gap in the source, a marker in the target. */
const MAP = mapOf([
  { upstream: 10, downstream: 0, length: 5 },
  { upstream: 17, downstream: 6, length: 3 },
], 22);

const committed = (offset: number | null) =>
  new Map(offset === null ? [] : [["primary.logins-0", offset]]);

Deno.test("outputs of mirrored inputs from the group's position on are done, in the target's offsets", () => {
  const finder = finderOf(MAP);
  for (const offset of [13, 14, 17, 19]) {
    finder.take(at(offset), [], committed(4));
  }
  assert.deepEqual(finder.found(1), {
    era: 1,
    done: [{
      group: "pool",
      topic: "primary.logins",
      topicId: COPY_ID,
      partition: 0,
      output: "primary.out",
      count: 1,
      // 13 -> 3 is below the position; behind the gap 17 -> 6.
      outputs: [[4, 0], [6, 0], [8, 0]],
    }],
    tail: [],
  });
});

Deno.test("several outputs of an input, in any order and met twice, are one entry", () => {
  const finder = finderOf(MAP);
  for (const ordinal of [2, 0, 2]) {
    finder.take(at(11, { ordinal, count: 3 }), [], committed(0));
  }
  assert.deepEqual(finder.found(1).done[0]!.outputs, [[1, 0, 2]]);
});

Deno.test("outputs of inputs at or beyond the mirror's position are the tail, in the source's offsets", () => {
  const finder = finderOf(MAP);
  finder.take(at(22), [], committed(9));
  finder.take(at(30), [], committed(9));
  // Of a topic of which nothing was mirrored.
  finder.take(at(3, { topicId: OTHER_ID, partition: 4 }), [], committed(9));
  const { done, tail } = finder.found(1);
  assert.deepEqual(done, []);
  assert.deepEqual(tail, [{
    group: "pool",
    topic: "logins",
    topicId: TOPIC_ID,
    partition: 0,
    output: "primary.out",
    count: 1,
    outputs: [[22, 0], [30, 0]],
  }, {
    group: "pool",
    topic: null,
    topicId: OTHER_ID,
    partition: 4,
    output: "primary.out",
    count: 1,
    outputs: [[3, 0]],
  }]);
});

Deno.test("groups are told apart, and one without a position has all of it done", () => {
  const finder = finderOf(MAP);
  finder.take(at(10), [], committed(9));
  finder.take(at(10, { group: "a/b" }), [], committed(null));
  assert.deepEqual(
    finder.found(1).done.map(({ group, outputs }) => [group, outputs]),
    [["a/b", [[0, 0]]]],
  );
});

Deno.test("what was processed on the target, or on a third cluster, is not looked at", () => {
  const finder = finderOf(MAP);
  finder.take(at(12, { clusterId: TARGET }), [], committed(0));
  finder.take(at(25, { clusterId: TARGET }), [], committed(0));
  finder.take(
    at(25, { clusterId: "third", topicId: OTHER_ID }),
    [],
    committed(0),
  );
  finder.take(at(12), [], committed(0));
  const { done, tail } = finder.found(1);
  assert.deepEqual(done[0]!.outputs, [[2, 0]]);
  assert.deepEqual(tail, []);
});

Deno.test("an input that no run knows is told, and not guessed", () => {
  const trimmed = mapOf([
    { upstream: 100, downstream: 40, length: 0 },
    { upstream: 100, downstream: 40, length: 20 },
  ], 120);
  const finder = finderOf(trimmed);
  finder.take(at(99), [], committed(0));
  finder.take(at(100), [], committed(0));
  assert.equal(finder.unknown, 1);
  assert.deepEqual(finder.found(1).done[0]!.outputs, [[40, 0]]);
  // All below 40 is settled there, and may be below 39 here.
  finder.take(at(99), [], committed(40));
  assert.equal(finder.unknown, 1);
  finder.take(at(99), [], committed(39));
  assert.equal(finder.unknown, 2);
});

/** Records of a source partition, and where their copies lie. */
const mirrored = fc.array(
  fc.record({
    up: fc.nat(3),
    down: fc.nat(3),
    length: fc.integer({
      min: 1,
      max: 6,
    }),
  }),
  { minLength: 1, maxLength: 12 },
).map((steps) => {
  const pairs: [number, number][] = [];
  let [up, down] = [0, 0];
  for (const step of steps) {
    [up, down] = [up + step.up, down + step.down];
    for (let count = 0; count < step.length; count++) {
      pairs.push([up++, down++]);
    }
  }
  return pairs;
});

Deno.test("of any outputs exactly those are done whose input is mirrored and at or above the position", () => {
  fc.assert(
    fc.property(mirrored, fc.nat(60), fc.nat(40), fc.nat(10), (
      pairs,
      position,
      tail,
      beyond,
    ) => {
      const end = pairs.at(-1)![0] + 1 + beyond;
      const runs = pairs.map(([upstream, downstream]) => ({
        upstream,
        downstream,
        length: 1,
      }));
      const finder = finderOf(mapOf(runs, end));
      for (const [upstream] of pairs) {
        finder.take(at(upstream), [], committed(position));
      }
      for (let offset = end; offset < end + tail; offset++) {
        finder.take(at(offset), [], committed(position));
      }
      const found = finder.found(1);
      const inputs = (entries: typeof found.done | typeof found.tail) =>
        entries.flatMap(({ outputs }) => outputs.map(([offset]) => offset));
      assert.deepEqual(
        inputs(found.done),
        pairs.map(([, downstream]) => downstream)
          .filter((downstream) => downstream >= position),
      );
      assert.deepEqual(
        inputs(found.tail),
        Array.from({ length: tail }, (_, at) => end + at),
      );
      assert.equal(finder.unknown, 0);
    }),
    { numRuns },
  );
});

Deno.test("what came through delay topics is of the latest of its inputs that was mirrored, and else of the first", () => {
  /** Offsets of an input, latest first; mirrored are those from 10 to 21. */
  const found = (...[last, ...before]: number[]) => {
    const finder = finderOf(MAP);
    const places = before.map((each) => at(each));
    finder.take(at(last!, { count: 2 }), places, committed(2));
    const { done, tail } = finder.found(1);
    return [done, tail].map((entries) =>
      entries.flatMap(({ count, outputs }) =>
        outputs.map(([offset]) => `${offset} of ${count}`)
      )
    );
  };
  assert.deepEqual(found(30, 13, 11), [["3 of 2"], []]);
  assert.deepEqual(found(14, 13, 11), [["4 of 2"], []]);
  assert.deepEqual(found(30, 25, 24), [[], ["24 of 2"]]);
  // Below the group's position nothing is processed again.
  assert.deepEqual(found(30, 11, 24), [[], []]);
});

Deno.test("what came through delay topics of the target is not looked at", () => {
  const finder = finderOf(MAP);
  finder.take(at(30), [at(11, { clusterId: TARGET })], committed(0));
  finder.take(at(11, { clusterId: TARGET }), [at(11)], committed(0));
  const { done, tail } = finder.found(1);
  assert.deepEqual([done, tail], [[], []]);
});

Deno.test("topics and counts of outputs are told apart", () => {
  const finder = finderOf(MAP);
  finder.take(at(11, { count: 2, ordinal: 1 }), [], committed(0));
  finder.take(at(11), [], committed(0));
  finder.take(at(11, { outputTopic: "audit" }), [], committed(0));
  assert.deepEqual(
    finder.found(1).done.map(({ count, output, outputs }) => [
      output,
      count,
      ...outputs,
    ]),
    [
      ["primary.out", 2, [1, 1]],
      ["primary.out", 1, [1, 0]],
      ["primary.audit", 1, [1, 0]],
    ],
  );
});

Deno.test("an input whose topic is not on the target any more is nobody's there", () => {
  const finder = new OutputFinder({
    map: MAP,
    targetTopic: (topic) => topic,
    targetTopicIds: new Map(),
    targetClusterId: TARGET,
  });
  finder.take(at(11), [], committed(0));
  assert.equal(finder.unknown, 0);
  assert.deepEqual(finder.found(1).done, []);
});
