import assert from "node:assert/strict";
import fc from "fast-check";
import { MadeOutputs } from "../../dr/failback/made_outputs.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
} from "../../dr/offset_map/mod.ts";
import {
  type Coordinates,
  encodeCoordinates,
} from "../../src/pool/coordinates.ts";
import { KeptSet } from "../../src/pool/kept_outputs.ts";
import { KeptGate } from "../../workers/kept_gate.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(300, 20_000);
const OLD = "old";
const INPUT = "AAAAAAAAAAAAAAAAAAAAAA";

/** Offsets 0 to 9 were mirrored to 100 and on, but for 5, which is none. */
function sides() {
  const map = new OffsetMap();
  map.apply(
    0,
    decodeLaneRecord(encodeDelta(0, [{
      topic: "t",
      topicId: INPUT,
      partition: 0,
      position: 10,
      leaderEpoch: null,
      runs: [
        { upstream: 0, downstream: 100, length: 5 },
        { upstream: 6, downstream: 110, length: 4 },
      ],
    }])),
  );
  return { map, activeIds: new Map([["t", "now"]]), oldClusterId: OLD };
}

const made = (offset: number, more: Partial<Coordinates> = {}) =>
  ({
    clusterId: OLD,
    topicId: INPUT,
    partition: 0,
    offset,
    ordinal: 0,
    count: 1,
    outputTopic: "o",
    group: "g",
    ...more,
  }) as Coordinates;

Deno.test("outputs of inputs that were mirrored are named by the copies, those of others as they are", () => {
  const outputs = new MadeOutputs(sides());
  for (const offset of [3, 7, 5, 10, 500]) outputs.take(made(offset));
  outputs.take(made(4, { topicId: "never mirrored" }));
  outputs.take(made(4, { clusterId: "of another cluster" }));
  const { made: known, madeOfTail } = outputs.takeAll();
  const place = { partition: 0, group: "g", count: 1, output: "o" };
  assert.deepEqual(known, [
    { ...place, topicId: "now", outputs: [[103, 0], [111, 0]] },
  ]);
  assert.deepEqual(madeOfTail, [
    { ...place, topicId: INPUT, outputs: [[10, 0], [500, 0]] },
    { ...place, topicId: "never mirrored", outputs: [[4, 0]] },
  ]);
  assert.deepEqual(outputs.takeAll(), { made: [], madeOfTail: [] });
});

const coordinates = fc.record({
  clusterId: fc.constantFrom("one", "other"),
  topicId: fc.constantFrom("a", "b"),
  partition: fc.nat(1),
  offset: fc.nat(3),
  ordinal: fc.nat(1),
  count: fc.constantFrom(0, 2, 3),
  outputTopic: fc.constantFrom("o", "passed on"),
  group: fc.constantFrom("g", "g/0"),
});

Deno.test("a mirror leaves out exactly what is kept: the same input, group, number and count, in the same topic", () => {
  fc.assert(
    fc.property(
      fc.array(coordinates, { maxLength: 5 }),
      coordinates,
      (kept, asked) => {
        const set = kept.map((
          { clusterId: _, offset, ordinal, outputTopic: __, ...input },
        ) => ({
          ...input,
          output: "o",
          outputs: [[offset, ordinal] as const],
        }));
        const gate = new KeptGate();
        gate.keep(set);
        gate.open(0, "o");
        gate.open(1, "elsewhere");
        const same = (one: Coordinates, other: Coordinates) =>
          encodeCoordinates({ ...one, clusterId: "any", outputTopic: "o" }) ===
            encodeCoordinates({ ...other, clusterId: "any" });
        const isKept = kept.some((each) =>
          same(each as Coordinates, asked as Coordinates)
        );
        const text = encodeCoordinates(asked as Coordinates);
        assert.equal(gate.guards(0), kept.length > 0);
        assert.equal(gate.guards(1), false);
        if (gate.guards(0)) assert.equal(gate.admits(0, text), !isKept);
        assert.ok(!gate.guards(0) || gate.admits(0, null));
        assert.ok(!gate.guards(0) || gate.admits(0, "no coordinates"));
        assert.equal(
          new KeptSet(set).has("elsewhere", asked as Coordinates),
          false,
        );
      },
    ),
    { numRuns },
  );
});
