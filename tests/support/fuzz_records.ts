/**
 * Logins as no producer should send them, as a pure function of (seed, index).
 *
 * Most begin as a valid login with its index as `event_id`, and then something
 * happens to it. What must come of the result is computed from its bytes, so a
 * mutation that turns out to be harmless is expected to be processed.
 */
import { type Expected, expectedLogin, type Inputs } from "./job_checker.ts";
import { seededRandom } from "./load.ts";
import { loginFields } from "./login_fixture.ts";

export interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
}

type Fields = Record<string, unknown>;

interface Kind {
  /** How often, in relation to the others. */
  readonly share: number;
  readonly make: (login: Fields, chance: Chance) => Uint8Array | null;
  /** Even a valid one may be more than the runtime or the cluster takes. */
  readonly mayBeRefused?: true;
}

const kinds: readonly Kind[] = [
  { share: 400, make: json },
  { share: 200, make: (_, chance) => chance.bytes(chance.below(400)) },
  { share: 200, make: cut },
  { share: 200, make: flipped },
  { share: 100, make: badUtf8 },
  { share: 100, make: () => null },
  { share: 100, make: () => new Uint8Array(0) },
  { share: 200, make: wrongType },
  { share: 100, make: without },
  { share: 200, make: oddNumber },
  { share: 200, make: oddText },
  { share: 100, make: notAnObject },
  { share: 100, make: (login) => joined([0xef, 0xbb, 0xbf], json(login)) },
  { share: 50, make: utf16 },
  { share: 100, make: duplicateKey },
  { share: 100, make: oddKey },
  { share: 100, make: notQuiteJson },
  { share: 50, make: manyFields },
  { share: 50, make: (login, chance) => nested(login, chance.below(100)) },
  // Deeper than JSON.stringify can follow, where the stack is of usual size.
  { share: 3, make: (login) => nested(login, 100_000), mayBeRefused: true },
  { share: 1, make: (login, chance) => large(login, 900_000, chance) },
  // About as much as a broker takes by default, and what has no room for more.
  {
    share: 1,
    make: (login, chance) => large(login, 1_046_000, chance),
    mayBeRefused: true,
  },
  // The key of its output is as large as its value.
  {
    share: 1,
    make: (login) => json({ ...login, user_id: "x".repeat(800_000) }),
    mayBeRefused: true,
  },
];
const totalShare = kinds.reduce((sum, { share }) => sum + share, 0);

const encoder = new TextEncoder();

export function fuzzInputs({ seed, count }: FuzzOptions): Inputs {
  const startMs = Date.now();
  // Both functions are asked for the same index, one after the other.
  let lastIndex = -1;
  let last: ReturnType<typeof fuzzRecord>;
  const make = (index: number) => {
    if (index !== lastIndex) last = fuzzRecord(index, seed);
    lastIndex = index;
    return last;
  };
  return {
    count,
    record(index) {
      const { key, value, headers } = make(index);
      return { key, value, headers, timestampMs: startMs + index % 1000 };
    },
    expected: (index) => make(index).expected,
  };
}

function fuzzRecord(index: number, seed: number) {
  const chance = new Chance(seed, index);
  const login: Fields = { ...loginFields(index, { seed, users: 500 }) };
  const { make, mayBeRefused } = chance.kind();
  let value = make(login, chance);
  let expected: Expected = expectedLogin(value);
  if (expected.kind === "output") {
    if (expected.fields.event_id !== index) {
      // By accident it would become the output of another index, or of none.
      value = encoder.encode("{");
      expected = { kind: "dead letter" };
    } else if (mayBeRefused) {
      expected = { kind: "either" };
    }
  }
  const key = chance.of([
    () => encoder.encode(String(login.user_id)),
    () => chance.bytes(chance.below(20)),
    () => null,
  ])();
  return { key, value, headers: oddHeaders(chance), expected };
}

/** Seeded choices for one record. */
class Chance {
  readonly #random: () => number;

  constructor(seed: number, index: number) {
    this.#random = seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ index);
  }

  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }

  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }

  kind(): Kind {
    let left = this.below(totalShare);
    return kinds.find(({ share }) => (left -= share) < 0)!;
  }
}

function json(login: Fields): Uint8Array {
  return encoder.encode(JSON.stringify(login));
}

function cut(login: Fields, chance: Chance): Uint8Array {
  const whole = json(login);
  return whole.subarray(0, chance.below(whole.length));
}

function flipped(login: Fields, chance: Chance): Uint8Array {
  const bytes = json(login);
  bytes[chance.below(bytes.length)]! ^= 1 << chance.below(8);
  return bytes;
}

/** Inside a text, where a lenient decoder would let it pass. */
function badUtf8(login: Fields, chance: Chance): Uint8Array {
  const marked = json({ ...login, device_type: "a?" });
  const at = new TextDecoder().decode(marked).indexOf("a?") + 1;
  const bad = chance.of([
    [0xff],
    [0xc0, 0x80], // NUL, too long
    [0xe2, 0x82], // cut short
    [0xed, 0xa0, 0x80], // a surrogate
    [0xf4, 0x90, 0x80, 0x80], // beyond the last character
    [0x80],
  ]);
  return joined(marked.subarray(0, at), bad, marked.subarray(at + 1));
}

function wrongType(login: Fields, chance: Chance): Uint8Array {
  const name = chance.of(Object.keys(login));
  const value = chance.of([null, true, 7, "7", "", [], {}, [login.user_id]]);
  return json({ ...login, [name]: value });
}

function without(login: Fields, chance: Chance): Uint8Array {
  return json({ ...login, [chance.of(Object.keys(login))]: undefined });
}

function oddNumber(login: Fields, chance: Chance): Uint8Array {
  const name = chance.of(["timestamp", "extra"]);
  const number = chance.of([
    "1e400",
    "-1e400",
    "1e308",
    "5e-324",
    "9007199254740993",
    "123456789012345678901234567890",
    "-0",
    "-1",
    "0",
    "0.1",
    "1694479551.123456789",
    "8640000000000",
    "8640000000000.001",
    "8640000000001",
    "1E3",
    "01",
    "+1",
    ".5",
    "NaN",
    "Infinity",
  ]);
  const rest = JSON.stringify({ ...login, [name]: undefined }).slice(1);
  return encoder.encode(`{"${name}":${number},${rest}`);
}

function oddText(login: Fields, chance: Chance): Uint8Array {
  const name = chance.of([
    "user_id",
    "device_type",
    "locale",
    "app_version",
    "extra",
  ]);
  const text = chance.of([
    String.raw`\ud800`,
    String.raw`a\udc00b`,
    String.raw`\ud83d\ude00`,
    String.raw`\u0000`,
    "\u{1f600}".repeat(50),
    "\ufffd",
    "\u2028",
    "\u0130I\u0131i\u00df\ufb01",
    "\u00a0\ufeff Android \u3000",
    " ".repeat(1000),
    "\n",
    String.raw`\x`,
    String.raw`\"\\\/`,
    "__proto__",
  ]);
  const rest = JSON.stringify({ ...login, [name]: undefined }).slice(1);
  return encoder.encode(`{"${name}":"${text}",${rest}`);
}

function notAnObject(login: Fields, chance: Chance): Uint8Array {
  const value = chance.of([
    null,
    true,
    0,
    "text",
    [],
    [login],
    JSON.stringify(login),
  ]);
  return encoder.encode(JSON.stringify(value));
}

function utf16(login: Fields): Uint8Array {
  const units = Array.from(
    JSON.stringify(login),
    (unit) => unit.charCodeAt(0),
  );
  return new Uint8Array(Uint16Array.from(units).buffer);
}

/** The last one wins, in JavaScript as in most languages. */
function duplicateKey(login: Fields, chance: Chance): Uint8Array {
  const name = chance.of(Object.keys(login));
  const other = JSON.stringify(chance.of<unknown>([login[name], 1, "x", null]));
  const text = JSON.stringify(login);
  return encoder.encode(
    chance.of([
      `{"${name}":${other},${text.slice(1)}`,
      `${text.slice(0, -1)},"${name}":${other}}`,
    ]),
  );
}

function oddKey(login: Fields, chance: Chance): Uint8Array {
  const name = chance.of([
    "__proto__",
    "constructor",
    "prototype",
    "toString",
    "hasOwnProperty",
    "then",
    "",
    "0",
    "4294967295",
    "\ud800",
    "login_at",
    "processed_at",
  ]);
  const value = chance.of(["x", 1, null, { user_id: "other" }, []]);
  const pair = `${JSON.stringify(name)}:${JSON.stringify(value)}`;
  return encoder.encode(`{${pair},${JSON.stringify(login).slice(1)}`);
}

function notQuiteJson(login: Fields, chance: Chance): Uint8Array {
  const text = JSON.stringify(login);
  return encoder.encode(chance.of([
    ` \n\t${text}\r\n `,
    `${text}${text}`,
    `${text}\n${text}`,
    `${text.slice(0, -1)},}`,
    `/* login */${text}`,
    text.replaceAll('"', "'"),
    `${text}\0`,
    `\0${text}`,
    text.replace(",", ",\u00a0"),
  ]));
}

function manyFields(login: Fields, chance: Chance): Uint8Array {
  const more = Array.from(
    { length: chance.below(1000) },
    (_, at) => [`field-${at}`, at],
  );
  return json({ ...login, ...Object.fromEntries(more) });
}

function nested(login: Fields, depth: number): Uint8Array {
  const text = JSON.stringify(login);
  return encoder.encode(
    `${text.slice(0, -1)},"deep":${"[".repeat(depth)}${"]".repeat(depth)}}`,
  );
}

function large(login: Fields, size: number, chance: Chance): Uint8Array {
  const name = chance.of(["extra", "device_type"]);
  return json({ ...login, [name]: "x".repeat(size) });
}

function oddHeaders(chance: Chance) {
  if (chance.below(4) > 0) return [];
  return Array.from({ length: chance.below(4) }, () => ({
    name: chance.of(["a", "a", "", "switchyard.reason", "\u{1f600}"]),
    value: chance.of([null, new Uint8Array(0), chance.bytes(9)]),
  }));
}

function joined(
  ...parts: readonly (Uint8Array | readonly number[])[]
): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
