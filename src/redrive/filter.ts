/** Which dead letters are meant: `reason~=timeout`, `offset>=100`. Pure. */

/** What a filter can see of a dead letter. */
export interface Seen {
  /** Where it lies in the dead-letter topic. */
  readonly partition: number;
  readonly offset: number;
  /** Of the original record, in ms since the epoch. */
  readonly timestampMs: number;
  readonly key: string | null;
  readonly reason: string;
  /** Where the original record was read; null: its headers do not say. */
  readonly topic: string | null;
  readonly sourcePartition: number | null;
  readonly sourceOffset: number | null;
}

export type Filter = (seen: Seen) => boolean;

/** An expression that says nothing; the message says what it could say. */
export class FilterError extends Error {
  override readonly name = "FilterError";
}

const FIELDS = {
  reason: { kind: "text", of: (seen: Seen) => seen.reason },
  key: { kind: "text", of: (seen: Seen) => seen.key },
  topic: { kind: "text", of: (seen: Seen) => seen.topic },
  partition: { kind: "number", of: (seen: Seen) => seen.partition },
  offset: { kind: "number", of: (seen: Seen) => seen.offset },
  "source.partition": {
    kind: "number",
    of: (seen: Seen) => seen.sourcePartition,
  },
  "source.offset": { kind: "number", of: (seen: Seen) => seen.sourceOffset },
  time: { kind: "time", of: (seen: Seen) => seen.timestampMs },
} as const;
type FieldName = keyof typeof FIELDS;

const EXPRESSION = /^([a-z.]+)(~=|!=|<=|>=|=|<|>)(.*)$/s;

/**
 * Reads `FIELD OPERATOR VALUE`, without spaces. Text has `=`, `!=` and `~=` (a
 * regular expression that matches anywhere); numbers and times have `=`, `!=`,
 * `<`, `<=`, `>` and `>=`. What a dead letter does not say is like nothing.
 * @throws {FilterError}
 */
export function parseFilter(expression: string): Filter {
  const [, name = "", operator = "", value = ""] =
    EXPRESSION.exec(expression) ?? [];
  if (!Object.hasOwn(FIELDS, name)) {
    throw new FilterError(
      `--filter takes FIELD=VALUE with one of ${
        Object.keys(FIELDS).join(", ")
      }, not "${expression}"`,
    );
  }
  const { kind, of } = FIELDS[name as FieldName];
  const refuse = (what: string) =>
    new FilterError(`--filter ${name} takes ${what}, not "${expression}"`);
  if (kind === "text") {
    const matches = textTest(operator, value);
    if (matches === null) throw refuse("=, != or ~= and a regular expression");
    return (seen) => matches(of(seen) as string | null);
  }
  const number = kind === "time" ? Date.parse(value) : wholeNumber(value);
  const compare = COMPARISONS[operator];
  if (compare === undefined || Number.isNaN(number)) {
    throw refuse(
      kind === "time"
        ? "=, !=, <, <=, > or >= and a time such as 2026-01-31T12:00:00Z"
        : "=, !=, <, <=, > or >= and a whole number",
    );
  }
  return (seen) => {
    const is = of(seen) as number | null;
    return is === null ? operator === "!=" : compare(is, number);
  };
}

/** All of them must hold. */
export function parseFilters(expressions: readonly string[]): Filter {
  const filters = expressions.map(parseFilter);
  return (seen) => filters.every((each) => each(seen));
}

const COMPARISONS: Readonly<
  Record<string, (is: number, value: number) => boolean>
> = {
  "=": (is, value) => is === value,
  "!=": (is, value) => is !== value,
  "<": (is, value) => is < value,
  "<=": (is, value) => is <= value,
  ">": (is, value) => is > value,
  ">=": (is, value) => is >= value,
};

function textTest(
  operator: string,
  value: string,
): ((text: string | null) => boolean) | null {
  switch (operator) {
    case "=":
      return (text) => text === value;
    case "!=":
      return (text) => text !== value;
    case "~=":
      try {
        const pattern = new RegExp(value);
        return (text) => text !== null && pattern.test(text);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        return null;
      }
    default:
      return null;
  }
}

const wholeNumber = (text: string) => /^\d+$/.test(text) ? Number(text) : NaN;
