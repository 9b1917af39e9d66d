/**
 * Numbers the outputs of each input, and says of each where it comes from, and
 * whether it is there already.
 *
 * Inputs may be handled again: in place, by the next thread, in another process.
 * Their outputs have the same numbers then, because nothing of an attempt that
 * failed was numbered.
 */
import type { Header } from "../src/kafka/mod.ts";
import {
  COORDINATES_HEADER,
  coordinatesFrom,
  coordinatesIn,
} from "../src/pool/coordinates.ts";
import {
  type DoneIndex,
  DoneOffsets,
  type DoneOutputs,
  type DonePart,
  indexDone,
} from "../src/pool/done_outputs.ts";
import { BEFORE_HEADER, placesText } from "../src/pool/places.ts";
import type { JobCoordinates, Owned, StreamJob } from "../src/pool/protocol.ts";
import { doneText, parseDone } from "./done_header.ts";
import { ourHeaders } from "./headers.ts";
import type { Rejection, Settlement, Ticket } from "./settlement.ts";

export interface CoordinatesJob extends
  Pick<
    StreamJob,
    "coordinates" | "deadLetterTopic" | "delayTopics" | "groupId"
  > {
  /** Outputs that are there already, and are not sent; null: none is. */
  readonly done: DoneOutputs | null;
}

/** What all inputs of an ownership have in common. */
interface Lane {
  readonly owned: Owned;
  readonly write: ReturnType<typeof coordinatesFrom>;
  /** Its records have been tried before. */
  readonly isDelayed: boolean;
  /** Null: nothing is done of what is still to come. */
  done: DoneOffsets | null;
}

/** What a record in a delay topic has from the input that it was before. */
interface Inherited {
  readonly ticket: Ticket;
  readonly index: number;
  readonly done: readonly DonePart[];
  /** Null: it does not say where it was read before. */
  readonly before: Header | null;
}

/** One output among those of its input. */
export interface NumberedOutput {
  readonly ordinal: number;
  /** Null: outputs have no coordinates. */
  readonly header: Header | null;
  /** Of what comes of records in delay topics, see `Place`. */
  readonly before: Header | null;
  /** It is there already, and must not be sent. */
  readonly isDone: boolean;
}

export class OutputCoordinates {
  readonly #groupId: string;
  readonly #coordinates: JobCoordinates;
  readonly #settlement: Settlement;
  readonly #done: DoneIndex | null;
  readonly #delayTopics: ReadonlySet<string>;
  /** An input is settled by its record in one of these. */
  readonly #handovers: ReadonlySet<string>;
  /** By number; of another ownership where that has changed hands. */
  readonly #lanes: (Lane | undefined)[] = [];
  /** Of the input that was asked for last: its outputs come together. */
  #inherited: Inherited | null = null;

  /** @returns null where outputs have no coordinates, so that none is known. */
  static of(
    job: CoordinatesJob,
    settlement: Settlement,
  ): OutputCoordinates | null {
    return job.coordinates === null
      ? null
      : new OutputCoordinates(job, job.coordinates, settlement);
  }

  private constructor(
    job: CoordinatesJob,
    coordinates: JobCoordinates,
    settlement: Settlement,
  ) {
    this.#groupId = job.groupId;
    this.#coordinates = coordinates;
    this.#settlement = settlement;
    this.#done = indexDone(job.done);
    this.#delayTopics = new Set(job.delayTopics.map(({ topic }) => topic));
    this.#handovers = new Set([...this.#delayTopics, job.deadLetterTopic]);
  }

  /**
   * The next output of an input.
   * @param count how many the input has; 0: not known
   * @param topic where it goes
   * @throws {TypeError} where it is not known which topic the input is of.
   */
  next(
    ticket: Ticket,
    index: number,
    count: number,
    topic: string,
  ): NumberedOutput {
    const ordinals = ticket.ordinals ??= new Uint32Array(ticket.batch.count);
    return this.#at(ticket, index, ordinals[index]!++, count, topic);
  }

  /**
   * A dead letter: the input's only output, or the last one; without its value
   * it is the same one.
   */
  letter(
    ticket: Ticket,
    index: number,
    { ordinal }: Rejection,
    topic: string,
  ): NumberedOutput {
    return ordinal === undefined
      ? this.next(ticket, index, (ticket.ordinals?.[index] ?? 0) + 1, topic)
      : this.#at(ticket, index, ordinal, ordinal + 1, topic);
  }

  /** Something else takes the place of an output, if that is the only one. */
  replaceOnly(ticket: Ticket, index: number): void {
    const { ordinals } = ticket;
    if (ordinals?.[index] === 1) ordinals[index] = 0;
  }

  /**
   * What is there of an input that is to be tried again, for its record in the
   * delay topic; null: nothing.
   */
  doneOf(ticket: Ticket, index: number): string | null {
    const lane = this.#lane(ticket.batch.lanes[index]!);
    const parts = [
      ...lane.done?.of(ticket.batch.offsets[index]!) ?? [],
      ...lane.isDelayed ? this.#inheritedBy(ticket, index).done : [],
    ];
    return parts.length === 0 ? null : doneText(parts);
  }

  #at(
    ticket: Ticket,
    index: number,
    ordinal: number,
    count: number,
    topic: string,
  ): NumberedOutput {
    const lane = this.#lane(ticket.batch.lanes[index]!);
    const offset = ticket.batch.offsets[index]!;
    const inherited = lane.isDelayed ? this.#inheritedBy(ticket, index) : null;
    return {
      ordinal,
      header: {
        key: COORDINATES_HEADER,
        value: lane.write(offset, ordinal, count, topic),
      },
      before: inherited === null ? null : inherited.before,
      isDone: lane.done !== null &&
          isDone(lane, lane.done, offset, topic, ordinal, count) ||
        inherited !== null &&
          inherited.done.some((part) =>
            part.output === topic && part.count === count &&
            part.ordinals.includes(ordinal)
          ),
    };
  }

  #inheritedBy(ticket: Ticket, index: number): Inherited {
    const known = this.#inherited;
    if (known?.ticket === ticket && known.index === index) return known;
    const read = ourHeaders(ticket.batch, index);
    const text = read("coordinates");
    const { topic } = ticket.batch.tp(index);
    const last = text === undefined ? null : coordinatesIn(topic, text);
    return this.#inherited = {
      ticket,
      index,
      done: parseDone(read("done") ?? ""),
      before: last === null ? null : {
        key: BEFORE_HEADER,
        value: placesText(last, read("before") ?? null),
      },
    };
  }

  #lane(number: number): Lane {
    const owned = this.#settlement.ownership(number);
    const known = this.#lanes[number];
    return known?.owned === owned
      ? known
      : this.#lanes[number] = this.#newLane(owned);
  }

  #newLane(owned: Owned): Lane {
    const { clusterId, topicIds } = this.#coordinates;
    const { next, tp: { topic, partition } } = owned;
    const topicId = owned.topicId ?? topicIds[topic];
    if (topicId === undefined) {
      throw new TypeError(`nobody knows the id of topic "${topic}"`);
    }
    const group = this.#groupId;
    // A topic that was created again has other inputs.
    const known = (this.#done?.get(topic)?.get(partition) ?? [])
      .filter((each) => each.topicId === topicId);
    const done = new DoneOffsets(known, next, this.#handovers);
    return {
      owned,
      write: coordinatesFrom({ clusterId, topicId, partition, group }),
      isDelayed: this.#delayTopics.has(topic),
      done: done.highest < 0 ? null : done,
    };
  }
}

function isDone(
  lane: Lane,
  done: DoneOffsets,
  offset: number,
  topic: string,
  ordinal: number,
  count: number,
): boolean {
  if (offset <= done.highest) return done.has(offset, topic, ordinal, count);
  // Slower ones that come before may still be under way.
  if (lane.owned.next > done.highest) lane.done = null;
  return false;
}
