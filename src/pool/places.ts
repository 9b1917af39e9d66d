/**
 * Where an input of a delay topic was read before it came there: what comes of it
 * in the end belongs to each of these places. A cluster that has the output, and
 * not the record in the delay topic, so knows which of its inputs has it.
 */
import type { Coordinates } from "./coordinates.ts";

/** On an output of a record in a delay topic, beside its coordinates. */
export const BEFORE_HEADER = "switchyard.before";

/** An input, in the terms of the cluster that it was read from. */
export interface Place {
  readonly clusterId: string;
  readonly topicId: string;
  readonly partition: number;
  readonly offset: number;
}

/** Mirrors are never so many attempts behind. */
const MOST_PLACES = 16;

/** `<cluster id>/<topic id>/<partition>/<offset>` */
const PLACE = /^([^/,]+)\/([^/,]+)\/(\d{1,10})\/(\d{1,16})$/;

/**
 * The header of an output.
 * @param last where its input was read before
 * @param before what the input's own header says; null: it has none
 */
export function placesText(
  { clusterId, offset, partition, topicId }: Place,
  before: string | null,
): string {
  const text = `${clusterId}/${topicId}/${partition}/${offset}`;
  const older = before === null ? [] : before.split(",", MOST_PLACES - 1);
  return [text, ...older].join(",");
}

/**
 * The latest first; none where the text is not what `placesText` writes.
 * @param text null: there is none
 */
export function parsePlaces(text: string | null): Place[] {
  if (text === null) return [];
  const places: Place[] = [];
  for (const each of text.split(",", MOST_PLACES)) {
    const match = PLACE.exec(each);
    if (match === null) return [];
    const [, clusterId = "", topicId = "", partition, offset] = match;
    places.push({
      clusterId,
      topicId,
      partition: Number(partition),
      offset: Number(offset),
    });
  }
  return places;
}

/**
 * An output by the input that was read first: the same, wherever and however often
 * that was tried again.
 * @param before as `parsePlaces` has it
 */
export const byFirst = (
  coordinates: Coordinates,
  before: readonly Place[],
): Coordinates => ({ ...coordinates, ...before.at(-1) });
