/**
 * Dead letters: what could not be processed, with its original key, value,
 * headers and timestamp, and in further headers why and where it came from.
 */
import type { Batch, Header, OutputRecord } from "../src/kafka/mod.ts";
import type { Rejection } from "./settlement.ts";

const PREFIX = "switchyard.";
const REASON_CHARACTERS = 1000;

export interface DeadLetterPlace {
  readonly topic: string;
  readonly groupId: string;
}

/**
 * Without its value where the cluster has refused the whole record as too
 * large; the headers say where the original is.
 */
export function deadLetter(
  batch: Batch,
  index: number,
  { reason, complete, failure }: Rejection,
  place: DeadLetterPlace,
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
  if (failure !== undefined) {
    headers.push(
      header("attempts", failure.attempts),
      header("first-failure", new Date(failure.firstMs).toISOString()),
    );
  }
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
