/**
 * Logins as an app's servers would send them: a population of users, each with
 * their own devices, language and network; some log in more often. Nothing here
 * has a state or a clock: the same stream and index give the same login.
 */
import { malformed, type MalformedKind, malformedKinds } from "./malformed.ts";
import { Random } from "./random.ts";

export interface LoginStream {
  /** Any whole number below 2^32. */
  readonly seed: number;
  /** The share of logins that are malformed, 0 to 1. */
  readonly malformed: number;
  /** When the first one happens, in seconds since the epoch. */
  readonly startSeconds: number;
  /** How many happen in a second. */
  readonly perSecond: number;
}

export interface Login {
  /** The user's id, of malformed ones too. */
  readonly key: string;
  readonly value: string | Uint8Array | null;
  /** What is wrong with it. */
  readonly malformed?: MalformedKind;
}

/** The fields of a login, as they should be. */
export interface LoginFields {
  readonly user_id: string;
  readonly app_version: string;
  readonly device_type: string;
  readonly ip: string;
  readonly locale: string;
  readonly device_id: string;
  /** Seconds since the epoch. */
  readonly timestamp: number;
}

/** No key and value together have more bytes than this; a test sees to it. */
export const MOST_LOGIN_BYTES = 300;

const USERS = 50_000;
const MOST_DEVICES = 3;
/** Apps that were offline send their logins up to this late. */
const LATEST_SECONDS = 30;

const DEVICES = [
  ["android", "2.3.0", "2.4.1", "2.4.2", "2.5.0"],
  ["iOS", "2.3.0", "2.4.0", "2.5.0", "2.5.1"],
  ["web", "2.5.1", "2.5.2"],
  ["windows", "1.9.4", "2.0.0"],
  ["macOS", "1.9.4", "2.0.1"],
  ["smart-tv", "1.2.0"],
] as const;
const LOCALES = ["de", "en", "es", "fr", "hi", "id", "ja", "ko", "pt", "tr"];

/** The login with this index, from 0 to 2^32 - 1. */
export function loginAt(stream: LoginStream, index: number): Login {
  const random = new Random(stream.seed, index);
  const isMalformed = random.chance(stream.malformed);
  // The square makes low numbers more frequent: some users log in more often.
  const user = Math.floor(random.next() ** 2 * USERS);
  const happened = stream.startSeconds + Math.floor(index / stream.perSecond);
  const fields = loginOf(stream.seed, user, happened, random);
  if (!isMalformed) return { key: fields.user_id, value: stringify(fields) };
  const kind = random.pick(malformedKinds);
  return {
    key: fields.user_id,
    value: malformed(kind, fields, random),
    malformed: kind,
  };
}

function loginOf(
  seed: number,
  user: number,
  happened: number,
  random: Random,
): LoginFields {
  const person = new Random(~seed, user);
  const user_id = person.uuid();
  const locale = person.pick(LOCALES);
  const network = person.bits();
  const device = random.below(1 + person.below(MOST_DEVICES));
  const gadget = new Random(~seed, USERS + user * MOST_DEVICES + device);
  const [type, ...versions] = gadget.pick(DEVICES);
  return {
    user_id,
    app_version: random.pick(versions),
    device_type: carelessly(type, random),
    ip: addressIn(network, random),
    locale: random.chance(0.5) ? locale : mixedCase(locale, random),
    device_id: gadget.uuid(),
    timestamp: happened - random.below(LATEST_SECONDS),
  };
}

/** As apps write it that nobody checked: stray capitals and spaces. */
function carelessly(text: string, random: Random): string {
  switch (random.below(8)) {
    case 0:
      return text.toUpperCase();
    case 1:
      return mixedCase(text, random);
    case 2:
      return ` ${text}`;
    case 3:
      return `${text}  `;
    default:
      return text;
  }
}

function mixedCase(text: string, random: Random): string {
  const bits = random.bits();
  return Array.from(
    text,
    (letter, at) => (bits >>> at) & 1 ? letter.toUpperCase() : letter,
  ).join("");
}

/** Somewhere in a user's own network; one in ten has IPv6. */
function addressIn(network: number, random: Random): string {
  const host = 1 + random.below(254);
  if (network % 10 === 0) {
    // 2001:db8::/32 is set aside for examples.
    return `2001:db8:${(network >>> 16).toString(16)}::${host.toString(16)}`;
  }
  // First number 20 to 99, so neither private nor multicast nor loopback.
  const first = 20 + (network >>> 24) % 80;
  return `${first}.${network >>> 16 & 255}.${network >>> 8 & 255}.${host}`;
}

/** `JSON.stringify` at a third of its cost; no field needs escapes. */
function stringify(login: LoginFields): string {
  return `{"user_id":"${login.user_id}","app_version":"${login.app_version}",` +
    `"device_type":"${login.device_type}","ip":"${login.ip}",` +
    `"locale":"${login.locale}","device_id":"${login.device_id}",` +
    `"timestamp":${login.timestamp}}`;
}
