/** Makes what callers log safe to print and to send to another thread. */
import { withoutCredentials } from "../config/given.ts";
import { looksSecret } from "../config/properties.ts";
import { errorText, stackOf, withoutQuotes } from "./log_errors.ts";

/** Plain data: what JSON can hold. */
export type PlainValue =
  | string
  | number
  | boolean
  | null
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

const DEEPEST = 5;
const MOST_CHARACTERS = 2000;
const MOST_ENTRIES = 100;
/** What an identity provider hands out. */
const TOKEN = /\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g;

/**
 * A copy as plain data. Secrets become `***`: fields by their name (as in
 * `sasl.password`), user names and passwords inside URLs, tokens. Of errors
 * only what is named here is kept, since others put into them what they were
 * working on. Deep, long and large values are cut, so that no record of 1 MB
 * ends up in the log.
 *
 * @param stacks whether errors keep their stack
 */
export function plainFields(
  fields: Readonly<Record<string, unknown>>,
  stacks: boolean,
): { readonly [name: string]: PlainValue } {
  return plainObject(fields, stacks, 0);
}

function plainObject(
  value: object,
  stacks: boolean,
  depth: number,
): { readonly [name: string]: PlainValue } {
  const entries = Object.entries(value)
    .filter(([, each]) => each !== undefined)
    .slice(0, MOST_ENTRIES)
    .map(([name, each]): [string, PlainValue] => [
      name,
      looksSecret(name) ? "***" : plainValue(each, stacks, depth + 1),
    ]);
  return Object.fromEntries(entries);
}

function plainValue(
  value: unknown,
  stacks: boolean,
  depth: number,
): PlainValue {
  switch (typeof value) {
    case "string":
      return plainText(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      break;
    default:
      return String(value);
  }
  if (value === null) return null;
  if (depth > DEEPEST) return "…";
  if (value instanceof Error) return plainError(value, stacks, depth);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (value instanceof Date || value instanceof URL) {
    return plainText(String(value.toJSON()));
  }
  if (Array.isArray(value)) {
    return value.slice(0, MOST_ENTRIES)
      .map((each) => plainValue(each, stacks, depth + 1));
  }
  return plainObject(value, stacks, depth);
}

function plainError(
  error: Error & { readonly codeName?: unknown },
  stacks: boolean,
  depth: number,
): PlainValue {
  const { cause, codeName } = error;
  const stack = stacks ? stackOf(error) : undefined;
  return {
    ...(typeof codeName === "string" ? { codeName } : {}),
    name: error.name,
    message: plainText(errorText(error)),
    ...(stack === undefined ? {} : { stack: plainText(stack) }),
    ...(cause === undefined
      ? {}
      : { cause: plainValue(cause, stacks, depth + 1) }),
  };
}

export function plainText(text: string): string {
  const unquoted = withoutQuotes(text);
  const isLong = unquoted.length > MOST_CHARACTERS;
  const cut = isLong ? unquoted.slice(0, MOST_CHARACTERS) : unquoted;
  const shown = withoutCredentials(cut).replace(TOKEN, "***");
  return isLong ? `${shown}…` : shown;
}
