/** A dead letter, and the record that it was. */
import type { Batch, Header, OutputRecord } from "../kafka/mod.ts";
import { COORDINATES_HEADER } from "../pool/coordinates.ts";
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
  const { before, ours: added } = headersOf(batch, index);
  const ours = new Map(
    added.map(({ key, value }) => [
      key.slice(PREFIX.length),
      decoder.decode(value ?? undefined),
    ]),
  );
  const put = before.findLast(({ key }) => key === PREFIX + REDRIVEN)?.value;
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
    redriven: wholeNumber(put ? decoder.decode(put) : undefined) ?? 0,
  };
}

/** The record as it was, and how often it has been put back. */
export function originalRecord(
  batch: Batch,
  index: number,
  { redriven, timestampMs }: Letter,
  topic: string,
): OutputRecord {
  const headers: Header[] = headersOf(batch, index).before
    // What is put back is nobody's output, where its record once was one.
    .filter(({ key }) =>
      key !== PREFIX + REDRIVEN && key !== COORDINATES_HEADER
    );
  headers.push({ key: PREFIX + REDRIVEN, value: String(redriven + 1) });
  return {
    topic,
    key: batch.key(index),
    value: batch.value(index),
    headers,
    timestampMs: timestampMs > 0 ? timestampMs : undefined,
  };
}

/**
 * The headers that the record had before it became a dead letter, which may have
 * names like ours, and those that were added then: the reason is the first.
 */
function headersOf(batch: Batch, index: number) {
  const headers = batch.headers(index);
  const at = headers.findLastIndex(({ key }) => key === `${PREFIX}reason`);
  const end = at < 0 ? headers.length : at;
  return { before: headers.slice(0, end), ours: headers.slice(end) };
}

function wholeNumber(text: string | undefined): number | null {
  const number = Number(text ?? NaN);
  return Number.isSafeInteger(number) && number >= 0 ? number : null;
}
