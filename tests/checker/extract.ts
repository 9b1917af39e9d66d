/** What the check wants to know of a record as a client reads it. */
import type { KafkaRecord } from "../support/independent_client.ts";
import type { Role, Seen } from "./observation.ts";
import type { Id } from "./report.ts";

/** Where a record says which input it is, or comes from. */
export type IdSource =
  /** A field of the value, which is JSON; a path into objects. */
  | { readonly kind: "json"; readonly path: readonly string[] }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "key" };

export interface ReadOptions {
  /** Tried in turn, on every record. Default: the field `event_id`. */
  readonly id?: readonly IdSource[];
  /** Which output of its input a record is, from 0; see `outputsOf`. */
  readonly ordinal?: (record: KafkaRecord) => number;
  /**
   * Says what is wrong with an output, dead letter or delayed record of this
   * input. Default: nothing is.
   */
  readonly judge?: (
    id: Id,
    role: Exclude<Role, "input">,
    record: KafkaRecord,
  ) => string | undefined;
}

const DEFAULT_ID: readonly IdSource[] = [{ kind: "json", path: ["event_id"] }];

/**
 * Of `json:event_id`, `json:user.id`, `header:index` or `key`.
 * @throws {RangeError} for another text.
 */
export function idSource(text: string): IdSource {
  if (text === "key") return { kind: "key" };
  const [, kind, name] = /^(json|header):(.+)$/.exec(text) ?? [];
  if (kind === undefined || name === undefined) {
    throw new RangeError(`"${text}" is not json:FIELD, header:NAME or key`);
  }
  return kind === "header"
    ? { kind, name }
    : { kind: "json", path: name.split(".") };
}

export type Extract = (
  topic: string,
  role: Role,
  record: KafkaRecord,
) => Seen;

export function extractor(options: ReadOptions = {}): Extract {
  const { id: sources = DEFAULT_ID, judge, ordinal } = options;
  return (topic, role, record) => {
    const { partition, offset } = record;
    const id = idOf(record, sources) ?? placeIdOf(topic, role, record);
    return {
      topic,
      partition,
      offset,
      id,
      key: record.key === null ? null : textOf(record.key),
      fingerprint: fingerprintOf(record),
      ordinal: role === "output" ? ordinal?.(record) : undefined,
      problem: role === "input" || id === null
        ? undefined
        : judge?.(id, role, record),
    };
  };
}

function idOf(record: KafkaRecord, sources: readonly IdSource[]): Id | null {
  for (const source of sources) {
    const id = idFrom(record, source);
    if (id !== null) return id;
  }
  return null;
}

function idFrom(record: KafkaRecord, source: IdSource): Id | null {
  switch (source.kind) {
    case "key":
      return record.key === null ? null : idOfText(textOf(record.key));
    case "header": {
      const value = headerOf(record, source.name);
      return value === null ? null : idOfText(value);
    }
    case "json":
      return record.value === null
        ? null
        : idOfField(record.value, source.path);
  }
}

/**
 * An input without an id is known by its place, which its dead letter and its
 * delayed records say in their headers.
 */
function placeIdOf(topic: string, role: Role, record: KafkaRecord): Id | null {
  if (role === "input") {
    return `${topic} [${record.partition}] @${record.offset}`;
  }
  if (role === "output") return null;
  const [origin, partition, offset] = ["topic", "partition", "offset"]
    .map((name) => headerOf(record, `switchyard.${name}`));
  return origin === null || partition === null || offset === null
    ? null
    : `${origin} [${partition}] @${offset}`;
}

function idOfField(value: Uint8Array, path: readonly string[]): Id | null {
  let field: unknown;
  try {
    field = JSON.parse(strictDecoder.decode(value));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return null;
    throw error;
  }
  for (const name of path) {
    if (typeof field !== "object" || field === null) return null;
    field = (field as Record<string, unknown>)[name];
  }
  if (typeof field === "number") return idOfText(String(field));
  return typeof field === "string" ? idOfText(field) : null;
}

function idOfText(text: string): Id {
  const number = Number(text);
  const isPlain = Number.isSafeInteger(number) && number >= 0 &&
    String(number) === text;
  return isPlain ? number : text;
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true });

/** Of bytes that are no text in hexadecimal, so that different ones differ. */
function textOf(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return `0x${bytes.toHex()}`;
  }
}

/** The last one of this name. */
function headerOf({ headers }: KafkaRecord, name: string): string | null {
  const value = headers.findLast((each) => each.name === name)?.value;
  return value ? textOf(value) : null;
}

/** A hash of key, value and time; headers are too slow to be worth it. */
function fingerprintOf({ key, value, timestampMs }: KafkaRecord): number {
  return hash(hash(timestampMs | 0, key), value);
}

function hash(start: number, bytes: Uint8Array | null): number {
  if (bytes === null) return Math.imul(start ^ 0x5bd1e995, 0x01000193);
  let mixed = Math.imul(start ^ bytes.length, 0x85ebca6b);
  let at = 0;
  for (; at + 4 <= bytes.length; at += 4) {
    const word = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 |
      bytes[at + 3]! << 24;
    mixed = Math.imul(mixed ^ word, 0x01000193);
    mixed ^= mixed >>> 15;
  }
  for (; at < bytes.length; at++) {
    mixed = Math.imul(mixed ^ bytes[at]!, 0x01000193);
  }
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
