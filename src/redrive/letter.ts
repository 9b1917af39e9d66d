/** A dead letter, and the record that it was. */
import type { Batch, Header, OutputRecord } from "../kafka/mod.ts";
import type { Seen } from "./filter.ts";

/** Headers of this name are ours, see workers/headers.ts. */
const PREFIX = "switchyard.";
/** How often a record was put back. */
const REDRIVEN = "redriven";

export interface Letter extends Seen {
  /** The original value is not in it. */
  readonly isOmitted: boolean;
  readonly redriven: number;
}

const decoder = new TextDecoder();

/** Reads what a dead letter says of itself. */
export function letterOf(batch: Batch, index: number): Letter {
  const ours = new Map<string, string>();
  for (const { key, value } of batch.headers(index)) {
    if (!key.startsWith(PREFIX) || value === null) continue;
    ours.set(key.slice(PREFIX.length), decoder.decode(value));
  }
  const key = batch.key(index);
  return {
    partition: batch.tp(index).partition,
    offset: batch.offset(index),
    timestampMs: batch.timestamp(index),
    key: key && decoder.decode(key),
    reason: ours.get("reason") ?? "",
    topic: ours.get("topic") ?? null,
    sourcePartition: wholeNumber(ours.get("partition")),
    sourceOffset: wholeNumber(ours.get("offset")),
    isOmitted: ours.has("value.omitted"),
    redriven: wholeNumber(ours.get(REDRIVEN)) ?? 0,
  };
}

/** The record as it was, and how often it has been put back. */
export function originalRecord(
  batch: Batch,
  index: number,
  { redriven, timestampMs }: Letter,
  topic: string,
): OutputRecord {
  const headers: Header[] = batch.headers(index)
    .filter(({ key }) => !key.startsWith(PREFIX));
  headers.push({ key: PREFIX + REDRIVEN, value: String(redriven + 1) });
  return {
    topic,
    key: batch.key(index),
    value: batch.value(index),
    headers,
    timestampMs: timestampMs > 0 ? timestampMs : undefined,
  };
}

function wholeNumber(text: string | undefined): number | null {
  const number = Number(text ?? NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}
