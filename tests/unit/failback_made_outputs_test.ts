import assert from "node:assert/strict";
import fc from "fast-check";
import { MadeOutputs } from "../../dr/failback/made_outputs.ts";
import {
  decodeLaneRecord,
  encodeDelta,
  OffsetMap,
} from "../../dr/offset_map/mod.ts";
import type { Coordinates } from "../../src/pool/coordinates.ts";
import { ReplayLog } from "../../dr/failback/replay_records.ts";
import { KeptSet } from "../../src/pool/kept_outputs.ts";
import { parsePlaces, type Place, placesText } from "../../src/pool/places.ts";
import { KeptGate } from "../../workers/kept_gate.ts";
import { encodeCoordinates } from "../support/coordinates_text.ts";
import { sized } from "../support/soak.ts";

const numRuns = sized(300, 20_000);
const OLD = "old";
const INPUT = "AAAAAAAAAAAAAAAAAAAAAA";

/** Offsets 0 to 9 were mirrored to 100 and on, but for 5, which is none. */
function sides(topics: Readonly<Record<string, string>> = { t: INPUT }) {
  const map = new OffsetMap();
  const partitions = Object.entries(topics).map(([topic, topicId]) => ({
    topic,
    topicId,
    partition: 0,
    position: 10,
    leaderEpoch: null,
    runs: [
      { upstream: 0, downstream: 100, length: 5 },
      { upstream: 6, downstream: 110, length: 4 },
    ],
  }));
  map.apply(0, decodeLaneRecord(encodeDelta(0, partitions)));
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
  for (const offset of [3, 7, 5, 10, 500]) outputs.take(made(offset), []);
  outputs.take(made(4, { topicId: "never mirrored" }), []);
  outputs.take(made(4, { clusterId: "of another cluster" }), []);
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
        if (gate.guards(0)) assert.equal(gate.admits(0, text, null), !isKept);
        assert.ok(!gate.guards(0) || gate.admits(0, null, null));
        assert.ok(!gate.guards(0) || gate.admits(0, "no coordinates", null));
        assert.equal(
          new KeptSet(set).has("elsewhere", asked as Coordinates),
          false,
        );
      },
    ),
    { numRuns },
  );
});

/** What a record says that comes of another one. */
interface Said {
  readonly last: Place;
  readonly before: string | null;
}

const DELAYS = ["BAAAAAAAAAAAAAAAAAAAAA", "CAAAAAAAAAAAAAAAAAAAAA"];
const NEW = "new";

/** A record that is read says where, and what it said itself. */
const comesOf = (last: Place, itself: Said | null): Said => ({
  last,
  before: itself && placesText(itself.last, itself.before),
});

Deno.test("a result of the tail that was retried is left out, wherever the secondary goes on with it, and however often it fails there", () => {
  const retried = fc.record({
    // The input, and what it was in delay topics.
    areMirrored: fc.array(fc.boolean(), { minLength: 1, maxLength: 3 }),
    moreFailures: fc.nat(3),
  });
  fc.assert(
    fc.property(retried, ({ areMirrored, moreFailures }) => {
      const ids = [INPUT, ...DELAYS];
      const parts = sides({ t: INPUT, one: DELAYS[0]!, two: DELAYS[1]! });
      const reads: { place: Place; said: Said | null }[] = [];
      let said: Said | null = null;
      for (const [hop, isMirrored] of areMirrored.entries()) {
        const place: Place = {
          clusterId: OLD,
          topicId: ids[hop]!,
          partition: 0,
          offset: isMirrored ? 3 : 20,
        };
        reads.push({ place, said });
        said = comesOf(place, said);
      }
      const outputs = new MadeOutputs(parts);
      outputs.take(made(0, said!.last), parsePlaces(said!.before));
      const log = new ReplayLog();
      const chunk = { from: 10, next: 30, partition: 0 };
      log.add({
        ...chunk,
        topic: "o",
        topicId: "o id",
        action: "reconcile",
        target: "o",
        targetId: "",
        runs: [],
        ...outputs.takeAll(),
      });
      log.add({
        ...chunk,
        topic: "t",
        topicId: INPUT,
        action: "replay",
        target: "t",
        targetId: "now",
        runs: [[10, 700, 20]],
        made: [],
        madeOfTail: [],
      });

      // There is the last of these that was mirrored, or else a replayed input.
      const hop = areMirrored.lastIndexOf(true);
      const goesOn = reads[Math.max(hop, 0)]!;
      let again = comesOf({
        clusterId: NEW,
        topicId: hop > 0 ? `${goesOn.place.topicId} there` : "now",
        partition: 0,
        offset: hop >= 0 ? 103 : 710,
      }, goesOn.said);
      for (let failure = 0; failure < moreFailures; failure++) {
        const place = { clusterId: NEW, topicId: "late", partition: 0 };
        again = comesOf({ ...place, offset: failure }, again);
      }
      const gate = new KeptGate();
      gate.keep(log.kept({
        old: new Map([["o", "o id"], ["t", INPUT]]),
        active: new Map([["t", "now"]]),
      }));
      gate.open(0, "o");
      const admits = (more: Partial<Coordinates>) =>
        gate.admits(
          0,
          encodeCoordinates(made(0, { ...again.last, ...more })),
          again.before,
        );
      assert.equal(admits({}), false);
      assert.equal(admits({ group: "other" }), true);
      assert.equal(admits({ count: 2, ordinal: 1 }), true);
    }),
    { numRuns },
  );
});
