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
} from "../src/pool/coordinates.ts";
import {
  type DoneIndex,
  DoneOffsets,
  indexDone,
} from "../src/pool/done_outputs.ts";
import type { Owned, StreamJob } from "../src/pool/protocol.ts";
import type { Rejection, Settlement, Ticket } from "./settlement.ts";

export type CoordinatesJob = Pick<
  StreamJob,
  "coordinates" | "done" | "groupId"
>;

/** What all inputs of an ownership have in common. */
interface Lane {
  readonly owned: Owned;
  /** Null: outputs have no coordinates. */
  readonly write: ReturnType<typeof coordinatesFrom> | null;
  /** Null: nothing is done of what is still to come. */
  done: DoneOffsets | null;
}

/** One output among those of its input. */
export interface NumberedOutput {
  readonly ordinal: number;
  /** Null: outputs have no coordinates. */
  readonly header: Header | null;
  /** It is there already, and must not be sent. */
  readonly isDone: boolean;
}

export class OutputCoordinates {
  readonly #job: CoordinatesJob;
  readonly #settlement: Settlement;
  readonly #done: DoneIndex | null;
  /** By number; of another ownership where that has changed hands. */
  readonly #lanes: (Lane | undefined)[] = [];

  /** @returns null where there is nothing to say, and nothing done. */
  static of(
    job: CoordinatesJob,
    settlement: Settlement,
  ): OutputCoordinates | null {
    const done = indexDone(job.done);
    return job.coordinates === null && done === null
      ? null
      : new OutputCoordinates(job, settlement, done);
  }

  private constructor(
    job: CoordinatesJob,
    settlement: Settlement,
    done: DoneIndex | null,
  ) {
    this.#job = job;
    this.#settlement = settlement;
    this.#done = done;
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

  #at(
    ticket: Ticket,
    index: number,
    ordinal: number,
    count: number,
    topic: string,
  ): NumberedOutput {
    const lane = this.#lane(ticket.batch.lanes[index]!);
    const offset = ticket.batch.offsets[index]!;
    return {
      ordinal,
      header: lane.write === null ? null : {
        key: COORDINATES_HEADER,
        value: lane.write(offset, ordinal, count, topic),
      },
      isDone: lane.done !== null && isDone(lane, offset, ordinal),
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
    const { coordinates, groupId } = this.#job;
    const { next, tp: { topic, partition } } = owned;
    const idAtStart = coordinates?.topicIds[topic];
    const topicId = owned.topicId ?? idAtStart;
    if (coordinates !== null && topicId === undefined) {
      throw new TypeError(`nobody knows the id of topic "${topic}"`);
    }
    const write = coordinates === null ? null : coordinatesFrom({
      clusterId: coordinates.clusterId,
      topicId: topicId ?? "",
      partition,
      group: groupId,
    });
    // A topic that was created again meanwhile has other inputs.
    const isSame = coordinates === null || topicId === idAtStart;
    const inputs = isSame ? this.#done?.get(topic)?.get(partition) : undefined;
    const done = new DoneOffsets(inputs ?? [], next);
    return { owned, write, done: done.highest < 0 ? null : done };
  }
}

function isDone(lane: Lane, offset: number, ordinal: number): boolean {
  const done = lane.done!;
  if (offset <= done.highest) return done.has(offset, ordinal);
  // Slower ones that come before may still be under way.
  if (lane.owned.next > done.highest) lane.done = null;
  return false;
}
