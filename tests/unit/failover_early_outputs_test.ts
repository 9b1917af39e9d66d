import assert from "node:assert/strict";
import fc from "fast-check";
import { offsetTable } from "../../dr/cut/mod.ts";
import { EarlyOutputs, leftToRead } from "../../dr/failover/early_outputs.ts";
import type { FoundOutput } from "../../dr/failover/read_outputs.ts";
import type { TopicRange } from "../../src/kafka/mod.ts";

const text = (outputs: Iterable<FoundOutput>): string[] =>
  Array.from(
    outputs,
    ([coordinates, before]) =>
      JSON.stringify([Object.entries(coordinates).sort(), before]),
  ).sort();

const place = {
  clusterId: fc.constantFrom("cluster-a", "cluster-b"),
  topicId: fc.constantFrom("topic-a", "topic-b"),
  partition: fc.nat(2),
  offset: fc.nat(5),
};
const output: fc.Arbitrary<FoundOutput> = fc.tuple(
  fc.record({
    ...place,
    ordinal: fc.nat(2),
    count: fc.nat(3),
    outputTopic: fc.constantFrom("out", "dlq"),
    group: fc.constantFrom("pool", "pool/with/slashes"),
  }),
  fc.oneof(
    { weight: 4, arbitrary: fc.constant([]) },
    fc.array(fc.record(place), { minLength: 1, maxLength: 2 }),
  ),
);

Deno.test("what was read ahead comes out again as it was, each output once", () => {
  fc.assert(fc.property(fc.array(output, { maxLength: 60 }), (outputs) => {
    const early = new EarlyOutputs([]);
    for (const each of outputs) early.add(each);
    assert.deepEqual(
      [...new Set(text(early))],
      [...new Set(text(outputs))],
    );
    const direct = [...early].filter(([, before]) => before.length === 0);
    assert.equal(new Set(text(direct)).size, direct.length);
  }));
});

const range = (partition: number, start: number, end: number): TopicRange => ({
  topic: "t",
  partition,
  start,
  end,
});
const endsOf = (...offsets: (number | null)[]) =>
  offsetTable(
    offsets.map((offset, partition) => ({ topic: "t", partition, offset })),
  );

Deno.test("what came since is left, and what began above a range is read again", () => {
  const left = leftToRead(
    [range(0, 5, 30), range(1, 5, 30), range(2, 0, 9), range(3, 7, 9)],
    endsOf(30, 30, 9, 9),
    [range(0, 3, 20), range(1, 6, 20), range(3, 0, 9)],
  );
  assert.deepEqual(left, [range(0, 20, 30), range(1, 5, 30), range(2, 0, 9)]);
});

Deno.test("nothing that was read ahead counts where a partition has lost a part of it", () => {
  const early = [range(0, 0, 20)];
  assert.equal(leftToRead([range(0, 0, 19)], endsOf(19), early), null);
  // Without a leader nobody can say, and the scan fails for that.
  assert.deepEqual(leftToRead([], endsOf(null), early), []);
});

Deno.test("all of a range is in what was read ahead, or left", () => {
  const bounds = fc.tuple(fc.nat(30), fc.nat(30)).map(([one, other]) =>
    range(0, Math.min(one, other), Math.max(one, other))
  );
  fc.assert(fc.property(bounds, bounds, (wanted, read) => {
    const end = Math.max(wanted.end, read.end);
    const left = leftToRead([wanted], endsOf(end), [read])!;
    const isIn = (at: number) => (each: TopicRange) =>
      each.start <= at && at < each.end;
    for (let at = wanted.start; at < wanted.end; at++) {
      assert.ok([read, ...left].some(isIn(at)), `${at}`);
    }
  }));
});
