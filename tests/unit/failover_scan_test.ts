import assert from "node:assert/strict";
import { rangesOf, withoutCut } from "../../dr/failover/scan_outputs.ts";
import { offsetTable } from "../../dr/cut/mod.ts";

const partitions = [0, 1, 2].map((partition) => ({ topic: "t", partition }));
const table = (...offsets: (number | null)[]) =>
  offsetTable(
    offsets.map((offset, partition) => ({ topic: "t", partition, offset })),
  );
const short = (
  ranges: readonly { partition: number; start: number; end: number }[],
) => ranges.map(({ end, partition, start }) => `${partition}: ${start}-${end}`);

Deno.test("what is looked through begins at the lowest S of all groups", () => {
  const { above, below } = rangesOf(
    partitions,
    table(0, 5, 0),
    table(10, 20, 0),
    [table(4, 8, 0), table(7, 6, 0)],
  );
  assert.deepEqual(short(above), ["0: 4-10", "1: 6-20"]);
  assert.deepEqual(short(below), ["0: 0-4", "1: 5-6"]);
});

Deno.test("without a cut, or with one that is not known, it begins with the oldest records", () => {
  const begins = table(3, 5, 0);
  const ends = table(10, 20, 0);
  for (const stables of [[], [table(9, 9, 9), null], [new Map()]]) {
    const { above, below } = rangesOf(partitions, begins, ends, stables);
    assert.deepEqual(short(above), ["0: 3-10", "1: 5-20"]);
    assert.deepEqual(short(below), []);
  }
});

Deno.test("an S that was deleted, or lies beyond the end, does no harm", () => {
  const { above, below } = rangesOf(
    partitions,
    table(5, 5, 0),
    table(10, 20, 4),
    [table(2, 30, 4)],
  );
  assert.deepEqual(short(above), ["0: 5-10"]);
  assert.deepEqual(short(below), ["1: 5-20", "2: 0-4"]);
});

Deno.test("a partition whose end is not known is not taken for an empty one", () => {
  const { above, unknown } = rangesOf(
    partitions,
    table(0, 5, null),
    table(10, null, 4),
    [],
  );
  assert.deepEqual(short(above), ["0: 0-10"]);
  assert.deepEqual(unknown.map(({ partition }) => partition), [1, 2]);
});

Deno.test("all is looked through for groups that stand at no cut and have positions in what was mirrored", () => {
  const at = (...ids: string[]) => new Map(ids.map((id) => [id, 7]));
  const committed = new Map([
    ["released", at("t-0")],
    ["partly", at("other-0", "t-2")],
    ["elsewhere", at("other-0", "t-3")],
    ["nowhere", at()],
  ]);
  assert.deepEqual(
    withoutCut(committed, new Set(["released", "gone"]), partitions),
    ["partly"],
  );
});
