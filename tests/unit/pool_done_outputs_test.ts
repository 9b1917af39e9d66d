import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type DoneInput,
  DoneOffsets,
  type DonePartition,
  indexDone,
} from "../../src/pool/done_outputs.ts";

const OFFSETS = 12;
const ORDINALS = 4;
const COUNTS = [0, 1, 3] as const;
const OUTPUTS = ["out", "audit", "dead", "in.retry.1s"] as const;
const HANDOVERS = new Set(["dead", "in.retry.1s"]);

const place = { topic: "in", topicId: "id", partition: 0 };
const entry = (
  outputs: readonly DoneInput[],
  output = "out",
  count = 3,
): DonePartition => ({ ...place, output, count, outputs });

const entries: fc.Arbitrary<DonePartition[]> = fc.array(
  fc.record({
    output: fc.constantFrom(...OUTPUTS),
    count: fc.constantFrom(...COUNTS),
    outputs: fc.array(
      fc.tuple(
        fc.nat(OFFSETS - 1),
        fc.array(fc.nat(ORDINALS - 1), { minLength: 1, maxLength: ORDINALS }),
      ).map(([offset, ordinals]): DoneInput => [offset, ...ordinals]),
      { maxLength: 6 },
    ),
  }).map((each) => ({ ...place, ...each })),
  { maxLength: 6 },
);

Deno.test("an output is done where topic, count and ordinal are named, or where its input was handed over", () => {
  fc.assert(fc.property(entries, fc.nat(OFFSETS), (done, from) => {
    const offsets = new DoneOffsets(done, from, HANDOVERS);
    for (let offset = from; offset < OFFSETS; offset++) {
      const its = done.flatMap(({ count, output, outputs }) =>
        outputs.filter(([of]) => of === offset)
          .map(([, ...ordinals]) => ({ count, output, ordinals }))
      );
      const isHandedOver = its.some(({ count, output }) =>
        count === 1 && HANDOVERS.has(output)
      );
      for (const output of OUTPUTS) {
        for (const count of COUNTS) {
          for (let ordinal = 0; ordinal < ORDINALS; ordinal++) {
            assert.equal(
              offsets.has(offset, output, ordinal, count),
              isHandedOver ||
                its.some((each) =>
                  each.output === output && each.count === count &&
                  each.ordinals.includes(ordinal)
                ),
            );
          }
        }
      }
      const told = new Set(
        offsets.of(offset).flatMap(({ count, ordinals, output }) =>
          ordinals.map((each) => `${output} ${each}/${count}`)
        ),
      );
      assert.deepEqual(
        told,
        new Set(
          its.flatMap(({ count, ordinals, output }) =>
            ordinals.map((each) => `${output} ${each}/${count}`)
          ),
        ),
      );
    }
  }));
});

Deno.test("nothing is done behind the highest offset, and it is itself", () => {
  fc.assert(fc.property(entries, fc.nat(OFFSETS), (done, from) => {
    const { highest } = new DoneOffsets(done, from, HANDOVERS);
    const offsets = done.flatMap(({ outputs }) => outputs)
      .map(([offset]) => offset).filter((offset) => offset >= from);
    assert.equal(highest, Math.max(-1, ...offsets));
  }));
});

Deno.test("an offset is not taken for an ordinal", () => {
  const offsets = new DoneOffsets([entry([[3, 1]])], 0, HANDOVERS);
  assert.equal(offsets.has(3, "out", 3, 3), false);
  assert.equal(offsets.has(3, "out", 1, 3), true);
});

Deno.test("what several entries say of a partition is put together", () => {
  const [one, other, there] = [
    entry([[1, 0]]),
    entry([[2, 1]]),
    { ...entry([[7, 0]]), partition: 1 },
  ];
  const index = indexDone([one, there, other]);
  assert.deepEqual(index?.get("in")?.get(0), [one, other]);
  assert.deepEqual(index?.get("in")?.get(1), [there]);
  assert.equal(index?.get("out"), undefined);
});

Deno.test("where nothing is done there is nothing to look up", () => {
  for (const done of [null, [], [entry([])]]) {
    assert.equal(indexDone(done), null);
  }
});
