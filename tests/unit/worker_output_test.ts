import assert from "node:assert/strict";
import fc from "fast-check";
import { OutputError, reasonOf, toRecord } from "../../workers/output.ts";
import type { Output } from "../../workers/processor.ts";

/** As a processor without types would return it. */
const untyped = (output: unknown) => toRecord(output as Output, "out");

Deno.test("text and bytes are written as they are, null as a tombstone, all else as JSON", () => {
  const bytes = new Uint8Array([0, 255]);
  assert.equal(untyped({ value: "text" }).value, "text");
  assert.equal(untyped({ value: "" }).value, "");
  assert.equal(untyped({ value: bytes }).value, bytes);
  assert.equal(untyped({ value: null }).value, null);
  assert.equal(untyped({ value: { a: [1] } }).value, '{"a":[1]}');
  assert.equal(untyped({ value: 5 }).value, "5");
  assert.equal(untyped({ value: false }).value, "false");
});

Deno.test("an output goes to the output topic unless it names another", () => {
  assert.equal(untyped({ value: 1 }).topic, "out");
  assert.equal(
    untyped({ value: 1, topic: "other.topic-2" }).topic,
    "other.topic-2",
  );
});

Deno.test("all that an output says is kept", () => {
  const headers = [
    { key: "a", value: "text" },
    { key: "", value: null },
    { key: "b", value: new Uint8Array(1) },
  ];
  const output = {
    value: "v",
    key: new Uint8Array([7]),
    headers,
    timestampMs: 1.5e12,
    topic: "t",
    partition: 2 ** 31 - 1,
  };
  assert.deepEqual(untyped(output), output);
});

const REFUSED: readonly [string, unknown][] = [
  ["nothing", undefined],
  ["null", null],
  ["text", "text"],
  ["an object without a value", { key: "k" }],
  ["an undefined value", { value: undefined }],
  ["a function", { value: () => {} }],
  ["a bigint within the value", { value: { count: 1n } }],
  ["a numeric key", { value: 1, key: 5 }],
  ["a key of a list", { value: 1, key: ["a"] }],
  ["an object as key", { value: 1, key: { id: 1 } }],
  ["a buffer as key", { value: 1, key: new ArrayBuffer(8) }],
  ["headers by name", { value: 1, headers: { a: "b" } }],
  ["a header that is none", { value: 1, headers: [null] }],
  ["a header without a name", { value: 1, headers: [{ value: "v" }] }],
  ["a NUL in a header's name", {
    value: 1,
    headers: [{ key: "a\0b", value: "v" }],
  }],
  ["a numeric header", { value: 1, headers: [{ key: "n", value: 5 }] }],
  ["a date as timestamp", { value: 1, timestampMs: new Date() }],
  ["a timestamp that is no number", { value: 1, timestampMs: NaN }],
  ["a negative timestamp", { value: 1, timestampMs: -1 }],
  ["an endless timestamp", { value: 1, timestampMs: Infinity }],
  ["a partition in text", { value: 1, partition: "1" }],
  ["a negative partition", { value: 1, partition: -1 }],
  ["half a partition", { value: 1, partition: 0.5 }],
  ["a partition above 32 bits", { value: 1, partition: 2 ** 31 }],
  ["an empty topic", { value: 1, topic: "" }],
  ["a topic with a NUL", { value: 1, topic: "a\0b" }],
  ["a topic with a space", { value: 1, topic: "a b" }],
  ["a topic too long for Kafka", { value: 1, topic: "x".repeat(250) }],
  ["a null topic", { value: 1, topic: null }],
  ["a numeric topic", { value: 1, topic: 5 }],
];
for (const [what, output] of REFUSED) {
  Deno.test(`${what} is refused as an output`, () => {
    assert.throws(() => untyped(output), OutputError);
  });
}

Deno.test("what is wrong with an output is named by its field", () => {
  assert.throws(
    () => untyped({ value: 1, key: 5 }),
    /^OutputError: an output's `key` must be text, bytes or null$/,
  );
});

Deno.test("whatever a processor returns, only what can be written gets past", () => {
  const anything = fc.anything({ withBigInt: true, withTypedArray: true });
  const part = fc.oneof(anything, fc.string(), fc.uint8Array());
  const outputs = fc.record({
    value: part,
    key: part,
    topic: fc.oneof(anything, fc.string()),
    headers: fc.oneof(
      anything,
      fc.array(fc.record({ key: part, value: part })),
    ),
    partition: fc.oneof(anything, fc.integer(), fc.double()),
    timestampMs: fc.oneof(anything, fc.integer(), fc.double()),
  }, { requiredKeys: [] });
  const isPart = (part: unknown) =>
    part === null || typeof part === "string" || part instanceof Uint8Array;
  fc.assert(
    fc.property(fc.oneof(anything, outputs), (output) => {
      let record: ReturnType<typeof toRecord>;
      try {
        record = untyped(output);
      } catch (error) {
        assert.ok(error instanceof OutputError, String(error));
        return;
      }
      assert.ok(isPart(record.value));
      assert.ok(record.key === undefined || isPart(record.key));
      assert.match(record.topic, /^[^\0\s]{1,249}$/);
      for (const { key, value } of record.headers ?? []) {
        assert.ok(typeof key === "string" && isPart(value));
      }
      const { partition = 0, timestampMs = 0 } = record;
      assert.ok(Number.isInteger(partition) && partition >= 0);
      assert.ok(Number.isFinite(timestampMs) && timestampMs >= 0);
    }),
    { numRuns: 1000 },
  );
});

Deno.test("a reason names the kind of an error unless that says nothing", () => {
  assert.equal(reasonOf(new Error("went wrong")), "went wrong");
  assert.equal(reasonOf(new RangeError("too far")), "RangeError: too far");
  assert.equal(reasonOf("text"), "text");
  assert.equal(reasonOf(undefined), "undefined");
  assert.equal(reasonOf(null), "null");
});

Deno.test("anything at all can be thrown and has a reason", () => {
  const nameless = Object.assign(new Error("a"), { name: undefined });
  const listed = Object.assign(new Error(), { message: ["a", "b"] });
  assert.equal(reasonOf(nameless), "undefined: a");
  assert.equal(reasonOf(listed), "a,b");
  assert.equal(
    reasonOf(Object.create(null)),
    "an error that cannot be written as text",
  );
  const anything = fc.anything({ withNullPrototype: true, withBigInt: true });
  fc.assert(fc.property(anything, anything, (thrown, message) => {
    assert.equal(typeof reasonOf(thrown), "string");
    const error = Object.assign(new Error(), { message, name: thrown });
    assert.equal(typeof reasonOf(error), "string");
  }));
});
