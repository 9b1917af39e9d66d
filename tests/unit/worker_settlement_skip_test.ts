import assert from "node:assert/strict";
import fc from "fast-check";
import { Settlement, type Ticket } from "../../workers/settlement.ts";
import { batchOf, TOPIC } from "./support_worker_fakes.ts";

function owned(next = 0) {
  const settlement = new Settlement();
  const lane = settlement.own({
    tp: { topic: TOPIC, partition: 0 },
    epoch: 1,
    next,
    beyond: [],
  });
  return { settlement, lane };
}

Deno.test("offsets without records are passed when there is nothing under way", () => {
  const { settlement, lane } = owned(3);
  settlement.skipTo(lane, 7);
  assert.deepEqual(settlement.takeChanged().map(({ next }) => next), [7]);
  settlement.skipTo(lane, 5);
  assert.deepEqual(settlement.takeChanged(), []);
});

Deno.test("offsets without records above an open one are nothing to write down", () => {
  const { settlement, lane } = owned();
  const ticket = settlement.open(batchOf([{ lane, offset: 0 }]));
  settlement.skipTo(lane, 4);
  assert.deepEqual(settlement.undurable(), []);
  settlement.done(ticket, 0);
  assert.deepEqual(settlement.undurable().map(({ next }) => next), [4]);
});

Deno.test("whatever is done first, a skip never passes an open record, and in the end all is passed", () => {
  const step = fc.record({
    records: fc.integer({ min: 1, max: 4 }),
    gap: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(fc.property(
    fc.array(step, { minLength: 1, maxLength: 12 }),
    fc.infiniteStream(fc.nat()),
    (steps, choices) => {
      const { settlement, lane } = owned();
      const open: { ticket: Ticket; index: number; offset: number }[] = [];
      let offset = 0;
      for (const { records, gap } of steps) {
        const batch = batchOf(
          Array.from({ length: records }, (_, index) => ({
            lane,
            offset: offset + index,
          })),
        );
        const ticket = settlement.open(batch);
        for (let index = 0; index < records; index++) {
          open.push({ ticket, index, offset: offset + index });
        }
        offset += records + gap;
        settlement.skipTo(lane, offset);
      }
      while (open.length > 0) {
        const [chosen] = open.splice(choices.next().value! % open.length, 1);
        settlement.done(chosen!.ticket, chosen!.index);
        const [exact] = settlement.exactPositions();
        const first = Math.min(...open.map((each) => each.offset), offset);
        assert.equal(exact!.next, first);
      }
      assert.equal(settlement.takeChanged()[0]!.next, offset);
    },
  ));
});

Deno.test("where a partition begins is said once when nobody has written it down", () => {
  const settlement = new Settlement();
  const begin = (epoch: number, isUnrecorded: boolean) =>
    settlement.own({
      tp: { topic: TOPIC, partition: epoch },
      epoch,
      next: 5,
      beyond: [],
      isUnrecorded,
    });
  begin(1, true);
  begin(2, false);
  const positions = settlement.undurable();
  assert.deepEqual(positions.map(({ epoch, next }) => [epoch, next]), [[1, 5]]);
  settlement.setDurable(positions);
  assert.deepEqual(settlement.undurable(), []);
});
