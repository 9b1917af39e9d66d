import assert from "node:assert/strict";
import fc from "fast-check";
import { Random } from "../../src/embedded/random.ts";
import {
  decodeRanges,
  encodeMost,
  isWithin,
  METADATA_BYTES,
} from "../../src/pool/offset_ranges.ts";
import { toTarget, type Translation } from "../../dr/cut/mod.ts";

const tp = { topic: "in", partition: 0 };

/** Upstream and downstream offsets of what was mirrored, both with gaps. */
function mirrored(seed: number, records: number, gaps: number) {
  const random = new Random(seed, 1);
  const pairs: [number, number][] = [];
  let [upstream, downstream] = [random.below(50), random.below(50)];
  for (let count = 0; count < records; count++) {
    pairs.push([upstream++, downstream++]);
    if (random.chance(gaps)) upstream += 1 + random.below(4);
    if (random.chance(gaps)) downstream++; // a marker
  }
  return { pairs, position: upstream };
}

/** By I2, from the pairs alone. */
const translationOf = (
  pairs: readonly (readonly [number, number])[],
  isExact: (upstream: number) => boolean = () => true,
): Translation => ({
  translate(_, upstream) {
    if (pairs.length === 0) {
      return { offset: 0, exact: false, why: "nothing-mirrored" };
    }
    const below = pairs.findLast(([each]) => each < upstream);
    const offset = below === undefined ? pairs[0]![1] : below[1] + 1;
    if (isExact(upstream)) return { offset, exact: true };
    return {
      offset: Math.max(0, offset - 3),
      exact: false,
      why: "below-known",
    };
  },
});

/** Ascending ranges above `next`, up to `end`. */
function rangesAbove(next: number, end: number, seed: number, most: number) {
  const random = new Random(seed, 2);
  const ranges: number[] = [];
  let edge = next;
  while (ranges.length < most * 2) {
    edge += 1 + random.below(4);
    const last = edge + 1 + random.below(3);
    if (last > end) break;
    ranges.push(edge, last);
    edge = last;
  }
  return ranges;
}

const isDone = (next: number, ranges: readonly number[], offset: number) =>
  offset < next || isWithin(ranges, offset);

Deno.test("a record is finished on the target if and only if it is finished on the source", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 0, max: 60 }),
      fc.nat(80),
      (seed, records, above) => {
        const { pairs, position } = mirrored(seed, records, 0.2);
        const next = Math.min(above, position);
        const ranges = rangesAbove(next, position, seed, 20);
        const metadata = encodeMost(next, ranges);
        const there = toTarget(
          { ...tp, offset: next, metadata },
          translationOf(pairs),
          position,
        );
        const beyond = decodeRanges(there.next, there.metadata);
        assert.deepEqual([...beyond], [...there.beyond]);
        for (const [upstream, downstream] of pairs) {
          assert.equal(
            isDone(there.next, beyond, downstream),
            isDone(next, ranges, upstream),
            `${upstream} -> ${downstream}`,
          );
        }
        assert.equal(there.isCut, false);
        assert.equal(there.isExact, true);
      },
    ),
  );
});

Deno.test("whatever is not exact, not mirrored or too long, nothing is finished on the target that is not on the source", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 40_000 }),
      fc.double({ min: 0, max: 0.5, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (seed, records, inexact, share) => {
        const { pairs, position } = mirrored(seed, records % 4_000, 0.3);
        if (pairs.length === 0) return;
        const random = new Random(seed, 3);
        const lower = new Set(
          pairs.flatMap(([each]) => random.chance(inexact) ? [each] : []),
        );
        const seen = pairs.slice(0, Math.ceil(pairs.length * share));
        const reached = seen.length === pairs.length
          ? position
          : (seen.at(-1)?.[0] ?? -1) + 1;
        const next = Math.min(reached, random.below(40));
        const ranges = rangesAbove(next, position, seed, 2_000);
        const whole = encodeMost(next, ranges);
        const there = toTarget(
          { ...tp, offset: next, metadata: whole },
          translationOf(seen, (upstream) => !lower.has(upstream)),
          reached,
        );
        assert.ok(there.metadata.length <= METADATA_BYTES);
        const beyond = decodeRanges(there.next, there.metadata);
        const kept = decodeRanges(next, whole);
        let repeated = 0;
        for (const [upstream, downstream] of pairs) {
          const isFinished = isDone(next, kept, upstream);
          const isThere = isDone(there.next, beyond, downstream);
          if (isThere) assert.ok(isFinished, `${upstream} -> ${downstream}`);
          else if (isFinished) repeated++;
        }
        if (repeated > 0) assert.ok(there.isCut || !there.isExact);
      },
    ),
  );
});

Deno.test("of finished ranges that no longer fit the lowest are kept", () => {
  // Alternating offsets fit as bits; on the target each has a marker behind.
  const pairs = Array.from({ length: 24_000 }, (_, at): [number, number] => [
    at,
    at * 2,
  ]);
  const ranges = Array.from({ length: 24_000 }, (_, at) => at + 1);
  const metadata = encodeMost(0, ranges);
  const there = toTarget(
    { ...tp, offset: 0, metadata },
    {
      translate: (_, upstream) => ({
        offset: upstream === 0 ? 0 : pairs[upstream - 1]![1] + 1,
        exact: true,
      }),
    },
    24_001,
  );
  const kept = decodeRanges(0, there.metadata);
  assert.equal(there.isCut, true);
  assert.ok(kept.length > 1_000);
  assert.deepEqual([...kept], there.beyond.slice(0, kept.length));
});

Deno.test("metadata of others is passed on, that of a later pool is not", () => {
  const translation = translationOf([[0, 7]]);
  const of = (metadata: string) =>
    toTarget({ ...tp, offset: 1, metadata }, translation, 1).metadata;
  assert.equal(of("written by Kafka Streams"), "written by Kafka Streams");
  assert.equal(of("sy9z:AAAA"), "");
});

Deno.test("where nothing was mirrored a group begins at the beginning", () => {
  const none: Translation = { translate: () => null };
  const there = toTarget({ ...tp, offset: 9, metadata: "" }, none, 9);
  assert.deepEqual([there.next, there.isExact], [0, true]);
});
