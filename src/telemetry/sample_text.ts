/** A record and what became of it, in a line each. */
import type { Sample } from "../pool/status.ts";
import { fit, printable } from "./cells.ts";
import type { Span } from "./paint.ts";

export interface SampleText {
  readonly input: readonly Span[];
  /** What the output says that the input does not, or all of it. */
  readonly output: readonly Span[];
  /** Fields of the output that are as they were. */
  readonly unchanged: number;
}

type Fields = Readonly<Record<string, unknown>>;

/** An ISO date with milliseconds, in quotes. */
const VALUE_CELLS = 26;

/**
 * Of two JSON objects, the fields that differ come first and are all that the
 * output shows: lines are too short for the rest. Anything else is as it was.
 */
export function sampleText({ input, output }: Sample): SampleText {
  const before = fieldsOf(input);
  const after = fieldsOf(output);
  if (before === null || after === null) {
    return {
      input: before === null ? raw(input) : spans(Object.entries(before)),
      output: output === null ? [["nothing", "dim"]] : raw(output),
      unchanged: 0,
    };
  }
  const differs = ([name]: [string, unknown]) =>
    JSON.stringify(before[name]) !== JSON.stringify(after[name]);
  const { changed = [], same = [] } = Object.groupBy(
    Object.entries(before),
    (entry) => differs(entry) ? "changed" : "same",
  );
  return {
    input: spans([...changed, ...same]),
    output: spans(Object.entries(after).filter(differs)),
    unchanged: same.length,
  };
}

function fieldsOf(text: string | null): Fields | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? value as Fields
      : null;
  } catch {
    return null;
  }
}

function spans(entries: readonly [string, unknown][]): Span[] {
  return entries.flatMap(([name, value]): Span[] => [
    [`${printable(name)} `, "dim"],
    `${fit(printable(JSON.stringify(value) ?? ""), VALUE_CELLS)}  `,
  ]);
}

function raw(text: string): Span[] {
  return text === "" ? [["(empty)", "dim"]] : [printable(text)];
}
