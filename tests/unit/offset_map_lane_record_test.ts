import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeLaneRecord,
  encodeDelta,
  encodeSnapshot,
  LaneRecordError,
  type PartitionDelta,
  type Run,
} from "../../dr/offset_map/mod.ts";

const MAX_OFFSET = 2 ** 52 - 1;
const idOf = (bytes: Uint8Array) =>
  bytes.toBase64({ alphabet: "base64url", omitPadding: true });

const steps = fc.oneof(fc.nat(3), fc.nat(300), fc.nat(2 ** 40));
/** With marks, gaps on both sides, and targets far below or above the source. */
const runs = (most: number): fc.Arbitrary<Run[]> =>
  fc.array(fc.tuple(steps, steps, steps), { maxLength: most }).map((all) => {
    let [upstream, downstream] = [0, 0];
    return all.map(([skipped, markers, length]) => {
      const run = {
        upstream: upstream + skipped,
        downstream: downstream + markers,
        length,
      };
      upstream = run.upstream + length;
      downstream = run.downstream + length;
      return run;
    });
  });

const partitions = (mostRuns: number): fc.Arbitrary<PartitionDelta[]> =>
  fc.uniqueArray(
    fc.record({
      topic: fc.oneof(
        fc.constantFrom("a", "b"),
        fc.stringMatching(/^[a-zA-Z0-9._-]{1,249}$/),
        fc.string({ minLength: 1, maxLength: 40, unit: "grapheme" }),
      ),
      topicId: fc.oneof(
        fc.constantFrom(new Uint8Array(16), new Uint8Array(16).fill(255)),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
      ).map(idOf),
      partition: fc.oneof(fc.nat(20), fc.nat(2 ** 31 - 1)),
      position: fc.oneof(fc.nat(1000), fc.maxSafeNat().map((n) => n >>> 1)),
      leaderEpoch: fc.constantFrom(null, 0, 1, 126, 127, 2 ** 31 - 1),
      runs: runs(mostRuns),
    }),
    {
      maxLength: 30,
      selector: ({ topic, topicId, partition }) =>
        JSON.stringify([topic, topicId, partition]),
    },
  );

const keyOf = ({ topic, topicId, partition }: PartitionDelta) =>
  JSON.stringify([topic, topicId, partition]);

/** Partitions by key, those that were parted put together. */
function joined(deltas: readonly PartitionDelta[]): Map<string, unknown> {
  type Known = Pick<PartitionDelta, "position" | "leaderEpoch" | "runs">;
  const all = new Map<string, Known>();
  for (const { position, leaderEpoch, runs, ...rest } of deltas) {
    const key = keyOf({ position, leaderEpoch, runs, ...rest });
    const before = all.get(key)?.runs ?? [];
    all.set(key, { position, leaderEpoch, runs: [...before, ...runs] });
  }
  return all;
}

Deno.test("a delta comes back as it was written", () => {
  fc.assert(fc.property(fc.nat(), partitions(20), (era, deltas) => {
    const { partitions, ...head } = decodeLaneRecord(encodeDelta(era, deltas));
    assert.deepEqual(head, { kind: "delta", era, part: 0, parts: 1 });
    assert.equal(partitions.length, deltas.length);
    assert.deepEqual(joined(partitions), joined(deltas));
  }));
});

Deno.test("a snapshot comes back from its parts, none of which is too large", () => {
  const sizes = fc.oneof(fc.integer({ min: 1000, max: 1400 }), fc.nat(100_000));
  fc.assert(fc.property(
    fc.nat(),
    partitions(300),
    sizes.map((size) => size + 500),
    (era, all, maxBytes) => {
      const parts = encodeSnapshot(era, all, maxBytes);
      assert.ok(parts.every(({ length }) => length <= maxBytes));
      const decoded = parts.map(decodeLaneRecord);
      for (const [part, { partitions: _, ...head }] of decoded.entries()) {
        const parts = decoded.length;
        assert.deepEqual(head, { kind: "snapshot", era, part, parts });
      }
      const partitions = decoded.flatMap(({ partitions }) => partitions);
      assert.deepEqual(joined(partitions), joined(all));
    },
  ));
});

Deno.test("parts are filled before another one begins", () => {
  const all = Array.from({ length: 5000 }, (_, partition) => ({
    topic: "orders",
    topicId: idOf(new Uint8Array(16)),
    partition,
    position: 1000,
    leaderEpoch: 7,
    runs: [{ upstream: 0, downstream: 0, length: 1000 }],
  }));
  const whole = encodeSnapshot(1, all, 1 << 20);
  assert.equal(whole.length, 1);
  const parts = encodeSnapshot(1, all, 10_000);
  const most = Math.ceil(whole[0]!.length / 10_000) * 4;
  assert.ok(parts.length <= most, `${parts.length} of at most ${most}`);
});

Deno.test("a snapshot of nothing is one part", () => {
  const [only, ...others] = encodeSnapshot(3, [], 1000).map(decodeLaneRecord);
  assert.deepEqual(others, []);
  assert.deepEqual(only, {
    kind: "snapshot",
    era: 3,
    part: 0,
    parts: 1,
    partitions: [],
  });
});

Deno.test("the bytes are those that the format says", () => {
  const topicId = idOf(Uint8Array.from({ length: 16 }, (_, at) => at));
  const bytes = encodeDelta(300, [
    {
      topic: "ab",
      topicId,
      partition: 5,
      position: 130,
      leaderEpoch: 127,
      runs: [
        { upstream: 100, downstream: 40, length: 10 },
        { upstream: 110, downstream: 51, length: 20 },
      ],
    },
    {
      topic: "ab",
      topicId,
      partition: 0,
      position: 2 ** 32,
      leaderEpoch: null,
      runs: [{ upstream: 7, downstream: 9, length: 0 }],
    },
  ]);
  assert.deepEqual([...bytes], [
    ...[1, 0, 0xac, 2, 0, 1, 1], // version, delta, era 300, part 0 of 1, a topic
    ...[2, 97, 98, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    // Two partitions; the first: position 130, leader epoch 127, two runs.
    ...[2, 5, 0x82, 1, 0x80, 1, 2],
    ...[100, 80, 10], // from 0 and 0
    ...[0, 2, 20], // from 110 and 50
    ...[0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 1],
    ...[7, 18, 0],
  ]);
});

Deno.test("a target that begins anew is written as a step back", () => {
  const delta: PartitionDelta = {
    topic: "t",
    topicId: idOf(new Uint8Array(16)),
    partition: 0,
    position: MAX_OFFSET,
    leaderEpoch: 0,
    runs: [
      { upstream: 0, downstream: MAX_OFFSET - 5, length: 5 },
      { upstream: 5, downstream: 0, length: 5 },
      { upstream: MAX_OFFSET - 5, downstream: 20, length: 5 },
    ],
  };
  const { partitions } = decodeLaneRecord(encodeDelta(1, [delta]));
  assert.deepEqual(partitions, [delta]);
});

Deno.test("what is no offset, no topic id or no run is not written", () => {
  const good: PartitionDelta = {
    topic: "t",
    topicId: idOf(new Uint8Array(16)),
    partition: 0,
    position: 1,
    leaderEpoch: 0,
    runs: [],
  };
  const run = { upstream: 10, downstream: 10, length: 5 };
  const bad: Partial<PartitionDelta>[] = [
    { position: -1 },
    { position: 0.5 },
    { position: NaN },
    { position: MAX_OFFSET + 1 },
    { leaderEpoch: -1 },
    { leaderEpoch: 0.5 },
    { leaderEpoch: 2 ** 31 },
    { partition: -1 },
    { partition: 2 ** 31 },
    { topicId: "" },
    { topicId: "orders" },
    { topicId: "?" },
    { runs: [{ ...run, length: -1 }] },
    { runs: [{ ...run, length: Infinity }] },
    { runs: [{ ...run, upstream: MAX_OFFSET }] },
    { runs: [{ ...run, downstream: -1 }] },
    { runs: [run, { ...run, upstream: 14 }] },
  ];
  for (const each of bad) {
    const deltas = [{ ...good, ...each }];
    assert.throws(() => encodeDelta(1, deltas), RangeError, Deno.inspect(each));
    assert.throws(() => encodeSnapshot(1, deltas, 10_000), RangeError);
  }
  assert.throws(() => encodeDelta(-1, [good]), RangeError);
  assert.throws(() => encodeSnapshot(1, [good], 50), RangeError);
});

const sample = encodeDelta(7, [{
  topic: "orders",
  topicId: idOf(new Uint8Array(16).fill(9)),
  partition: 3,
  position: 5000,
  leaderEpoch: 2,
  runs: [
    { upstream: 1000, downstream: 900, length: 1000 },
    { upstream: 3000, downstream: 2001, length: 2000 },
  ],
}]);

const reasonFor = (bytes: Uint8Array): string => {
  try {
    decodeLaneRecord(bytes);
  } catch (error) {
    if (error instanceof LaneRecordError) return error.reason;
    throw error;
  }
  return "none";
};

Deno.test("what ends too early is called truncated, wherever it ends", () => {
  for (let end = 0; end < sample.length; end++) {
    assert.equal(reasonFor(sample.subarray(0, end)), "truncated", `${end}`);
  }
  assert.equal(reasonFor(sample), "none");
});

Deno.test("an unknown version is named", () => {
  const later = Uint8Array.from([2, ...sample.subarray(1)]);
  assert.equal(reasonFor(later), "version");
  assert.throws(() => decodeLaneRecord(later), /version 2/);
});

Deno.test("garbage is refused as such, and reserves no memory", () => {
  const head = [1, 0, 0, 0, 1];
  const malformed: Readonly<Record<string, readonly number[]>> = {
    "more bytes than it has": [...sample, 0],
    "an unknown kind": [1, 2, 0, 0, 1, 0],
    "a part beyond the last": [1, 1, 0, 1, 1, 0],
    "no parts": [1, 1, 0, 0, 0, 0],
    "a delta in parts": [1, 0, 0, 0, 2, 0],
    "a number of ten bytes": [1, 0, ...new Array<number>(9).fill(0x80), 1],
    "a number above 2^53": [1, 0, ...new Array<number>(7).fill(0xff), 0x7f],
    "a name that is no text": [...head, 1, 1, 0xff, ...sample.subarray(15)],
    "a target below 0": [
      ...[...head, 1, 1, 97, ...new Array<number>(16).fill(0)],
      ...[1, 0, 0, 0, 1, 0, 1, 1],
    ],
    "an epoch above 2^31": [
      ...[...head, 1, 1, 97, ...new Array<number>(16).fill(0)],
      ...[1, 0, 0, 0x81, 0x80, 0x80, 0x80, 8, 0],
    ],
  };
  for (const [what, bytes] of Object.entries(malformed)) {
    assert.equal(reasonFor(Uint8Array.from(bytes)), "malformed", what);
  }
  const manyTopics = [...head, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 97];
  assert.equal(reasonFor(Uint8Array.from(manyTopics)), "truncated");
});

Deno.test("no bytes whatever make decoding fail otherwise", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (tail) => {
    reasonFor(tail);
    reasonFor(Uint8Array.from([1, tail[0]! & 1, ...tail]));
  }));
  const damage = fc.tuple(fc.nat(sample.length - 1), fc.nat(255));
  fc.assert(fc.property(fc.array(damage, { maxLength: 3 }), (places) => {
    const bytes = sample.slice();
    for (const [at, value] of places) bytes[at] = value;
    if (reasonFor(bytes) !== "none") return;
    // What is still a record can be written again.
    const { era, partitions } = decodeLaneRecord(bytes);
    encodeDelta(era, partitions);
  }));
});
