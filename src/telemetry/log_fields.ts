/** Makes what callers log safe to print and to send to another thread. */
import { withoutCredentials } from "../config/given.ts";
import { looksSecret } from "../config/properties.ts";

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

/**
 * A copy as plain data. Secrets become `***`: fields by their name (as in
 * `sasl.password`), user names and passwords inside URLs. Deep, long and large
 * values are cut, so that no record of 1 MB ends up in the log.
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
  error: Error,
  stacks: boolean,
  depth: number,
): PlainValue {
  return {
    ...plainObject(error, stacks, depth),
    name: error.name,
    message: plainText(error.message),
    ...(stacks && error.stack !== undefined
      ? { stack: plainText(error.stack) }
      : {}),
    ...(error.cause === undefined
      ? {}
      : { cause: plainValue(error.cause, stacks, depth + 1) }),
  };
}

function plainText(text: string): string {
  const shown = withoutCredentials(
    text.length <= MOST_CHARACTERS ? text : text.slice(0, MOST_CHARACTERS),
  );
  return text.length <= MOST_CHARACTERS ? shown : `${shown}…`;
}
