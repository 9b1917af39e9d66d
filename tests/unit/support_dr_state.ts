/** States, votes and records of their topics, for tests. */
import fc from "fast-check";
import type { TopicRecord } from "../../dr/state/read_log.ts";
import type { DrState, Vote } from "../../dr/state/mod.ts";

const plain = { noNullPrototype: true };
const cluster = fc.constantFrom("primary" as const, "secondary" as const);
const health = fc.constantFrom(
  "unknown" as const,
  "healthy" as const,
  "suspect" as const,
  "down" as const,
);
const text = fc.string({ unit: "grapheme", maxLength: 30 });

export const anyState: fc.Arbitrary<DrState> = fc.record({
  epoch: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  active: cluster,
  phase: fc.constantFrom(
    "steady" as const,
    "fencing" as const,
    "draining" as const,
    "releasing" as const,
    "recovering" as const,
    "reversing" as const,
    "catching-up" as const,
  ),
  sinceMs: fc.maxSafeNat(),
  reason: text,
  era: fc.maxSafeNat(),
  lanes: fc.option(fc.integer({ min: 1, max: 256 })),
}, plain);

export const anyVote: fc.Arbitrary<Vote> = fc.record({
  voter: text.filter((each) => each !== ""),
  kind: fc.constantFrom("sentinel" as const, "pool" as const),
  epoch: fc.maxSafeNat(),
  health: fc.record({ primary: health, secondary: health }, plain),
  isProgressing: fc.boolean(),
}, plain);

export const FIRST: DrState = {
  epoch: 1,
  active: "primary",
  phase: "steady",
  sinceMs: 1_600_000_000_000,
  reason: "first",
  era: 0,
  lanes: null,
};

export const VOTE: Vote = {
  voter: "one",
  kind: "sentinel",
  epoch: 1,
  health: { primary: "healthy", secondary: "unknown" },
  isProgressing: false,
};

const encoder = new TextEncoder();

export function recordOf(
  offset: number,
  { key, value }: { readonly key: string; readonly value: string | null },
  timestampMs = -1,
): TopicRecord {
  return {
    offset,
    key: encoder.encode(key),
    value: value === null ? null : encoder.encode(value),
    timestampMs,
    changeId: null,
  };
}
