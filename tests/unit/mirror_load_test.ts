import assert from "node:assert/strict";
import { loadedRecord, numberHeader } from "../mirror/load_records.ts";
import { seededRandom } from "../support/load.ts";

const now = 1_700_000_000_000;

function recordsOf(seed: number, isCompacted: boolean) {
  const random = seededRandom(seed);
  return Array.from(
    { length: 3_000 },
    (_, number) =>
      loadedRecord(random, number, { isCompacted, largeShare: 0.001, now }),
  );
}

Deno.test("the same seed makes the same records", () => {
  assert.deepEqual(recordsOf(1, false), recordsOf(1, false));
  assert.notDeepEqual(recordsOf(1, false), recordsOf(2, false));
});

Deno.test("records of every kind that a mirror must keep are among them", () => {
  const records = recordsOf(1, false);
  const has = (what: string, is: (record: typeof records[0]) => boolean) =>
    assert.ok(records.some(is), what);
  has("null key", ({ key }) => key === null);
  has("empty key", ({ key }) => key === "");
  has("binary key", ({ key }) => key instanceof Uint8Array);
  has("tombstone", ({ value }) => value === null);
  has("empty value", ({ value }) => value === "");
  has("large value", ({ value }) => (value?.length ?? 0) > 500_000);
  has("old", ({ timestampMs = now }) => timestampMs === 1);
  has("future", ({ timestampMs = now }) => timestampMs > now);
  has(
    "no number",
    ({ headers = [] }) => headers.every(({ name }) => name !== numberHeader),
  );
  has(
    "repeated header",
    ({ headers = [] }) => headers.filter(({ name }) => name === "a").length > 1,
  );
  has(
    "null header",
    ({ headers = [] }) => headers.some(({ value }) => value === null),
  );
  has(
    "empty header",
    ({ headers = [] }) => headers.some(({ value }) => value === ""),
  );
  has(
    "nameless header",
    ({ headers = [] }) => headers.some(({ name }) => name === ""),
  );
  assert.ok(records.every(({ timestampMs }) => timestampMs! > 0));
});

Deno.test("where logs are compacted every record has a key, and keys come again", () => {
  const records = recordsOf(1, true);
  assert.ok(records.every(({ key }) => typeof key === "string" && key !== ""));
  assert.ok(new Set(records.map(({ key }) => key)).size < 300);
  assert.ok(records.every(({ timestampMs }) => timestampMs === undefined));
});
