import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeRanges,
  encodeRanges,
  isWithin,
  join,
  METADATA_BYTES,
  type Settled,
} from "../../src/pool/offset_ranges.ts";

/** A position and ranges above it, as lengths in turns. */
const positions = (mostRuns: number, mostLength: number) =>
  fc.record({
    next: fc.nat(2 ** 50),
    lengths: fc.array(
      fc.tuple(fc.integer({ min: 1, max: mostLength }), fc.nat(mostLength)),
      { maxLength: mostRuns },
    ),
  }).map(({ next, lengths }) => {
    let edge = next;
    const ranges = lengths.flatMap(([open, settled]) => [
      edge += open,
      edge += settled + 1,
    ]);
    return { next, ranges };
  });

Deno.test("ranges come back as they were written, in what a broker takes", () => {
  fc.assert(fc.property(
    fc.oneof(positions(40, 5), positions(2000, 3), positions(400, 2 ** 40)),
    ({ next, ranges }) => {
      const metadata = encodeRanges(next, ranges);
      if (metadata === null) return;
      assert.ok(metadata.length <= METADATA_BYTES);
      assert.deepEqual([...decodeRanges(next, metadata)], ranges);
    },
  ));
});

Deno.test("the shorter form is chosen: runs for few, bits for many", () => {
  const many = Array.from({ length: 2000 }, (_, index) => 1 + index);
  assert.match(encodeRanges(0, many)!, /^sy1b:/);
  assert.equal(encodeRanges(0, many)!.length, 5 + 4 * Math.ceil(251 / 3));
  assert.match(encodeRanges(0, [1, 2 ** 40])!, /^sy1r:/);
});

Deno.test("what a broker would refuse is null, and what fits is not", () => {
  const alternating = (count: number) =>
    Array.from({ length: count }, (_, index) => 1 + index);
  assert.notEqual(encodeRanges(0, alternating(24_000)), null);
  assert.equal(encodeRanges(0, alternating(25_000)), null);
});

Deno.test("metadata of others says nothing", () => {
  for (const metadata of ["", "beyond: 7", "sy1r:%%%", "sy2r:AQI="]) {
    assert.deepEqual(decodeRanges(5, metadata), [], metadata);
  }
});

Deno.test("joined, a record is settled if it was in either", () => {
  const settled = positions(6, 4).map(({ next, ranges }) => ({
    next: next % 20,
    beyond: ranges.map((edge) => edge - next + next % 20),
  }));
  const has = ({ next, beyond }: Settled, offset: number) =>
    offset < next || isWithin(beyond, offset);
  fc.assert(fc.property(settled, settled, (one, other) => {
    const both = join(one, other);
    for (let offset = 0; offset < 120; offset++) {
      const expected = offset < Math.max(one.next, other.next) ||
        has(one, offset) || has(other, offset);
      assert.equal(has(both, offset), expected, `${offset}`);
    }
    assert.equal(has(both, both.next), false);
    const edges = [both.next, ...both.beyond];
    assert.ok(edges.every((edge, at) => at === 0 || edge > edges[at - 1]!));
  }));
});

Deno.test("an offset is within what contains it", () => {
  fc.assert(fc.property(positions(8, 4), fc.nat(80), ({ next, ranges }, at) => {
    const offset = next + at;
    const expected = ranges.some((first, index) =>
      index % 2 === 0 && offset >= first && offset < ranges[index + 1]!
    );
    assert.equal(isWithin(ranges, offset), expected);
  }));
});
