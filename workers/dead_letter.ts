/**
 * Dead letters: what could not be processed, with its original key, value,
 * headers and timestamp, and in further headers why and where it came from.
 */
import type { Batch, Header, OutputRecord } from "../src/kafka/mod.ts";
import { type Delays, type Failures, NO_DELAYS } from "./delays.ts";
import { foreignHeaders, header } from "./headers.ts";

const REASON_CHARACTERS = 1000;

export interface DeadLetterPlace {
  readonly topic: string;
  readonly groupId: string;
  /** The records of these topics have their origin in headers. */
  readonly delays?: Delays;
}

/**
 * @param complete false leaves out the value, for a cluster that refuses the
 * whole record as too large; the headers say where the original is.
 * @param failures the attempts that were made; absent: those that the headers
 * of a record from a delay topic tell, and this one
 */
export function deadLetter(
  batch: Batch,
  index: number,
  reason: string,
  place: DeadLetterPlace,
  complete: boolean,
  failures?: Failures,
): OutputRecord {
  const { delays = NO_DELAYS } = place;
  const origin = delays.originOf(batch, index);
  const value = batch.value(index);
  const headers: Header[] = [
    ...foreignHeaders(batch, index),
    header("reason", reason.slice(0, REASON_CHARACTERS)),
    header("topic", origin.topic),
    header("partition", origin.partition),
    header("offset", origin.offset),
    header("group", place.groupId),
    ...attemptHeaders(failures ?? failuresWithThis(batch, index, delays)),
  ];
  if (!complete) headers.push(header("value.omitted", value?.length ?? 0));
  return {
    topic: place.topic,
    key: batch.key(index),
    value: complete ? value : null,
    headers,
    timestampMs: origin.timestampMs > 0 ? origin.timestampMs : undefined,
  };
}

function failuresWithThis(
  batch: Batch,
  index: number,
  delays: Delays,
): Failures | null {
  const before = delays.failuresOf(batch, index);
  return before && { ...before, attempts: before.attempts + 1 };
}

/** Nothing to tell of a record that was tried once. */
function attemptHeaders(failures: Failures | null): Header[] {
  if (failures === null || failures.attempts <= 1) return [];
  return [
    header("attempts", failures.attempts),
    header("first-failure", new Date(failures.firstFailureMs).toISOString()),
  ];
}
