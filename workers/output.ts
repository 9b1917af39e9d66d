/** Checks what a processor returns and turns it into a record to produce. */
import type { Header, OutputRecord } from "../src/kafka/mod.ts";
import type { Output } from "./processor.ts";

/** An output that cannot be written: it is the processor's mistake. */
export class OutputError extends TypeError {
  override readonly name = "OutputError";
}

/** Errors whose name says nothing that their message does not. */
const PLAIN_NAMES: ReadonlySet<string> = new Set([
  "Error",
  "RejectError",
  "RetryError",
]);
const TOPIC = /^[a-zA-Z0-9._-]{1,249}$/;
const MAX_PARTITION = 2 ** 31 - 1;

/**
 * Types do not hold at run time, and what is not checked here would reach
 * native code.
 * @param topic where an output goes that names none
 * @throws {OutputError}
 */
export function toRecord(output: Output, topic: string): OutputRecord {
  if (typeof output !== "object" || output === null) {
    throw new OutputError("an output must be an object with a `value`");
  }
  const { key, headers, timestampMs, partition } = output;
  must(key === undefined || isPart(key), "key", "text, bytes or null");
  must(
    headers === undefined || Array.isArray(headers) && headers.every(isHeader),
    "headers",
    "a list of { key, value }, the key text, the value text, bytes or null",
  );
  must(
    timestampMs === undefined || isWithin(timestampMs, Number.MAX_SAFE_INTEGER),
    "timestampMs",
    "milliseconds since the epoch",
  );
  must(
    partition === undefined ||
      Number.isInteger(partition) && isWithin(partition, MAX_PARTITION),
    "partition",
    "a whole number",
  );
  must(
    output.topic === undefined ||
      typeof output.topic === "string" && TOPIC.test(output.topic),
    "topic",
    "a name of letters, digits, dots, dashes and underscores",
  );
  return {
    topic: output.topic ?? topic,
    key,
    value: toValue(output.value),
    headers,
    timestampMs,
    partition,
  };
}

/** Why a record becomes a dead letter, for its header; never throws. */
export function reasonOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error);
    const [name, message] = [String(error.name), String(error.message)];
    const plain = PLAIN_NAMES.has(name) || name.startsWith("Invalid");
    return plain ? message : `${name}: ${message}`;
  } catch {
    return "an error that cannot be written as text";
  }
}

function must(holds: boolean, field: string, kind: string): void {
  if (!holds) throw new OutputError(`an output's \`${field}\` must be ${kind}`);
}

const isPart = (part: unknown) =>
  part === null || typeof part === "string" || part instanceof Uint8Array;

const isWithin = (number: number, most: number) =>
  typeof number === "number" && number >= 0 && number <= most;

/** Header names are C strings, which end at the first NUL. */
const isHeader = (header: Header) =>
  typeof header?.key === "string" && !header.key.includes("\0") &&
  isPart(header.value);

function toValue(value: unknown): string | Uint8Array | null {
  if (value === null || typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    throw new OutputError(`an output is not JSON: ${reasonOf(error)}`);
  }
  if (json === undefined) throw new OutputError("an output has no value");
  return json;
}
