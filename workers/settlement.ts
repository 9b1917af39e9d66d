/**
 * Which records are done, and up to where each partition is settled. Pure.
 *
 * A record is done when its handler has ended and every output of it was
 * acknowledged. Batches of a partition are settled in the order in which they
 * were fetched, so the settled position of a lane never passes an open record:
 *
 *     lane 0:  [batch 1: done] [batch 2: open] [batch 3: done]
 *                             ^ settled: the lane's `next`
 *
 * A lane is one ownership of one partition; a new ownership is a new lane.
 */
import type { Batch } from "../src/kafka/mod.ts";
import {
  bitsRoom,
  join,
  metadataRoom,
  NO_RANGES,
  type Settled,
} from "../src/pool/offset_ranges.ts";
import type { Owned, Position } from "../src/pool/protocol.ts";
import type { BatchTimes } from "./batch_times.ts";
import type { Lane, OpenTicket, Section } from "./sections.ts";
import type { Rejection, Ticket } from "./ticket.ts";

export type { Rejection, Ticket };

export class Settlement {
  readonly #lanes: (Lane | undefined)[] = [];
  readonly #tickets: (OpenTicket | undefined)[] = [];
  #pendingRecords = 0;
  #pendingBytes = 0;
  #openTickets = 0;
  #settledRecords = 0;
  readonly #times: BatchTimes | null;

  constructor(times: BatchTimes | null = null) {
    this.#times = times;
  }

  /** Records that are not done, and those waiting for others of their batch. */
  get pendingRecords(): number {
    return this.#pendingRecords;
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  get hasReleasing(): boolean {
    return this.#lanes.some((lane) => lane?.releasing);
  }

  /** Whether every record is done. */
  get idle(): boolean {
    return this.#openTickets === 0;
  }

  /** Starts an ownership; returns its lane. */
  own(position: Position): number {
    let lane = this.#lanes.indexOf(undefined);
    if (lane === -1) lane = this.#lanes.length;
    this.#lanes[lane] = {
      tp: position.tp,
      epoch: position.epoch,
      next: position.next,
      topicId: position.topicId,
      durable: position.isUnrecorded ? NOWHERE : position,
      earlier: position.beyond,
      sections: [],
      releasing: false,
      changed: false,
      seen: position.next,
      exact: false,
    };
    return lane;
  }

  /** Lets an ownership end once what was taken under it is settled. */
  release(lane: number): void {
    this.#lane(lane).releasing = true;
  }

  /** The same object as long as the lane is of the same ownership. */
  ownership(lane: number): Owned {
    return this.#lane(lane);
  }

  /** Takes the records of `batch` under way. */
  open(batch: Batch): Ticket {
    const { count } = batch;
    let slot = this.#tickets.indexOf(undefined);
    if (slot === -1) slot = this.#tickets.length;
    const sections: Section[] = [];
    const ticket: OpenTicket = {
      batch,
      slot,
      open: new Int32Array(count).fill(1),
      remaining: count,
      unhandled: count,
      sinceMs: 0,
      trace: null,
      sections,
    };
    sections.push(...this.#sectionsOf(ticket));
    this.#tickets[slot] = ticket;
    this.#openTickets++;
    this.#pendingRecords += count;
    this.#pendingBytes += batch.byteLength;
    this.#times?.opened(ticket);
    return ticket;
  }

  ticket(slot: number): Ticket | undefined {
    return this.#tickets[slot];
  }

  /** One more thing must happen before the record is done. */
  expect(ticket: Ticket, index: number): void {
    ticket.open[index]!++;
  }

  /** The lane has no records up to `next` but those that were taken. */
  skipTo(number: number, next: number): void {
    const lane = this.#lane(number);
    if (next <= takenOf(lane)) return;
    if (lane.sections.length === 0) {
      lane.next = next;
      lane.changed = true;
    } else {
      lane.sections.push({ lane, number, first: next, next, ticket: null });
    }
  }

  /** One thing has happened. */
  done(ticket: Ticket, index: number): void {
    if (--ticket.open[index]! === 0 && --ticket.remaining === 0) {
      this.#close(ticket as OpenTicket);
      if (ticket.unhandled === 0) this.#times?.settled(ticket);
    }
  }

  /** The same of a record's handler, which has ended for good. */
  handled(ticket: Ticket, index: number): void {
    ticket.trace?.handled(index);
    this.done(ticket, index);
    // Behind that: what was settled by it had nothing to wait for.
    if (--ticket.unhandled === 0) this.#times?.handled(ticket);
  }

  /**
   * Positions that moved since the last call, by whole batches: not where
   * `takeExact` has said more. They count as durable.
   */
  takeChanged(): Position[] {
    const changed: Position[] = [];
    for (const lane of this.#lanes) {
      if (lane?.changed && !(lane.exact && lane.next < lane.seen)) {
        lane.changed = false;
        const position = positionOf(lane);
        lane.durable = position;
        changed.push(position);
      }
    }
    return changed;
  }

  /** Exact positions that are not durable yet. */
  undurable(): Position[] {
    return this.#lanes.filter((lane) => lane !== undefined)
      .map((lane) => ({ lane, position: exactPosition(lane) }))
      .filter(({ lane, position }) => !isSame(lane.durable, position))
      .map(({ position }) => position);
  }

  /** These positions are durable now. */
  setDurable(positions: readonly Position[]): void {
    const byEpoch = new Map(positions.map((each) => [each.epoch, each]));
    for (const lane of this.#lanes) {
      const position = lane && byEpoch.get(lane.epoch);
      if (position !== undefined) lane!.durable = position;
    }
  }

  /**
   * Where lanes stand by records, of those with a batch that was open at the
   * last call already: elsewhere records are done about as they come, and the
   * ends of batches say enough.
   * @param all of every lane, because this is the last call
   */
  takeExact(all: boolean): Position[] {
    const positions: Position[] = [];
    for (const lane of this.#lanes) {
      if (lane === undefined) continue;
      const taken = takenOf(lane);
      lane.exact = lane.next < (all ? taken : lane.seen);
      lane.seen = taken;
      if (!lane.exact) continue;
      lane.changed = false;
      const position = exactPosition(lane);
      lane.durable = position;
      positions.push(position);
    }
    return positions;
  }

  /**
   * How many of `wanted` records may be taken so that the exact position of
   * every lane still fits into a commit, whichever records are done first.
   */
  room(wanted: number): number {
    let room = wanted;
    for (const lane of this.#lanes) {
      if (lane === undefined || lane.releasing) continue;
      const end = Math.max(takenOf(lane), lane.earlier.at(-1) ?? 0);
      if (bitsRoom(lane.next, end) >= room) continue;
      const position = exactPosition(lane);
      room = Math.min(room, metadataRoom(position, end, openIn(lane)));
    }
    return Math.max(0, room);
  }

  /**
   * Where each lane stands by records, not by batches: the first one that is
   * not done, and what is done above it. Looks at every open batch.
   */
  exactPositions(): Position[] {
    return this.#lanes.filter((lane) => lane !== undefined).map(exactPosition);
  }

  /** Records settled since the last call. */
  takeSettledRecords(): number {
    const records = this.#settledRecords;
    this.#settledRecords = 0;
    return records;
  }

  /**
   * Ends the releasing lanes that are settled, durably; returns where they
   * stand.
   */
  takeReleased(): { readonly lane: number; readonly position: Position }[] {
    const released = [];
    for (const [index, lane] of this.#lanes.entries()) {
      if (!lane?.releasing || lane.sections.length > 0) continue;
      const position = positionOf(lane);
      if (!isSame(lane.durable, position)) continue;
      this.#lanes[index] = undefined;
      released.push({ lane: index, position });
    }
    return released;
  }

  /** Gives every batch back unsettled: this worker will not go on. */
  abandon(): void {
    for (const ticket of this.#tickets) {
      ticket?.trace?.abandoned();
      ticket?.batch.free();
    }
    this.#tickets.length = 0;
    this.#openTickets = 0;
    this.#pendingRecords = 0;
    this.#pendingBytes = 0;
  }

  #lane(index: number): Lane {
    const lane = this.#lanes[index];
    if (lane === undefined) throw new RangeError(`no lane ${index}`);
    return lane;
  }

  #sectionsOf(ticket: Ticket): Section[] {
    // By lane: its first offset and the one after its last; runs of one lane
    // are the usual case.
    const ends = new Map<number, [first: number, next: number]>();
    const { lanes, offsets, count } = ticket.batch;
    for (let index = 0; index < count; index++) {
      const lane = lanes[index]!;
      if (index === 0 || lanes[index - 1] !== lane) {
        const [first] = ends.get(lane) ?? [offsets[index]!];
        ends.set(lane, [first, 0]);
      }
      if (index + 1 === count || lanes[index + 1] !== lane) {
        ends.get(lane)![1] = offsets[index]! + 1;
      }
    }
    const sections: Section[] = [];
    for (const [number, [first, next]] of ends) {
      const lane = this.#lane(number);
      const section = { lane, number, first, next, ticket };
      lane.sections.push(section);
      sections.push(section);
    }
    return sections;
  }

  #close(ticket: OpenTicket): void {
    ticket.trace?.settled();
    this.#tickets[ticket.slot] = undefined;
    this.#openTickets--;
    // What was postponed is settled when it has been tried again.
    this.#settledRecords += ticket.batch.count -
      (ticket.postponements?.size ?? 0);
    this.#pendingRecords -= ticket.batch.count;
    this.#pendingBytes -= ticket.batch.byteLength;
    for (const section of ticket.sections) {
      section.ticket = null;
      const { lane } = section;
      while (lane.sections[0]?.ticket === null) {
        lane.next = lane.sections.shift()!.next;
        lane.changed = true;
      }
    }
    ticket.batch.free();
  }
}

/** Where no lane ever stands. */
const NOWHERE: Settled = { next: -1, beyond: NO_RANGES };

const isSame = (one: Settled, other: Settled) =>
  one.next === other.next && one.beyond.length === other.beyond.length &&
  one.beyond.every((edge, index) => edge === other.beyond[index]);

const positionOf = (lane: Lane, beyond = NO_RANGES, next = lane.next) => ({
  tp: lane.tp,
  epoch: lane.epoch,
  ...join({ next, beyond }, { next: 0, beyond: lane.earlier }),
});

/** The offset after the last that was taken. */
const takenOf = ({ sections, next }: Lane) => sections.at(-1)?.next ?? next;

/** Records that are not done. */
function openIn({ sections }: Lane): number {
  let open = 0;
  for (const { number, ticket } of sections) {
    if (ticket === null) continue;
    for (let index = 0; index < ticket.batch.count; index++) {
      if (ticket.batch.lanes[index] === number && ticket.open[index]! > 0) {
        open++;
      }
    }
  }
  return open;
}

/**
 * Offsets that no record has, because of compaction or transactions, count as
 * done where the records around them are.
 */
function exactPosition(lane: Lane): Position {
  let next: number | null = null;
  const beyond: number[] = [];
  /** Where the done records began that reach up to here. */
  let since: number | null = null;
  for (const section of lane.sections) {
    const { first, number, ticket } = section;
    if (ticket === null) {
      if (first < section.next) since ??= first;
      continue;
    }
    const { lanes, offsets, count } = ticket.batch;
    for (let index = 0; index < count; index++) {
      if (lanes[index] !== number) continue;
      const offset = offsets[index]!;
      if (ticket.open[index]! <= 0) {
        since ??= offset;
        continue;
      }
      if (next === null) next = offset;
      else if (since !== null) beyond.push(since, offset);
      since = null;
    }
  }
  const end = takenOf(lane);
  if (next !== null && since !== null) beyond.push(since, end);
  return positionOf(lane, beyond, next ?? end);
}
