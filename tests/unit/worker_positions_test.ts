/** Positions by records, for orderings in which records are done out of order. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  encodeRanges,
  isWithin,
  type Settled,
} from "../../src/pool/offset_ranges.ts";
import type { Position } from "../../src/pool/protocol.ts";
import { Settlement, type Ticket } from "../../workers/settlement.ts";
import { batchOf, type FakeRecord, TOPIC } from "./support_worker_fakes.ts";

const owning = (lanes: number, earlier: readonly number[] = []) => {
  const settlement = new Settlement();
  for (let lane = 0; lane < lanes; lane++) {
    settlement.own({
      tp: { topic: TOPIC, partition: lane },
      epoch: lane + 1,
      next: 0,
      beyond: earlier,
    });
  }
  return settlement;
};

const run = (lane: number, first: number, count: number): FakeRecord[] =>
  Array.from({ length: count }, (_, at) => ({ lane, offset: first + at }));

const has = ({ next, beyond }: Settled, offset: number) =>
  offset < next || isWithin(beyond, offset);

const shown = (positions: readonly Position[]) =>
  positions.map(({ tp, next, beyond }) => [tp.partition, next, ...beyond]);

Deno.test("what is done above an open record is told once its batch is old", () => {
  const settlement = owning(1);
  const first = settlement.open(batchOf(run(0, 0, 4)));
  for (const index of [0, 2, 3]) settlement.done(first, index);
  assert.deepEqual(shown(settlement.takeExact(false)), []);
  assert.deepEqual(shown(settlement.takeExact(false)), [[0, 1, 2, 4]]);
});

Deno.test("at the end it is told of young batches too", () => {
  const settlement = owning(2);
  const ticket = settlement.open(batchOf([...run(0, 0, 2), ...run(1, 0, 2)]));
  settlement.done(ticket, 1);
  settlement.done(ticket, 3);
  assert.deepEqual(shown(settlement.takeExact(true)), [
    [0, 0, 1, 2],
    [1, 0, 1, 2],
  ]);
});

Deno.test("where batches come and go, their ends are told and no record is looked at", () => {
  const settlement = owning(1);
  for (let offset = 0; offset < 100; offset += 10) {
    const ticket = settlement.open(batchOf(run(0, offset, 10)));
    assert.deepEqual(settlement.takeExact(false), []);
    for (let index = 0; index < 10; index++) settlement.done(ticket, index);
    assert.deepEqual(shown(settlement.takeChanged()), [[0, offset + 10]]);
  }
});

type Step =
  | { readonly do: "open"; readonly lane: number; readonly count: number }
  | { readonly do: "done" | "changed" | "exact" | "last" };

const opening: fc.Arbitrary<Step> = fc.record({
  do: fc.constant("open" as const),
  lane: fc.nat(1),
  count: fc.integer({ min: 1, max: 3 }),
});
const step = fc.oneof(
  { weight: 3, arbitrary: opening },
  { weight: 12, arbitrary: fc.constant<Step>({ do: "done" }) },
  {
    weight: 4,
    arbitrary: fc.constantFrom<Step>(
      { do: "changed" },
      { do: "exact" },
      { do: "last" },
    ),
  },
);

Deno.test("no position passes a record that is not done, and none takes back what was said to be settled", () => {
  fc.assert(fc.property(
    fc.array(step, { maxLength: 200, size: "max" }),
    fc.infiniteStream(fc.nat()),
    (steps, picks) => {
      const settlement = owning(2, [5, 9]);
      const taken = [0, 0];
      const open: {
        ticket: Ticket;
        index: number;
        lane: number;
        offset: number;
      }[] = [];
      const told: (Settled | undefined)[] = [];
      const check = (positions: readonly Position[]) => {
        for (const position of positions) {
          const lane = position.tp.partition;
          for (const each of open) {
            if (each.lane !== lane) continue;
            assert.equal(has(position, each.offset), false, "open");
          }
          const before = told[lane];
          for (let offset = 0; before && offset < taken[lane]! + 10; offset++) {
            if (!has(before, offset)) continue;
            assert.equal(has(position, offset), true, "taken back");
          }
          told[lane] = position;
        }
      };
      for (const each of steps) {
        switch (each.do) {
          case "open": {
            const { lane, count } = each;
            const records: FakeRecord[] = [];
            while (records.length < count) {
              const offset = taken[lane]!++;
              // What an earlier ownership settled is not fetched.
              if (offset < 5 || offset >= 9) records.push({ lane, offset });
            }
            const ticket = settlement.open(batchOf(records));
            records.forEach(({ offset }, index) =>
              open.push({ ticket, index, lane, offset })
            );
            break;
          }
          case "done": {
            if (open.length === 0) break;
            const [some] = open.splice(picks.next().value! % open.length, 1);
            settlement.done(some!.ticket, some!.index);
            break;
          }
          case "changed":
            check(settlement.takeChanged());
            break;
          default:
            check(settlement.takeExact(each.do === "last"));
        }
      }
      for (const { ticket, index } of open.splice(0)) {
        settlement.done(ticket, index);
      }
      check([...settlement.takeExact(false), ...settlement.takeChanged()]);
      taken.forEach((end, lane) => {
        if (end > 0) assert.equal(has(told[lane]!, end - 1), true, "the rest");
      });
    },
  ));
});

Deno.test("while there is room the exact position fits into a commit, whatever is done first", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 100, max: 5000 }),
      (pattern, batch) => {
        const settlement = owning(1);
        let offset = 0;
        for (let batches = 0; batches < 40; batches++) {
          const room = settlement.room(batch);
          assert.ok(room >= 0 && room <= batch);
          if (room === 0) break;
          const ticket = settlement.open(batchOf(run(0, offset, room)));
          offset += room;
          for (let index = 0; index < room; index++) {
            // Some hang: by a pattern of lengths in turns.
            const hangs = pattern[index % pattern.length] === 0;
            if (!hangs && index + offset > 1) settlement.done(ticket, index);
          }
          const [{ next, beyond }] = settlement.exactPositions() as [Position];
          assert.notEqual(encodeRanges(next, beyond), null, `${beyond.length}`);
        }
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("a lane without anything under way always has room for a record", () => {
  // An earlier owner's metadata is full.
  const beyond: number[] = [];
  for (let at = 0, edge = 0; at < 1000; at++) {
    beyond.push(edge += 20, edge += 20);
  }
  assert.notEqual(encodeRanges(0, beyond), null);
  const settlement = owning(1, beyond);
  const room = settlement.room(4000);
  assert.ok(room >= 1 && room < 4000, `${room}`);
});

Deno.test("a lane that is given back takes no room", () => {
  const settlement = owning(1);
  settlement.open(batchOf(run(0, 0, 30_000)));
  assert.equal(settlement.room(4000), 0);
  settlement.release(0);
  assert.equal(settlement.room(4000), 4000);
});
