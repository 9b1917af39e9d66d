import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeCheckpoint,
  decodeHeartbeat,
  decodeOffsetSync,
  decodeSourcePosition,
  encodeCheckpoint,
  encodeHeartbeat,
  encodeNoSourcePosition,
  encodeOffsetSync,
  encodeSourcePosition,
  type Entry,
  FormatError,
} from "../../dr/formats/mod.ts";

const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 30 }),
  fc.constantFrom("", "\uFEFFwith a mark", "a".repeat(0x7fff), "\u0000\u001f"),
);
const count = fc.oneof(fc.maxSafeNat(), fc.constant(Number.MAX_SAFE_INTEGER));
const partition = fc.nat(0x7fff_ffff);
const pair = { upstream: count, downstream: count };
const plain = { noNullPrototype: true };
const sync = fc.record({ topic: text, partition, ...pair }, plain);
const checkpoint = fc.record({
  group: text,
  topic: text,
  partition,
  metadata: text,
  ...pair,
}, plain);
const heartbeat = fc.record(
  { source: text, target: text, timestampMs: count },
  plain,
);
const position = fc.record({
  cluster: text,
  topic: text,
  partition,
  next: count.filter((next) => next > 0),
}, plain);

const hex = ({ key, value }: Entry) => [key.toHex(), value.toHex()];
const bytes = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));

Deno.test("an offset sync is the topic and partition, and both offsets without a version", () => {
  const entry = encodeOffsetSync({
    topic: "ab",
    partition: 258,
    upstream: 2 ** 40 + 1,
    downstream: 7,
  });
  assert.deepEqual(hex(entry), [
    "0002" + "6162" + "00000102",
    "0000010000000001" + "0000000000000007",
  ]);
});

Deno.test("a checkpoint is the group and the target's partition, and its value has a version", () => {
  const entry = encodeCheckpoint({
    group: "g",
    topic: "t",
    partition: 1,
    metadata: "é",
    upstream: 5,
    downstream: 3,
  });
  assert.deepEqual(hex(entry), [
    "000167" + "000174" + "00000001",
    "0000" + "0000000000000005" + "0000000000000003" + "0002c3a9",
  ]);
});

Deno.test("a heartbeat is both aliases, and a versioned time", () => {
  const entry = encodeHeartbeat({ source: "p", target: "s", timestampMs: 9 });
  assert.deepEqual(hex(entry), [
    "000170" + "000173",
    "0000" + "0000000000000009",
  ]);
});

Deno.test("a source position has the fields in Java's order, and the last offset that was mirrored", () => {
  const { key, value } = encodeSourcePosition({
    cluster: "primary",
    topic: "logins",
    partition: 3,
    next: 42,
  });
  const read = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert.equal(
    read(key),
    '["MirrorSourceConnector",{"cluster":"primary","partition":3,"topic":"logins"}]',
  );
  assert.equal(read(value), '{"offset":41}');
});

Deno.test("names in a source position are escaped as Jackson does", () => {
  const { key } = encodeSourcePosition({
    cluster: 'a"\\u001f\u001f\n😀é',
    partition: 0,
    topic: "t",
    next: 1,
  });
  assert.equal(
    new TextDecoder().decode(key),
    String
      .raw`["MirrorSourceConnector",{"cluster":"a\"\\u001f\u001F\n\uD83D\uDE00é","partition":0,"topic":"t"}]`,
  );
});

Deno.test("what is encoded is decoded as it was", () => {
  fc.assert(fc.property(sync, (each) => {
    const { key, value } = encodeOffsetSync(each);
    assert.deepEqual(decodeOffsetSync(key, value), each);
  }));
  fc.assert(fc.property(checkpoint, (each) => {
    const { key, value } = encodeCheckpoint(each);
    assert.deepEqual(decodeCheckpoint(key, value), each);
  }));
  fc.assert(fc.property(heartbeat, (each) => {
    const { key, value } = encodeHeartbeat(each);
    assert.deepEqual(decodeHeartbeat(key, value), each);
  }));
  fc.assert(fc.property(position, text, (each, connector) => {
    const { key, value } = encodeSourcePosition(each, connector);
    assert.deepEqual(decodeSourcePosition(key, value, connector), each);
    const none = encodeNoSourcePosition(each, connector);
    assert.deepEqual(none, { key, value: null });
  }));
});

const garbage = fc.option(fc.uint8Array({ maxLength: 60 }), { nil: null });
const jsonGarbage = fc.oneof(
  garbage,
  fc.json().map((json) => new TextEncoder().encode(json)),
  fc.json().map((json) => bytes(["MirrorSourceConnector", JSON.parse(json)])),
  fc.constant(bytes(["MirrorSourceConnector", {
    cluster: "c",
    partition: 0,
    topic: "t",
  }])),
);

for (
  const [name, decode, keys, values] of [
    ["offset sync", decodeOffsetSync, garbage, garbage],
    ["checkpoint", decodeCheckpoint, garbage, garbage],
    ["heartbeat", decodeHeartbeat, garbage, garbage],
    ["source position", decodeSourcePosition, jsonGarbage, jsonGarbage],
  ] as const
) {
  Deno.test(`garbage in place of a ${name} is read as one, or refused by a FormatError`, () => {
    fc.assert(
      fc.property(keys, values, (key, value) => {
        try {
          decode(key, value);
        } catch (error) {
          assert.ok(error instanceof FormatError, String(error));
        }
      }),
      { numRuns: 500 },
    );
  });
}

Deno.test("a record that is cut anywhere is refused", () => {
  const cases = [
    [
      decodeOffsetSync,
      encodeOffsetSync({
        topic: "topic",
        partition: 1,
        upstream: 2,
        downstream: 3,
      }),
    ],
    [
      decodeCheckpoint,
      encodeCheckpoint({
        group: "g",
        topic: "t",
        partition: 1,
        metadata: "m",
        upstream: 2,
        downstream: 3,
      }),
    ],
    [
      decodeHeartbeat,
      encodeHeartbeat({ source: "a", target: "b", timestampMs: 3 }),
    ],
    [
      decodeSourcePosition,
      encodeSourcePosition({
        cluster: "a",
        topic: "t",
        partition: 1,
        next: 4,
      }),
    ],
  ] as const;
  for (const [decode, { key, value }] of cases) {
    assert.notEqual(decode(key, value), null);
    for (let end = 0; end < key.length; end++) {
      assert.throws(() => decode(key.slice(0, end), value), FormatError);
    }
    for (let end = 0; end < value.length; end++) {
      assert.throws(() => decode(key, value.slice(0, end)), FormatError);
    }
    assert.throws(() => decode(null, value), FormatError);
  }
});

Deno.test("a record without a value says nothing, and removes a source position", () => {
  const offsetSync = encodeOffsetSync({
    topic: "t",
    partition: 1,
    upstream: 2,
    downstream: 3,
  });
  assert.equal(decodeOffsetSync(offsetSync.key, null), null);
  const heartbeat = encodeHeartbeat({
    source: "a",
    target: "b",
    timestampMs: 1,
  });
  assert.equal(decodeHeartbeat(heartbeat.key, null), null);
  const removed = { cluster: "a", topic: "t", partition: 1, next: null };
  const { key } = encodeSourcePosition({ ...removed, next: 4 });
  for (
    const value of [bytes({ offset: 2 ** 53 - 1 }), bytes({ offset: "1" })]
  ) {
    assert.throws(() => decodeSourcePosition(key, value), FormatError);
  }
  for (const value of [null, bytes(null), bytes({}), bytes({ offset: -1 })]) {
    assert.deepEqual(decodeSourcePosition(key, value), removed);
  }
});

Deno.test("a key of a source position may have its fields in any order", () => {
  const key = bytes(["MirrorSourceConnector", {
    topic: "t",
    partition: 1,
    cluster: "c",
    later: true,
  }]);
  assert.deepEqual(decodeSourcePosition(key, bytes({ offset: 0 })), {
    cluster: "c",
    topic: "t",
    partition: 1,
    next: 1,
  });
});

Deno.test("entries of other connectors are none of ours", () => {
  const key = bytes(["MirrorHeartbeatConnector", { sourceClusterAlias: "a" }]);
  assert.equal(decodeSourcePosition(key, bytes({ offset: 0 })), null);
  const { key: ours } = encodeSourcePosition({
    cluster: "a",
    topic: "t",
    partition: 1,
    next: 4,
  });
  assert.equal(decodeSourcePosition(ours, null, "another-name"), null);
});

Deno.test("versions, numbers and texts that are not known are refused by what is wrong", () => {
  const { key, value } = encodeHeartbeat({
    source: "a",
    target: "b",
    timestampMs: 1,
  });
  const changed = (bytes: Uint8Array, at: number, byte: number) =>
    bytes.with(at, byte);
  assert.throws(
    () => decodeHeartbeat(key, changed(value, 1, 1)),
    /heartbeat has the unknown version 1/,
  );
  assert.throws(
    () => decodeHeartbeat(key, changed(value, 2, 0x80)),
    /has the time -9223372036854775807/,
  );
  assert.throws(
    () => decodeHeartbeat(key, changed(value, 2, 0x7f)),
    /has the time 9151314442816847873/,
  );
  assert.throws(
    () => decodeHeartbeat(changed(key, 2, 0xff), value),
    /source alias that is not UTF-8/,
  );
  assert.throws(
    () => decodeHeartbeat(changed(key, 0, 0xff), value),
    /source alias of length -255/,
  );
});

Deno.test("what no record can hold is refused before it is written", () => {
  const good = { topic: "t", partition: 1, upstream: 2, downstream: 3 };
  for (
    const bad of [
      { topic: "a".repeat(0x8000) },
      { topic: "\ud800" },
      { partition: -1 },
      { partition: 2 ** 31 },
      { upstream: -1 },
      { downstream: 0.5 },
      { upstream: 2 ** 53 },
    ]
  ) assert.throws(() => encodeOffsetSync({ ...good, ...bad }), RangeError);
  const nothing = { cluster: "a", topic: "t", partition: 0, next: 0 };
  assert.throws(() => encodeSourcePosition(nothing), RangeError);
});
