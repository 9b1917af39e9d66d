/** Ways in which real topics hold logins that are none. */
import type { LoginFields } from "./login_generator.ts";
import type { Random } from "./random.ts";

export const malformedKinds = [
  /** JSON that ends in the middle. */
  "cut",
  /** A field of another type. */
  "wrong type",
  /** A field is not there. */
  "missing field",
  /** JSON, but no object. */
  "no object",
  /** Bytes that are not even UTF-8. */
  "random bytes",
  "empty",
  /** No value at all, a tombstone. */
  "null",
] as const;
export type MalformedKind = typeof malformedKinds[number];

const WRONG_TYPES: readonly Readonly<Record<string, unknown>>[] = [
  { user_id: 42 },
  { device_type: null },
  { locale: ["en"] },
  { timestamp: "yesterday" },
];
const REQUIRED = ["user_id", "device_type", "locale", "timestamp"] as const;
const NO_OBJECTS = ["null", "42", '"login"', "[]", "true"];
const RANDOM_BYTES = 64;

export function malformed(
  kind: MalformedKind,
  fields: LoginFields,
  random: Random,
): string | Uint8Array | null {
  switch (kind) {
    case "cut": {
      const whole = JSON.stringify(fields);
      return whole.slice(0, 1 + random.below(whole.length - 1));
    }
    case "wrong type":
      return JSON.stringify({ ...fields, ...random.pick(WRONG_TYPES) });
    case "missing field": {
      const missing = random.pick(REQUIRED);
      return JSON.stringify({ ...fields, [missing]: undefined });
    }
    case "no object":
      return random.pick(NO_OBJECTS);
    case "random bytes": {
      const bytes = Uint8Array.from(
        { length: RANDOM_BYTES },
        () => random.below(256),
      );
      bytes[0] = 0xff; // never begins a character
      return bytes;
    }
    case "empty":
      return "";
    case "null":
      return null;
  }
}
