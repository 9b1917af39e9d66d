import assert from "node:assert/strict";
import fc from "fast-check";
import { isWithin } from "../../src/pool/offset_ranges.ts";
import type { Position } from "../../src/pool/protocol.ts";
import { Settlement, type Ticket } from "../../workers/settlement.ts";
import { batchOf, type FakeRecord, TOPIC } from "./support_worker_fakes.ts";

const position = (partition: number, epoch: number, next = 0): Position => ({
  tp: { topic: TOPIC, partition },
  epoch,
  next,
  beyond: [],
});

/** `count` records of a lane from `offset` on. */
const run = (lane: number, offset: number, count: number): FakeRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    lane,
    offset: offset + index,
  }));

function owned(...partitions: number[]) {
  const settlement = new Settlement();
  for (const partition of partitions) {
    settlement.own(position(partition, 100 + partition));
  }
  return settlement;
}

const nexts = (positions: readonly Position[]) =>
  positions.map(({ tp, next }) => [tp.partition, next]);

Deno.test("a record is done when its handler and each of its outputs are", () => {
  const settlement = owned(0);
  const ticket = settlement.open(batchOf(run(0, 5, 1)));
  settlement.expect(ticket, 0);
  settlement.expect(ticket, 0);
  settlement.done(ticket, 0);
  settlement.done(ticket, 0);
  assert.deepEqual(settlement.takeChanged(), []);
  assert.equal(settlement.idle, false);
  settlement.done(ticket, 0);
  assert.deepEqual(nexts(settlement.takeChanged()), [[0, 6]]);
  assert.equal(settlement.idle, true);
});

Deno.test("one thing too many that happens to a record is not taken for another's", () => {
  const settlement = owned(0);
  const ticket = settlement.open(batchOf(run(0, 0, 2)));
  settlement.done(ticket, 0);
  settlement.done(ticket, 0);
  assert.equal(settlement.idle, false);
  settlement.done(ticket, 1);
  assert.deepEqual(nexts(settlement.takeChanged()), [[0, 2]]);
  assert.equal(settlement.pendingRecords, 0);
});

Deno.test("a change is told once", () => {
  const settlement = owned(0);
  settlement.done(settlement.open(batchOf(run(0, 0, 1))), 0);
  assert.equal(settlement.takeChanged().length, 1);
  assert.deepEqual(settlement.takeChanged(), []);
  assert.equal(settlement.takeSettledRecords(), 1);
  assert.equal(settlement.takeSettledRecords(), 0);
});

Deno.test("a batch that is done waits for an earlier one of its partition", () => {
  const settlement = owned(0, 1);
  const first = settlement.open(batchOf([...run(0, 0, 1), ...run(1, 0, 1)]));
  const second = settlement.open(batchOf(run(0, 1, 1)));
  settlement.done(second, 0);
  settlement.done(first, 1);
  assert.deepEqual(settlement.takeChanged(), []);
  settlement.done(first, 0);
  assert.deepEqual(nexts(settlement.takeChanged()), [[0, 2], [1, 1]]);
});

Deno.test("the position stands behind the last offset, past gaps that compaction left", () => {
  const settlement = owned(0);
  const records = [3, 90, 4000].map((offset) => ({ lane: 0, offset }));
  const ticket = settlement.open(batchOf(records));
  for (const index of [1, 2, 0]) settlement.done(ticket, index);
  assert.deepEqual(nexts(settlement.takeChanged()), [[0, 4001]]);
});

Deno.test("lanes that alternate within a batch each end at their own last offset", () => {
  const settlement = owned(0, 1);
  const ticket = settlement.open(batchOf([
    { lane: 1, offset: 7 },
    { lane: 0, offset: 1 },
    { lane: 1, offset: 8 },
    { lane: 0, offset: 2 },
    { lane: 1, offset: 12 },
  ]));
  for (let index = 0; index < 5; index++) settlement.done(ticket, index);
  assert.deepEqual(nexts(settlement.takeChanged()), [[0, 3], [1, 13]]);
});

Deno.test("records pend until their whole batch is done, which frees it", () => {
  const settlement = owned(0);
  const batch = batchOf(run(0, 0, 3));
  const ticket = settlement.open(batch);
  assert.equal(settlement.pendingRecords, 3);
  assert.equal(settlement.pendingBytes, batch.byteLength);
  settlement.done(ticket, 0);
  settlement.done(ticket, 2);
  assert.equal(settlement.pendingRecords, 3);
  assert.equal(batch.freed, false);
  settlement.done(ticket, 1);
  assert.equal(settlement.pendingRecords, 0);
  assert.equal(settlement.pendingBytes, 0);
  assert.equal(batch.freed, true);
  assert.equal(settlement.takeSettledRecords(), 3);
});

Deno.test("a ticket is found by its slot while it is open, and slots are used again", () => {
  const settlement = owned(0);
  const [first, second] = [0, 1].map((offset) =>
    settlement.open(batchOf(run(0, offset, 1)))
  ) as [Ticket, Ticket];
  assert.notEqual(first.slot, second.slot);
  assert.equal(settlement.ticket(second.slot), second);
  settlement.done(first, 0);
  assert.equal(settlement.ticket(first.slot), undefined);
  const third = settlement.open(batchOf(run(0, 2, 1)));
  assert.equal(third.slot, first.slot);
  assert.equal(settlement.ticket(second.slot), second);
});

Deno.test("a released lane ends when all that was taken under it is settled, and that is known", () => {
  const settlement = owned(0, 1);
  const ticket = settlement.open(batchOf(run(0, 0, 1)));
  settlement.release(0);
  assert.deepEqual(settlement.takeReleased(), []);
  assert.equal(settlement.hasReleasing, true);
  settlement.done(ticket, 0);
  assert.deepEqual(settlement.takeReleased(), []);
  settlement.takeChanged();
  assert.deepEqual(settlement.takeReleased(), [
    { lane: 0, position: position(0, 100, 1) },
  ]);
  assert.equal(settlement.hasReleasing, false);
  assert.deepEqual(settlement.takeReleased(), []);
});

Deno.test("a lane that nothing was taken under is released where it began", () => {
  const settlement = new Settlement();
  const lane = settlement.own(position(3, 7, 55));
  settlement.release(lane);
  assert.deepEqual(settlement.takeReleased(), [
    { lane, position: position(3, 7, 55) },
  ]);
});

Deno.test("a lane is used again only after its release", () => {
  const settlement = owned(0, 1);
  const ticket = settlement.open(batchOf(run(0, 0, 1)));
  settlement.release(0);
  assert.equal(settlement.own(position(2, 200)), 2);
  settlement.done(ticket, 0);
  settlement.takeChanged();
  settlement.takeReleased();
  assert.equal(settlement.own(position(4, 201)), 0);
  assert.equal(settlement.ownership(0).epoch, 201);
});

Deno.test("with transactions a lane is released only where its last commit left it", () => {
  const settlement = owned(0);
  const ticket = settlement.open(batchOf(run(0, 0, 3)));
  settlement.release(0);
  settlement.done(ticket, 0);
  settlement.done(ticket, 2);
  const first = settlement.undurable();
  assert.deepEqual(first.map(({ next, beyond }) => [next, beyond]), [[1, [
    2,
    3,
  ]]]);
  settlement.setDurable(first);
  assert.deepEqual(settlement.undurable(), []);
  settlement.done(ticket, 1);
  assert.deepEqual(settlement.takeReleased(), []);
  const second = settlement.undurable();
  assert.deepEqual(nexts(second), [[0, 3]]);
  settlement.setDurable(second);
  assert.deepEqual(
    nexts(settlement.takeReleased().map((each) => each.position)),
    [
      [0, 3],
    ],
  );
});

Deno.test("a lane that nobody owns is a mistake and is said to be one", () => {
  const settlement = owned(0);
  assert.throws(() => settlement.open(batchOf(run(5, 0, 1))), RangeError);
  assert.throws(() => settlement.release(5), RangeError);
  assert.throws(() => settlement.ownership(5), RangeError);
});

Deno.test("abandoning gives every batch back and settles none", () => {
  const settlement = owned(0);
  const batches = [0, 1].map((offset) => batchOf(run(0, offset, 1)));
  const [first] = batches.map((batch) => settlement.open(batch));
  settlement.expect(first!, 0);
  settlement.abandon();
  assert.deepEqual(batches.map((each) => each.freed), [true, true]);
  assert.equal(settlement.ticket(first!.slot), undefined);
  assert.equal(settlement.idle, true);
  assert.equal(settlement.pendingRecords, 0);
  assert.equal(settlement.pendingBytes, 0);
  assert.deepEqual(settlement.takeChanged(), []);
  assert.equal(settlement.takeSettledRecords(), 0);
});

/** What the model knows of one record. */
interface Known {
  readonly ticket: Ticket;
  readonly index: number;
  readonly lane: KnownLane;
  readonly offset: number;
  /** Things that must still happen; 0: done. */
  due: number;
}

interface KnownLane {
  readonly number: number;
  readonly position: Position;
  /** Next offset to fetch. */
  head: number;
  /** In the order of fetching. */
  readonly records: Known[];
  releasing: boolean;
  released: boolean;
  /** What the settlement has said last. */
  told: number;
}

/** A settlement, and beside it a plain list of what has happened. */
class Model {
  readonly settlement = new Settlement();
  readonly lanes: KnownLane[] = [];
  readonly records: Known[] = [];
  readonly tickets: Ticket[] = [];
  #epoch = 0;
  #settled = 0;

  own(pick: number): void {
    if (this.#live().length >= 4) return;
    const told = pick % 1000;
    const at = position(this.lanes.length, ++this.#epoch, told);
    const number = this.settlement.own(at);
    assert.ok(this.#live().every((each) => each.number !== number));
    this.lanes.push({
      number,
      position: at,
      head: told,
      records: [],
      releasing: false,
      released: false,
      told,
    });
  }

  open(pick: number): void {
    const lanes = this.#live().filter((each) => !each.releasing);
    if (lanes.length === 0) return;
    const fetched: { lane: KnownLane; offset: number }[] = [];
    for (let bits = pick % 4096 + 1; bits > 0; bits >>>= 2) {
      const lane = lanes[bits % lanes.length]!;
      fetched.push({ lane, offset: lane.head });
      lane.head += 1 + (bits % 3 === 0 ? 5 : 0); // some offsets are missing
    }
    const ticket = this.settlement.open(batchOf(
      fetched.map(({ lane, offset }) => ({ lane: lane.number, offset })),
    ));
    this.tickets.push(ticket);
    fetched.forEach(({ lane, offset }, index) => {
      const known: Known = { ticket, index, lane, offset, due: 1 };
      lane.records.push(known);
      this.records.push(known);
    });
  }

  expect(pick: number): void {
    const open = this.#open();
    const known = open[pick % open.length];
    if (known === undefined) return;
    this.settlement.expect(known.ticket, known.index);
    known.due++;
  }

  done(pick: number): void {
    const open = this.#open();
    const known = open[pick % open.length];
    if (known === undefined) return;
    this.settlement.done(known.ticket, known.index);
    known.due--;
  }

  release(pick: number): void {
    const lanes = this.#live();
    const lane = lanes[pick % lanes.length];
    if (lane === undefined || lane.releasing) return;
    this.settlement.release(lane.number);
    lane.releasing = true;
  }

  /** Reads what the settlement says and compares it with what happened. */
  check(): void {
    for (const position of this.settlement.takeChanged()) {
      const lane = this.#laneOf(position);
      assert.ok(!lane.released);
      assert.ok(position.next > lane.told, "a position only moves on");
      lane.told = position.next;
    }
    for (const { lane: number, position } of this.settlement.takeReleased()) {
      const lane = this.#laneOf(position);
      assert.equal(lane.number, number);
      assert.ok(lane.releasing && !lane.released);
      assert.ok(lane.records.every((each) => each.due === 0));
      assert.equal(lane.told, position.next);
      lane.released = true;
    }
    for (const lane of this.lanes) this.#checkLane(lane);
    const exact = this.settlement.exactPositions();
    assert.equal(exact.length, this.#live().length);
    for (const each of exact) this.#checkExact(this.#laneOf(each), each);
    const open = this.tickets.filter((each) => !this.#isClosed(each));
    const records = open.reduce((sum, each) => sum + each.batch.count, 0);
    const bytes = open.reduce((sum, each) => sum + each.batch.byteLength, 0);
    assert.equal(this.settlement.pendingRecords, records);
    assert.equal(this.settlement.pendingBytes, bytes);
    assert.equal(this.settlement.idle, open.length === 0);
    this.#settled += this.settlement.takeSettledRecords();
    assert.equal(this.#settled, this.records.length - records);
    for (const ticket of this.tickets) {
      assert.equal(ticket.batch.freed, this.#isClosed(ticket));
    }
  }

  #checkExact(lane: KnownLane, { next, beyond }: Position): void {
    const firstOpen = lane.records.find((each) => each.due > 0);
    const last = lane.records.at(-1);
    const end = last ? last.offset + 1 : lane.position.next;
    assert.equal(next, firstOpen?.offset ?? end);
    for (const { offset, due } of lane.records) {
      if (offset <= next) continue;
      assert.equal(isWithin(beyond, offset), due === 0);
    }
    assert.ok(
      beyond.every((edge, index) => edge > (beyond[index - 1] ?? next)),
    );
  }

  #checkLane(lane: KnownLane): void {
    const firstOpen = lane.records.find((each) => each.due > 0);
    assert.ok(lane.told <= (firstOpen?.offset ?? lane.head));
    // Settled as far as whole batches are done, in the order of fetching.
    const stuck = lane.records.findIndex((each) =>
      !this.#isClosed(each.ticket)
    );
    const last = stuck < 0 ? lane.records.at(-1) : lane.records[stuck - 1];
    assert.equal(lane.told, last ? last.offset + 1 : lane.position.next);
    if (lane.releasing) assert.equal(lane.released, stuck < 0);
  }

  finish(picks: () => number): void {
    while (this.#open().length > 0) {
      this.done(picks());
      this.check();
    }
    assert.equal(this.settlement.hasReleasing, false);
  }

  #open = () => this.records.filter((each) => each.due > 0);
  #live = () => this.lanes.filter((each) => !each.released);
  #laneOf = ({ epoch }: Position) =>
    this.lanes.find((each) => each.position.epoch === epoch)!;
  #isClosed = (ticket: Ticket) =>
    this.records.every((each) => each.ticket !== ticket || each.due === 0);
}

Deno.test("in any order of events a position never passes an open record, and ends behind the last", () => {
  const step = fc.constantFrom(
    "own" as const,
    "open" as const,
    "open" as const,
    "expect" as const,
    "done" as const,
    "done" as const,
    "done" as const,
    "release" as const,
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(step, fc.nat()), { maxLength: 80 }),
      fc.infiniteStream(fc.nat()),
      (steps, picks) => {
        const model = new Model();
        model.own(0);
        for (const [step, pick] of steps) {
          model[step](pick);
          model.check();
        }
        model.finish(() => picks.next().value!);
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("what was postponed does not count as settled", () => {
  const settlement = owned(0);
  const ticket = settlement.open(batchOf(run(0, 0, 3)));
  ticket.postponements = new Map([[1, {
    delayMs: 1000,
    failure: { attempts: 1, firstMs: 0 },
    reason: "down",
  }]]);
  for (const index of [0, 1, 2]) settlement.done(ticket, index);
  assert.equal(settlement.takeSettledRecords(), 2);
  assert.deepEqual(nexts(settlement.takeChanged()), [[0, 3]]);
});
