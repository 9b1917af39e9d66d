/** Keeps known secrets out of lines, whoever wrote them: also librdkafka. */
import type { LogLine } from "./log.ts";
import type { PlainValue } from "./log_fields.ts";

/** Shorter ones would blank out ordinary words, and hide nothing. */
const SHORTEST = 4;

export class SecretMask {
  readonly #pattern: RegExp | null;

  constructor(secrets: readonly string[]) {
    const long = secrets.filter((each) => each.length >= SHORTEST)
      // A secret may begin with another one.
      .toSorted((a, b) => b.length - a.length);
    this.#pattern = long.length === 0
      ? null
      : new RegExp(long.map(RegExp.escape).join("|"), "g");
  }

  /** The same line where there is nothing to hide. */
  line(line: LogLine): LogLine {
    const pattern = this.#pattern;
    if (pattern === null) return line;
    return {
      ...line,
      message: line.message.replace(pattern, "***"),
      fields: masked(line.fields, pattern) as LogLine["fields"],
    };
  }
}

function masked(value: PlainValue, pattern: RegExp): PlainValue {
  if (typeof value === "string") return value.replace(pattern, "***");
  if (typeof value !== "object" || value === null) return value;
  if (isList(value)) return value.map((each) => masked(each, pattern));
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, masked(each, pattern)]),
  );
}

const isList = (value: object): value is readonly PlainValue[] =>
  Array.isArray(value);
