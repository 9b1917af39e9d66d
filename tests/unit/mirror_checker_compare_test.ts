import assert from "node:assert/strict";
import fc from "fast-check";
import type { KafkaRecord } from "../support/independent_client.ts";
import {
  bytesOf,
  compared,
  kindsOf,
  placed,
  recordAt,
} from "./support_mirror.ts";

const source = placed([0, 1, 2, 3, 4, 5, 6, 7]);
const kinds = (target: readonly KafkaRecord[], options = {}) =>
  kindsOf(compared(source, target, options).anomalies);
const without = (...numbers: number[]) =>
  source.filter(({ offset }) => !numbers.includes(offset));
const changed = (change: Partial<KafkaRecord>) =>
  source.map((each) => each.offset === 3 ? { ...each, ...change } : each);

Deno.test("an equal copy has no anomalies, wherever its offsets are", () => {
  const { comparison, anomalies } = compared(
    placed([0, 1, 2, 3], [0, 5, 6, 9]),
    placed([0, 1, 2, 3], [2, 3, 7, 8]),
  );
  assert.deepEqual(anomalies, []);
  const { upstream, downstream } = comparison.pairs();
  assert.deepEqual([...upstream], [0, 5, 6, 9]);
  assert.deepEqual([...downstream], [2, 3, 7, 8]);
});

Deno.test("a prefix is right until the mirror is drained", () => {
  const prefix = source.slice(0, 5);
  assert.deepEqual(kinds(prefix, { isDrained: false }), []);
  assert.deepEqual(kinds(prefix), ["missing 3"]);
});

Deno.test("a missing record is found, drained or not, with its place on the source", () => {
  assert.deepEqual(kinds(without(2, 3), { isDrained: false }), ["missing 2"]);
  const [missing] = compared(source, without(2, 3)).anomalies;
  assert.deepEqual(missing!.examples.map(({ offset }) => offset), [2, 3]);
});

Deno.test("a record that is there twice is found, at once or later", () => {
  const twice = [...placed([0, 1, 1]), ...placed([2, 3, 4, 5, 6, 7, 2, 3])];
  assert.deepEqual(kinds(twice), ["twice 3"]);
});

Deno.test("a record that comes too late or too early is found as reordered", () => {
  assert.deepEqual(kinds(placed([0, 2, 1, 3, 4, 5, 6, 7])), ["reordered 1"]);
  assert.deepEqual(kinds(placed([0, 1, 6, 2, 3, 4, 5, 7])), ["reordered 4"]);
});

for (
  const [what, change] of [
    ["value", { value: bytesOf("other") }],
    ["value", { value: null }],
    ["value", { value: new Uint8Array() }],
    ["key", { key: bytesOf("other") }],
    ["key", { key: null }],
    ["timestampMs", { timestampMs: 5 }],
    ["headers", { headers: [] }],
    ["headers", { headers: recordAt(3).headers.toReversed() }],
    ["headers", { headers: recordAt(3).headers.slice(1) }],
    ["headers", {
      headers: recordAt(3).headers.map((each) => ({ ...each, name: "A" })),
    }],
    ["headers", {
      headers: recordAt(3).headers.map(({ name, value }) => ({
        name,
        value: value ?? new Uint8Array(),
      })),
    }],
  ] as const
) {
  Deno.test(`a changed ${what} is found: ${Deno.inspect(change)}`, () => {
    const { anomalies } = compared(source, changed(change));
    assert.deepEqual(kindsOf(anomalies), ["changed 1"]);
    assert.match(
      anomalies[0]!.examples[0]!.sentence,
      new RegExp(`in ${what} `),
    );
  });
}

Deno.test("a record that the source does not have is unexpected", () => {
  const target = [...source.slice(0, 3), recordAt(99), ...source.slice(3)];
  assert.deepEqual(kinds(target), ["unexpected 1"]);
  assert.deepEqual(kinds([...source, recordAt(99)]), ["unexpected 1"]);
});

Deno.test("records without an identity are matched in order, and one too many or too few is found", () => {
  const same = (count: number) =>
    Array.from({ length: count }, (_, at) => ({
      ...recordAt(0, at),
      key: null,
    }));
  assert.deepEqual(compared(same(5), same(5)).anomalies, []);
  assert.deepEqual(kindsOf(compared(same(5), same(4)).anomalies), [
    "missing 1",
  ]);
  assert.deepEqual(kindsOf(compared(same(5), same(6)).anomalies), ["twice 1"]);
});

const keyed = (number: number, key: string, value: string | null) => ({
  ...recordAt(number),
  key: bytesOf(key),
  value: value === null ? null : bytesOf(value),
});

Deno.test("what a compacted source has forgotten may be on the target, if a later record has its key, be it a tombstone", () => {
  const all = [
    keyed(0, "a", "1"),
    keyed(1, "b", "1"),
    keyed(2, "a", "2"),
    keyed(3, "c", null),
    keyed(4, "c", "1"),
    keyed(5, "b", null),
  ];
  const left = [all[2]!, all[4]!, all[5]!];
  const { comparison, anomalies } = compared(left, all, { isCompacted: true });
  assert.deepEqual(anomalies, []);
  assert.equal(comparison.compacted, 3);
  assert.deepEqual(kindsOf(compared(left, all).anomalies), ["unexpected 3"]);
});

Deno.test("in a compacted partition too, what is missing, twice, or of nowhere is found", () => {
  const all = [keyed(0, "a", "1"), keyed(1, "b", "1"), keyed(2, "a", "2")];
  const found = (target: readonly KafkaRecord[]) =>
    kindsOf(compared(all.slice(1), target, { isCompacted: true }).anomalies);
  assert.deepEqual(found(all), []);
  assert.deepEqual(found([all[0]!, all[2]!]), ["missing 1"]);
  assert.deepEqual(found([...all, all[1]!]), ["twice 1"]);
  assert.deepEqual(found([...all, keyed(9, "z", "1")]), ["unexpected 1"]);
  assert.deepEqual(found([...all, keyed(9, "z", null)]), ["unexpected 1"]);
});

Deno.test("whatever is done to one record of a copy is found, and found as one kind", () => {
  fc.assert(fc.property(
    fc.integer({ min: 3, max: 60 }),
    fc.nat(),
    fc.constantFrom("missing", "twice", "changed", "unexpected", "reordered"),
    (size, number, kind) => {
      const all = placed(Array.from({ length: size }, (_, at) => at));
      // Both neighbours are there, so that a move is one.
      const at = 1 + number % (size - 2);
      const copy = all.slice();
      switch (kind) {
        case "missing":
          copy.splice(at, 1);
          break;
        case "twice":
          copy.splice(at, 0, copy[at - 1]!);
          break;
        case "changed":
          copy[at] = { ...copy[at]!, value: null };
          break;
        case "unexpected":
          copy.splice(at, 0, recordAt(1_000));
          break;
        case "reordered":
          copy.splice(at - 1, 0, ...copy.splice(at, 1));
          break;
      }
      const moved = copy.map((each, offset) => ({ ...each, offset }));
      const { anomalies } = compared(all, moved);
      assert.deepEqual(anomalies.map((each) => each.kind), [kind]);
      assert.equal(anomalies[0]!.count, 1);
    },
  ));
});
