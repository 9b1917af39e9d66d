/** Records of every kind that Kafka allows, as a pure function of chance. */
import type { NewRecord } from "../support/independent_client.ts";

export interface LoadShape {
  /** A small set of keys, and the time of sending, as compaction wants them. */
  readonly isCompacted: boolean;
  /** Of values that are as large as a broker takes. */
  readonly largeShare: number;
  /** In milliseconds. */
  readonly now: number;
}

/** A broker's default limit is 1 MiB with everything around a record. */
const largestBytes = 1_040_000;
const leastLargeBytes = 100_000;
const compactedKeys = 200;
const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

/** Its number is in a header of most records, so that it can be found again. */
export const numberHeader = "load-number";

export function loadedRecord(
  random: () => number,
  number: number,
  shape: LoadShape,
): NewRecord {
  const key = shape.isCompacted
    ? `key-${below(random, compactedKeys)}`
    : keyOf(random);
  return {
    key,
    value: valueOf(random, number, shape.largeShare),
    headers: headersOf(random, number),
    ...shape.isCompacted ? {} : { timestampMs: timeOf(random, shape.now) },
  };
}

function keyOf(random: () => number): Uint8Array | string | null {
  const chance = random();
  if (chance < 0.2) return null;
  if (chance < 0.25) return "";
  if (chance < 0.45) return bytesOf(random, 1 + below(random, 40));
  return `key-${below(random, 5_000)}`;
}

function valueOf(
  random: () => number,
  number: number,
  largeShare: number,
): Uint8Array | string | null {
  const chance = random();
  if (chance < largeShare) {
    const bytes = leastLargeBytes +
      below(random, largestBytes - leastLargeBytes);
    return bytesOf(random, bytes);
  }
  if (chance < 0.06) return null;
  if (chance < 0.1) return "";
  if (chance < 0.4) return bytesOf(random, 1 + below(random, 600));
  return JSON.stringify({ number, text: "ü".repeat(below(random, 100)) });
}

function headersOf(
  random: () => number,
  number: number,
): NonNullable<NewRecord["headers"]> {
  const headers = Array.from({ length: below(random, 5) }, () => ({
    name: ["a", "a", "b", "", "ключ"][below(random, 5)]!,
    value: [null, "", "text", bytesOf(random, 3)][below(random, 4)]!,
  }));
  if (random() < 0.1) return headers;
  const own = { name: numberHeader, value: String(number) };
  return headers.toSpliced(below(random, headers.length + 1), 0, own);
}

/** 0 is left out: that librdkafka replaces it is told to users. */
function timeOf(random: () => number, now: number): number {
  const chance = random();
  if (chance < 0.02) return 1;
  if (chance < 0.05) return now - below(random, 20 * yearMs);
  if (chance < 0.08) return now + below(random, 20 * yearMs);
  return now - below(random, dayMs);
}

/** Hard to compress where it matters, quick to make where it is large. */
function bytesOf(random: () => number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = Math.floor(random() * 2 ** 32);
  for (let at = 0; at < length; at++) {
    state = Math.imul(state, 1_664_525) + 1_013_904_223 | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const below = (random: () => number, end: number) => Math.floor(random() * end);
