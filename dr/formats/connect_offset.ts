/**
 * Records of Connect's offsets topic, where MirrorMaker 2 keeps how far it has
 * mirrored a partition.
 *
 *     key    ["MirrorSourceConnector",{"cluster":"a","partition":0,"topic":"t"}]
 *     value  {"offset":41}      the last one mirrored: it goes on at 42
 *
 * Connect looks a position up by the bytes of its key, so a key that only means
 * the same is another one. Java's order of the fields is that of a HashMap with
 * these three names, which is the same on each JVM.
 */
import type { TopicPartition } from "../../src/kafka/mod.ts";
import { FormatError } from "./errors.ts";
import type { Entry } from "./fields.ts";

export interface SourcePosition extends TopicPartition {
  /** Alias of the source. */
  readonly cluster: string;
  /** The next upstream offset to read; null: there is no position. */
  readonly next: number | null;
}

/** What the dedicated MirrorMaker 2 calls its connector. */
export const SOURCE_CONNECTOR = "MirrorSourceConnector";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * @param connector its name, where MirrorMaker 2 runs on a Connect cluster
 * @throws {RangeError} where nothing has been mirrored yet: then there must be
 * no record
 */
export function encodeSourcePosition(
  position: SourcePosition & { readonly next: number },
  connector = SOURCE_CONNECTOR,
): Entry {
  const { next } = position;
  if (!Number.isSafeInteger(next) || next < 1) {
    throw new RangeError(`no record has been mirrored below ${next}`);
  }
  return {
    key: keyOf(position, connector),
    value: encoder.encode(JSON.stringify({ offset: next - 1 })),
  };
}

/**
 * The entry that takes a position back, as Connect's own reset does: who reads it
 * begins with the first record.
 * @param connector as in `encodeSourcePosition`
 */
export function encodeNoSourcePosition(
  partition: Omit<SourcePosition, "next">,
  connector = SOURCE_CONNECTOR,
): { readonly key: Entry["key"]; readonly value: null } {
  return { key: keyOf(partition, connector), value: null };
}

/**
 * @returns null for an entry of another connector
 * @throws {FormatError} where it is no entry at all, or none of a position
 */
export function decodeSourcePosition(
  key: Uint8Array | null,
  value: Uint8Array | null,
  connector = SOURCE_CONNECTOR,
): SourcePosition | null {
  const entry = parse(key, "the key of a source position");
  if (!Array.isArray(entry) || entry.length !== 2) {
    throw new FormatError("the key of a source position is not a pair");
  }
  const [name, fields] = entry as readonly unknown[];
  if (typeof name !== "string") {
    throw new FormatError("the key of a source position names no connector");
  }
  if (name !== connector) return null;
  if (!isObject(fields)) {
    throw new FormatError("the key of a source position has no fields");
  }
  const { cluster, partition, topic } = fields;
  if (typeof cluster !== "string" || typeof topic !== "string") {
    throw new FormatError("the key of a source position lacks a name");
  }
  if (!isPartition(partition)) {
    throw new FormatError("the key of a source position lacks a partition");
  }
  return { cluster, partition, topic, next: nextOf(value) };
}

function nextOf(value: Uint8Array | null): number | null {
  if (value === null) return null;
  const fields = parse(value, "a source position");
  if (fields === null) return null;
  if (!isObject(fields)) {
    throw new FormatError("a source position has no fields");
  }
  // A missing offset and one below 0 are no position for Java either.
  const { offset = null } = fields;
  if (offset === null) return null;
  if (!Number.isSafeInteger(offset) || offset === Number.MAX_SAFE_INTEGER) {
    throw new FormatError(`a source position has the offset ${offset}`);
  }
  return offset as number < 0 ? null : offset as number + 1;
}

const keyOf = (
  { cluster, partition, topic }: Omit<SourcePosition, "next">,
  connector: string,
) => encoder.encode(asJackson([connector, { cluster, partition, topic }]));

/** Jackson's escapes have capital digits, and so it writes what is above U+FFFF. */
function asJackson(json: unknown): string {
  const escaped = (code: number) =>
    `\\u${code.toString(16).toUpperCase().padStart(4, "0")}`;
  return JSON.stringify(json)
    .replaceAll(
      /\\(?:u([0-9a-f]{4})|.)/g,
      (whole, hex?: string) =>
        hex === undefined ? whole : escaped(parseInt(hex, 16)),
    )
    .replaceAll(
      /[\u{10000}-\u{10ffff}]/gu,
      (pair) => escaped(pair.charCodeAt(0)) + escaped(pair.charCodeAt(1)),
    );
}

function parse(bytes: Uint8Array | null, what: string): unknown {
  if (bytes === null) throw new FormatError(`${what} is missing`);
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    throw new FormatError(`${what} is not JSON`);
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isPartition = (value: unknown): value is number =>
  Number.isInteger(value) && value as number >= 0 &&
  value as number <= 0x7fff_ffff;
