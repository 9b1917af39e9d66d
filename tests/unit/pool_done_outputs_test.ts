import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type DoneInput,
  DoneOffsets,
  indexDone,
} from "../../src/pool/done_outputs.ts";

const OFFSETS = 12;
const ORDINALS = 4;

const inputs: fc.Arbitrary<DoneInput[]> = fc.array(
  fc.tuple(
    fc.nat(OFFSETS - 1),
    fc.array(fc.nat(ORDINALS - 1), { maxLength: ORDINALS }),
  ).map(([offset, ordinals]): DoneInput => [offset, ...ordinals]),
);

Deno.test("an output is done where an entry of its input names it, or names none", () => {
  fc.assert(fc.property(inputs, fc.nat(OFFSETS), (done, from) => {
    const offsets = new DoneOffsets(done, from);
    for (let offset = from; offset < OFFSETS; offset++) {
      const entries = done.filter(([of]) => of === offset);
      for (let ordinal = 0; ordinal < ORDINALS; ordinal++) {
        assert.equal(
          offsets.has(offset, ordinal),
          entries.some(([, ...named]) =>
            named.length === 0 || named.includes(ordinal)
          ),
        );
      }
    }
  }));
});

Deno.test("nothing is done behind the highest offset, and it is itself", () => {
  fc.assert(fc.property(inputs, fc.nat(OFFSETS), (done, from) => {
    const { highest } = new DoneOffsets(done, from);
    const offsets = done.map(([offset]) => offset)
      .filter((offset) => offset >= from);
    assert.equal(highest, Math.max(-1, ...offsets));
  }));
});

Deno.test("an offset is not taken for an ordinal", () => {
  assert.equal(new DoneOffsets([[3, 1]], 0).has(3, 3), false);
});

Deno.test("what several entries say of a partition is put together", () => {
  const index = indexDone([
    { topic: "in", partition: 0, outputs: [[1, 0]] },
    { topic: "in", partition: 1, outputs: [[7]] },
    { topic: "in", partition: 0, outputs: [[2, 1]] },
  ]);
  assert.deepEqual(index?.get("in")?.get(0), [[1, 0], [2, 1]]);
  assert.deepEqual(index?.get("in")?.get(1), [[7]]);
  assert.equal(index?.get("out"), undefined);
});

Deno.test("where nothing is done there is nothing to look up", () => {
  for (const done of [null, [], [{ topic: "in", partition: 0, outputs: [] }]]) {
    assert.equal(indexDone(done), null);
  }
});
