/**
 * Dead letters: what could not be processed, with its original key, value,
 * headers and timestamp, and in further headers why and where it came from.
 */
import type { Batch, Header, OutputRecord } from "../src/kafka/mod.ts";

const PREFIX = "switchyard.";
const REASON_CHARACTERS = 1000;

export interface DeadLetterPlace {
  readonly topic: string;
  readonly groupId: string;
}

/**
 * @param complete false leaves out the value, for a cluster that refuses the
 * whole record as too large; the headers say where the original is.
 */
export function deadLetter(
  batch: Batch,
  index: number,
  reason: string,
  place: DeadLetterPlace,
  complete: boolean,
): OutputRecord {
  const { topic, partition } = batch.tp(index);
  const timestampMs = batch.timestamp(index);
  const value = batch.value(index);
  const headers: Header[] = [
    ...batch.headers(index),
    header("reason", reason.slice(0, REASON_CHARACTERS)),
    header("topic", topic),
    header("partition", partition),
    header("offset", batch.offset(index)),
    header("group", place.groupId),
  ];
  if (!complete) headers.push(header("value.omitted", value?.length ?? 0));
  return {
    topic: place.topic,
    key: batch.key(index),
    value: complete ? value : null,
    headers,
    timestampMs: timestampMs > 0 ? timestampMs : undefined,
  };
}

const header = (name: string, value: string | number): Header => ({
  key: PREFIX + name,
  value: String(value),
});
