/**
 * User logins as a pure function of (seed, index): a producer sends them, and an
 * independent check makes them again instead of remembering them.
 */

/** Why a record cannot be processed; `valid` ones can. */
export type LoginKind = "valid" | MalformedKind;

const malformedKinds = [
  "null value",
  "empty value",
  "not JSON",
  "cut JSON",
  "bad UTF-8",
  "no user_id",
  "timestamp is text",
  "an array",
] as const;
export type MalformedKind = typeof malformedKinds[number];

export interface LoginFixtureOptions {
  readonly seed: number;
  /** Between 0 (default) and 1. */
  readonly malformedShare?: number;
  /** How many users log in, hence different keys; default 10,000. */
  readonly users?: number;
}

/** The fields in the order in which they stand in the JSON. */
export interface LoginFields {
  readonly user_id: string;
  readonly app_version: string;
  /** Mixed case, some with spaces around. */
  readonly device_type: string;
  readonly ip: string;
  /** Mixed case. */
  readonly locale: string;
  readonly device_id: string;
  /** Seconds since 1970. */
  readonly timestamp: number;
  /** The record's index: grows with each login of one user. */
  readonly event_id: number;
  readonly network: string;
  readonly os_version: string;
  readonly sdk: string;
}

export interface LoginRecord {
  /** The user's id, of malformed records too. */
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly kind: LoginKind;
}

const deviceTypes = ["Android", " Android", "iOS", "ios ", "WEB", " Web "];
const locales = ["RU", "en_us", "de", "pt_BR", "Fr", "ja_JP", "Hi", "es_mx"];
const networks = ["wifi", "cellular-4g", "cellular-5g", "ethernet"];
const firstTimestamp = 1_694_479_551;

const encoder = new TextEncoder();

/** About 255 bytes of value when it is valid. */
export function loginRecord(
  index: number,
  options: LoginFixtureOptions,
): LoginRecord {
  const { userId, json } = login(index, options);
  const kind = loginKind(index, options);
  return {
    key: userId,
    value: kind === "valid" ? encode(json) : malformedValue(kind, json),
    kind,
  };
}

/** All records with an index from `first` (default 0) up to below `end`. */
export function* loginRecords(
  end: number,
  options: LoginFixtureOptions,
  first = 0,
): Generator<LoginRecord> {
  for (let index = first; index < end; index++) {
    yield loginRecord(index, options);
  }
}

/** What the record says if it is valid, or would say. */
export function loginFields(
  index: number,
  options: LoginFixtureOptions,
): LoginFields {
  return JSON.parse(login(index, options).json);
}

export function loginKind(
  index: number,
  { seed, malformedShare = 0 }: LoginFixtureOptions,
): LoginKind {
  const random = mix(seed, index, 5);
  if (random >= malformedShare * 2 ** 32) return "valid";
  return malformedKinds[mix(seed, index, 6) % malformedKinds.length]!;
}

function malformedValue(kind: MalformedKind, json: string): Uint8Array | null {
  const fields: LoginFields = JSON.parse(json);
  switch (kind) {
    case "null value":
      return null;
    case "empty value":
      return new Uint8Array(0);
    case "not JSON":
      return encode(`login of ${fields.user_id}`);
    case "cut JSON":
      return encode(json.slice(0, 100));
    case "bad UTF-8": {
      const bytes = encode(json);
      // Instead of the brace: no decoder, however lenient, can repair it.
      bytes[0] = 0xff;
      return bytes;
    }
    case "no user_id":
      return encode(JSON.stringify({ ...fields, user_id: undefined }));
    case "timestamp is text":
      return encode(JSON.stringify({ ...fields, timestamp: "now" }));
    case "an array":
      return encode(`[${json}]`);
  }
}

function login(
  index: number,
  { seed, users = 10_000 }: LoginFixtureOptions,
): { readonly userId: string; readonly json: string } {
  const random = mix(seed, index, 1);
  const { userId, before, after } = user(seed, random % users);
  const network = networks[(random >>> 8) % networks.length];
  // By hand, because millions of them are made.
  const json = `${before},"timestamp":${firstTimestamp + index}` +
    `,"event_id":${index},"network":"${network}"${after}`;
  return { userId, json };
}

/** What all logins of a user share, as JSON before and after the rest. */
interface User {
  readonly userId: string;
  readonly before: string;
  readonly after: string;
}

/** Saves most of the work; of one seed, and bounded. */
let knownUsers: (User | undefined)[] = [];
let knownSeed: number | undefined;
const mostKnownUsers = 100_000;

function user(seed: number, number: number): User {
  if (seed !== knownSeed) {
    knownUsers = [];
    knownSeed = seed;
  }
  return number < mostKnownUsers
    ? knownUsers[number] ??= makeUser(seed, number)
    : makeUser(seed, number);
}

function makeUser(seed: number, number: number): User {
  const a = mix(seed, number, 2);
  const b = mix(seed, number, 3);
  const c = mix(seed, number, 4);
  const userId = uuid(number, a, b);
  const before = JSON.stringify({
    user_id: userId,
    app_version: `2.${a % 10}.${b % 10}`,
    device_type: deviceTypes[c % deviceTypes.length],
    ip: `199.${100 + a % 100}.${100 + b % 100}.${100 + c % 100}`,
    locale: locales[b % locales.length],
    device_id: `${digits(c, 3)}-${digits(a, 2)}-${digits(b, 4)}`,
  });
  const after = JSON.stringify({
    os_version: `${10 + a % 8}.${b % 10}.${c % 10}`,
    sdk: `4.${c % 10}`,
  });
  return { userId, before: before.slice(0, -1), after: `,${after.slice(1)}` };
}

let pool = new Uint8Array(0);

/** Many values share a buffer: `TextEncoder.encode` takes twenty times longer. */
function encode(text: string): Uint8Array {
  const most = 3 * text.length;
  if (pool.length < most) pool = new Uint8Array(1 << 16);
  const { written } = encoder.encodeInto(text, pool);
  const value = pool.subarray(0, written);
  pool = pool.subarray(written);
  return value;
}

/** A version 4 UUID that differs for every user. */
function uuid(number: number, first: number, second: number): string {
  const a = hex(first, 8);
  const b = hex(second, 8);
  return `${a}-${b.slice(0, 4)}-4${b.slice(4, 7)}-8${b.slice(5)}-${
    hex(number, 12)
  }`;
}

function hex(value: number, length: number): string {
  return value.toString(16).padStart(length, "0");
}

function digits(value: number, length: number): string {
  return String(value % 10 ** length).padStart(length, "0");
}

/** 32 random-looking bits of three numbers (the finish of MurmurHash3). */
function mix(seed: number, index: number, salt: number): number {
  let hash = Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b) ^
    Math.imul(salt, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
