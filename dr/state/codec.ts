/**
 * Values of the state, history and votes topics: JSON, checked. Fields that are
 * not known are kept out; what cannot be read is told, and its epoch, where that
 * can be read, so that nobody takes an epoch twice.
 */
import { z } from "zod";
import type { DrState, Vote } from "./types.ts";

/** The only key of the state topic, which is compacted. */
export const STATE_KEY = "state";

export interface Entry {
  readonly key: string;
  readonly value: string;
}

export type Decoded<T> = { readonly kind: "value"; readonly value: T } | {
  readonly kind: "unreadable";
  /** As a user reads it. */
  readonly reason: string;
  readonly epoch: number | null;
};

type Bytes = Uint8Array | null;

const cluster = z.enum(["primary", "secondary"]);
const health = z.enum(["unknown", "healthy", "suspect", "down"]);

const stateSchema: z.ZodType<DrState> = z.object({
  epoch: z.int().min(1),
  active: cluster,
  phase: z.enum([
    "steady",
    "fencing",
    "draining",
    "releasing",
    "recovering",
    "reversing",
    "catching-up",
  ]),
  sinceMs: z.int().min(0),
  reason: z.string(),
  era: z.int().min(0),
  lanes: z.int().min(1).nullable(),
});

const voteSchema: z.ZodType<Vote> = z.object({
  voter: z.string().min(1),
  kind: z.enum(["sentinel", "pool"]),
  epoch: z.int().min(0),
  health: z.object({ primary: health, secondary: health }),
  isProgressing: z.boolean(),
});

const anyEpoch = z.object({ epoch: z.int().min(0) });

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @throws {z.ZodError} for what could not be read again. */
export function encodeState(state: DrState): Entry {
  return { key: STATE_KEY, value: JSON.stringify(stateSchema.parse(state)) };
}

export function decodeState(key: Bytes, value: Bytes): Decoded<DrState> {
  return decode(stateSchema, key, value, () => STATE_KEY);
}

/** @throws {z.ZodError} for what could not be read again. */
export function encodeVote(vote: Vote): Entry {
  return { key: vote.voter, value: JSON.stringify(voteSchema.parse(vote)) };
}

export function decodeVote(key: Bytes, value: Bytes): Decoded<Vote> {
  return decode(voteSchema, key, value, ({ voter }) => voter);
}

function decode<T>(
  schema: z.ZodType<T>,
  key: Bytes,
  value: Bytes,
  keyOf: (value: T) => string,
): Decoded<T> {
  const unreadable = (reason: string, epoch: number | null = null) =>
    ({ kind: "unreadable", reason, epoch }) as const;
  const keyText = textOf(key);
  const valueText = textOf(value);
  if (keyText === null) return unreadable("its key is no text");
  if (valueText === null) return unreadable("its value is no text");
  const json = jsonOf(valueText);
  const epoch = anyEpoch.safeParse(json).data?.epoch ?? null;
  const { data, error } = schema.safeParse(json);
  if (error !== undefined) {
    const [{ message, path } = { message: "no JSON", path: [] }] = error.issues;
    return unreadable(
      json === undefined
        ? "it is no JSON"
        : `${path.map(String).join(".") || "it"}: ${message}`,
      epoch,
    );
  }
  const expected = keyOf(data);
  if (keyText !== expected) {
    return unreadable(`its key is "${keyText}" and not "${expected}"`, epoch);
  }
  return { kind: "value", value: data };
}

/** Null: there is none, or it is no UTF-8. */
function textOf(bytes: Bytes): string | null {
  if (bytes === null) return null;
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
