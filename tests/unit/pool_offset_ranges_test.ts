import assert from "node:assert/strict";
import fc from "fast-check";
import {
  decodeRanges,
  encodeMost,
  encodeRanges,
  isWithin,
  join,
  METADATA_BYTES,
  metadataRoom,
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

Deno.test("of what a broker would refuse the lowest ranges are written that fit, of all else everything", () => {
  fc.assert(fc.property(
    fc.oneof(positions(40, 5), positions(3000, 200), positions(900, 2 ** 40)),
    ({ next, ranges }) => {
      const metadata = encodeMost(next, ranges);
      assert.ok(metadata.length <= METADATA_BYTES);
      const whole = encodeRanges(next, ranges);
      if (whole !== null) return assert.equal(metadata, whole);
      const kept = decodeRanges(next, metadata);
      assert.deepEqual([...kept], ranges.slice(0, kept.length));
      const oneMore = ranges.slice(0, kept.length + 2);
      assert.equal(encodeRanges(next, oneMore), null);
    },
  ));
});

Deno.test("where there is room for more records, they fit, whichever are done first", () => {
  const runs = fc.array(
    fc.tuple(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 90 })),
    { minLength: 1, maxLength: 600 },
  );
  const shares = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(fc.property(
    runs,
    fc.nat(30_000),
    shares,
    fc.infiniteStream(shares),
    (lengths, tail, openShare, chance) => {
      // What is open below the end is either under way or yet to be taken.
      let edge = 0;
      const beyond = lengths.flatMap(([open, settled]) => [
        edge += open,
        edge += settled,
      ]);
      const end = edge + tail;
      if (encodeRanges(0, beyond) === null) return;
      const isSettled = (offset: number) => isWithin(beyond, offset);
      const underWay: number[] = [];
      for (let offset = 0; offset < end && underWay.length < 600; offset++) {
        if (!isSettled(offset) && chance.next().value! < openShare) {
          underWay.push(offset);
        }
      }
      const room = metadataRoom({ next: 0, beyond }, end, underWay.length);
      if (underWay.length === 0) assert.ok(room >= 1);
      // Gaps that compaction left make the lengths longer.
      const stride = end > 25_000 ? 200 : 1;
      const more = Array.from(
        { length: Math.max(0, room) },
        (_, at) => end + at * stride,
      );
      const every = 1 + Math.floor(chance.next().value! * 3);
      const done = [...underWay, ...more].filter((_, at) => at % every === 0);
      const after = done.filter((offset) => offset > 0)
        .flatMap((offset) => [offset, offset + 1]);
      const { next, beyond: then } = join({ next: 0, beyond }, {
        next: 0,
        beyond: after,
      });
      assert.notEqual(encodeRanges(next, then), null, `room for ${room}`);
    },
  ));
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
