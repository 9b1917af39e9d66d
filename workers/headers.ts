/** The headers that Switchyard adds to records, all named `switchyard.…`. */
import type { Batch, Header } from "../src/kafka/mod.ts";

const PREFIX = "switchyard.";

const NAMES = [
  "reason",
  // Where the record was first read.
  "topic",
  "partition",
  "offset",
  "group",
  /** Bytes of a value that was left out of its dead letter. */
  "value.omitted",
  /** On a dead letter: attempts that were made. */
  "attempts",
  /** ISO 8601. */
  "first-failure",
  // In delay topics.
  /** Of the attempt that failed last. */
  "attempt",
  /** When it may be tried again, in ms since the epoch. */
  "due",
  /** That of the original record, in ms since the epoch. */
  "timestamp",
  /** Results of an earlier attempt that are there, see done_header.ts. */
  "done",
  // See src/pool: what outputs say of their inputs.
  "before",
  "coordinates",
] as const;
export type HeaderName = typeof NAMES[number];

const OURS: ReadonlySet<string> = new Set(NAMES.map((name) => PREFIX + name));

export const headerKey = (name: HeaderName) => PREFIX + name;

export const header = (name: HeaderName, value: string | number): Header => ({
  key: headerKey(name),
  value: String(value),
});

const decoder = new TextDecoder();

/**
 * Reads our headers of a record; undefined where it has none of that name. Ours
 * are the last ones, and the reason is the first of them: those that it came with
 * may have the same names.
 */
export function ourHeaders(
  batch: Batch,
  index: number,
): (name: HeaderName) => string | undefined {
  const found = new Map<string, string>();
  for (const { key, value } of batch.headers(index)) {
    if (key === headerKey("reason")) found.clear();
    if (value !== null && OURS.has(key)) found.set(key, decoder.decode(value));
  }
  return (name) => found.get(headerKey(name));
}
