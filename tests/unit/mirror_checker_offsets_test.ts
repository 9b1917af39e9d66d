import assert from "node:assert/strict";
import fc from "fast-check";
import type { Pairs } from "../mirror/compare.ts";
import { ConnectPositions } from "../mirror/connect_positions.ts";
import { LaneMaps } from "../mirror/lane_maps.ts";
import { decodeLaneRecord, type OffsetRun } from "../mirror/lane_record.ts";
import { newFindings } from "../mirror/report.ts";
import {
  checkPosition,
  checkTranslation,
  translatedByRecords,
  translatedByRuns,
} from "../mirror/translation.ts";
import { bytesOf, kindsOf, laneRecord, runsOf } from "./support_mirror.ts";

/** Steps of 1 have no gap. */
const ascending = (most: number) =>
  fc.array(fc.oneof(fc.constant(1), fc.integer({ min: 1, max: most })), {
    minLength: 1,
    maxLength: 60,
  }).map((steps) => {
    let offset = -1;
    return steps.map((step) => offset += step);
  });

const partitions = fc.tuple(ascending(5), ascending(3)).map(([up, down]) => {
  const size = Math.min(up.length, down.length);
  return { up: up.slice(0, size), down: down.slice(0, size) };
});

const pairsOf = (up: readonly number[], down: readonly number[]): Pairs => ({
  size: up.length,
  upstream: Float64Array.from(up),
  downstream: Float64Array.from(down),
});

interface Given {
  readonly up: readonly number[];
  readonly down: readonly number[];
  readonly runs: readonly OffsetRun[];
  readonly isCompacted?: boolean;
}

function translationsOf({ up, down, runs, isCompacted = false }: Given) {
  const findings = newFindings();
  const counts = checkTranslation({
    topic: "t",
    partition: 0,
    pairs: pairsOf(up, down),
    map: {
      lane: 0,
      topicId: "",
      era: 0,
      position: up.at(-1)! + 1,
      runs,
    },
    targetEnd: down.at(-1)! + 1,
    isCompacted,
    found: (kind, example) => findings.add(kind, () => example),
  });
  return { ...counts, kinds: kindsOf(findings.list()) };
}

/** As the words of I2 say it. */
function translate(up: readonly number[], down: readonly number[], p: number) {
  const last = up.findLastIndex((offset) => offset < p);
  return last < 0 ? down[0]! : down[last]! + 1;
}

Deno.test("runs and records translate as the definition says, both ways", () => {
  fc.assert(fc.property(partitions, ({ up, down }) => {
    const pairs = pairsOf(up, down);
    const runs = runsOf(up, down);
    for (let p = 0; p <= up.at(-1)! + 3; p++) {
      const expected = translate(up, down, p);
      assert.equal(translatedByRecords(pairs, p), expected);
      assert.equal(translatedByRuns(runs, p), expected);
    }
    for (let q = 0; q <= down.at(-1)! + 3; q++) {
      const expected = translate(down, up, q);
      assert.equal(translatedByRecords(pairs, q, "downstream"), expected);
      assert.equal(translatedByRuns(runs, q, "downstream"), expected);
    }
    const { kinds, verified } = translationsOf({ up, down, runs });
    assert.deepEqual(kinds, []);
    assert.equal(verified, up.at(-1)! + down.at(-1)! + 4);
  }));
});

Deno.test("a map that is wrong in one record, or lacks one in the middle, translates wrongly", () => {
  fc.assert(fc.property(partitions, fc.nat(), (given, number) => {
    const { up, down } = given;
    if (up.length < 3) return;
    const at = 1 + number % (up.length - 2);
    const lacking = runsOf(up.toSpliced(at, 1), down.toSpliced(at, 1));
    const { kinds } = translationsOf({ up, down, runs: lacking });
    assert.equal(kinds.length, 1);
    assert.match(kinds[0]!, /^wrong translation/);
    const moved = runsOf(up, down).map((run, nth) =>
      nth === 0 ? { ...run, downstream: run.downstream + 1 } : run
    );
    assert.match(
      translationsOf({ up, down, runs: moved }).kinds[0]!,
      /^wrong translation/,
    );
  }));
});

Deno.test("what a trimmed map has forgotten is counted, and the rest verified", () => {
  const up = [0, 1, 2, 5, 6, 9];
  const down = [0, 1, 2, 4, 5, 7];
  const runs = runsOf(up, down).slice(1);
  assert.deepEqual(translationsOf({ up, down, runs }), {
    kinds: [],
    trimmed: 3,
    verified: 5 + 4,
  });
});

Deno.test("between a run and a mark nothing is known, and at the mark and above all is", () => {
  const runs = [
    { upstream: 10, downstream: 4, length: 0 },
    { upstream: 10, downstream: 4, length: 2 },
    { upstream: 20, downstream: 9, length: 0 },
    { upstream: 21, downstream: 11, length: 3 },
  ];
  const known = (from: "upstream" | "downstream", offsets: number[]) =>
    offsets.map((offset) => translatedByRuns(runs, offset, from));
  assert.deepEqual(
    known("upstream", [0, 9, 10, 11, 12, 13, 19, 20, 21, 22, 99]),
    [null, null, 4, 5, 6, null, null, 9, 9, 12, 14],
  );
  assert.deepEqual(
    known("downstream", [3, 4, 6, 7, 8, 9, 11, 12, 99]),
    [null, 10, 12, null, null, 20, 20, 22, 24],
  );
});

Deno.test("a mark amid what the mirror has copied is a wrong translation", () => {
  const up = [0, 1, 2, 3];
  const runs = [
    { upstream: 0, downstream: 0, length: 1 },
    { upstream: 3, downstream: 3, length: 0 },
    { upstream: 3, downstream: 3, length: 1 },
  ];
  assert.deepEqual(translationsOf({ up, down: up, runs }).kinds, [
    "wrong translation 2",
  ]);
});

Deno.test("no run of what is mirrored is a wrong translation", () => {
  const { kinds } = translationsOf({ up: [3], down: [0], runs: [] });
  assert.deepEqual(kinds, ["wrong translation 1"]);
});

Deno.test("in a compacted partition what stands right behind its records is verified", () => {
  // 1 and 3 are gone from the source since.
  const runs = runsOf([0, 1, 2, 3, 4], [0, 1, 2, 3, 4]);
  const left = { up: [0, 2, 4], down: [0, 2, 4], isCompacted: true };
  assert.deepEqual(translationsOf({ ...left, runs }).kinds, []);
  const wrong = runsOf([0, 1, 2, 3, 4], [0, 1, 3, 4, 5]);
  assert.deepEqual(
    translationsOf({ ...left, runs: wrong }).kinds,
    ["wrong translation 4"],
  );
});

Deno.test("a position must be behind all that is mirrored and before all that is not", () => {
  const upstream = {
    size: 4,
    below: (p: number) => [0, 1, 5, 6].filter((each) => each < p).length,
  };
  const kinds = (position: number | undefined, mirrored: number) => {
    const findings = newFindings();
    checkPosition({
      topic: "t",
      partition: 0,
      upstream,
      mirrored,
      position,
      kind: "wrong position",
      found: (kind, example) => findings.add(kind, () => example),
    });
    return kindsOf(findings.list());
  };
  for (const right of [2, 3, 4, 5]) assert.deepEqual(kinds(right, 2), []);
  for (const wrong of [0, 1, 6, 7]) {
    assert.deepEqual(kinds(wrong, 2), ["wrong position 1"]);
  }
  assert.deepEqual(kinds(undefined, 0), []);
  assert.deepEqual(kinds(undefined, 1), ["wrong position 1"]);
});

function followed(
  ...records: readonly (readonly [lane: number, value: Uint8Array | null])[]
) {
  const findings = newFindings();
  const maps = new LaneMaps(
    "lanes",
    (kind, example) => findings.add(kind, () => example),
  );
  records.forEach(([lane, value], offset) => maps.observe(lane, offset, value));
  return { maps, kinds: kindsOf(findings.list()) };
}

const one = { upstream: 3, downstream: 0, length: 4 };
const two = { upstream: 9, downstream: 5, length: 300 };

Deno.test("a lane's record is decoded as its format says", () => {
  fc.assert(fc.property(
    partitions,
    fc.constantFrom("delta", "snapshot"),
    fc.nat(),
    fc.constantFrom(null, 0, 1, 127, 2 ** 31 - 1),
    ({ up, down }, kind, era, leaderEpoch) => {
      const position = up.at(-1)! + 1;
      const mark = { upstream: 0, downstream: 0, length: 0 };
      const runs = [mark, ...runsOf(up, down)];
      const given = { era, position, leaderEpoch, runs };
      const record = decodeLaneRecord(laneRecord({ ...given, kind }));
      const { partitions: [partition], ...head } = record;
      assert.deepEqual(head, { kind, era, part: 0, parts: 1 });
      assert.deepEqual(partition, {
        topic: "t",
        topicId: "07".repeat(16),
        partition: 0,
        position,
        leaderEpoch,
        runs,
      });
    },
  ));
});

Deno.test("deltas add up, and a snapshot replaces all of its lane with its last part", () => {
  const first = laneRecord({ position: 8, runs: [one] });
  const second = laneRecord({ position: 400, runs: [two] });
  const { maps, kinds } = followed([0, first], [0, second]);
  assert.deepEqual(maps.of("t", 0)!.runs, [one, two]);
  assert.equal(maps.of("t", 0)!.position, 400);
  assert.deepEqual(kinds, []);

  const part = (part: number, runs: readonly OffsetRun[]) =>
    laneRecord({ kind: "snapshot", part, parts: 2, position: 400, runs });
  const half = followed([0, first], [0, part(0, [one])]);
  assert.deepEqual(half.maps.of("t", 0)!.position, 8);
  const whole = followed([0, first], [0, part(0, [one])], [0, part(1, [two])]);
  assert.deepEqual(whole.maps.of("t", 0)!.runs, [one, two]);
  assert.deepEqual(whole.kinds, []);
});

Deno.test("a torn, foreign or deleted record of a lane is found", () => {
  const whole = laneRecord({ position: 8, runs: [one] });
  for (let length = 0; length < whole.length; length++) {
    const { kinds } = followed([0, whole.subarray(0, length)]);
    assert.deepEqual(kinds, ["corrupt lane log 1"], `${length} bytes`);
  }
  const other = whole.slice();
  other[0] = 2;
  for (const wrong of [other, Uint8Array.from([...whole, 0]), null]) {
    assert.deepEqual(followed([0, wrong]).kinds, ["corrupt lane log 1"]);
  }
});

Deno.test("a position or runs that go back, and parts that are missing, are found", () => {
  const first = laneRecord({ position: 8, runs: [one] });
  const back = laneRecord({ position: 7, runs: [] });
  assert.deepEqual(followed([0, first], [0, back]).kinds, [
    "corrupt lane log 1",
  ]);
  assert.deepEqual(followed([0, first], [0, first]).kinds, [
    "corrupt lane log 1",
  ]);
  const last = laneRecord({
    kind: "snapshot",
    part: 1,
    parts: 2,
    position: 8,
    runs: [],
  });
  assert.deepEqual(followed([0, last]).kinds, ["corrupt lane log 1"]);
});

Deno.test("a partition that two lanes write is found", () => {
  const first = laneRecord({ position: 8, runs: [one] });
  const second = laneRecord({ position: 400, runs: [two] });
  assert.deepEqual(followed([0, first], [1, second]).kinds, [
    "partition in two lanes 1",
  ]);
});

Deno.test("MirrorMaker resumes behind the last record of a key, of its own connector and cluster", () => {
  const positions = new ConnectPositions("primary");
  const put = (connector: string, cluster: string, value: string | null) =>
    positions.observe(
      bytesOf(JSON.stringify([
        connector,
        { cluster, partition: 2, topic: "t" },
      ])),
      value === null ? null : bytesOf(value),
    );
  put("MirrorSourceConnector", "primary", '{"offset":4}');
  put("MirrorSourceConnector", "primary", '{"offset":9}');
  put("MirrorSourceConnector", "other", '{"offset":70}');
  put("MirrorHeartbeatConnector", "primary", '{"offset":70}');
  const heartbeat = ["MirrorHeartbeatConnector", { sourceClusterAlias: "a" }];
  positions.observe(bytesOf(JSON.stringify(heartbeat)), bytesOf("{}"));
  assert.equal(positions.of("t", 2), 10);
  assert.equal(positions.of("t", 1), undefined);
  put("MirrorSourceConnector", "primary", null);
  assert.equal(positions.of("t", 2), undefined);
  assert.throws(
    () => positions.observe(bytesOf("[]"), bytesOf("{}")),
    RangeError,
  );
});
