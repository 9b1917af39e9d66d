import assert from "node:assert/strict";
import { deadLetter } from "../../workers/dead_letter.ts";
import type { Rejection } from "../../workers/settlement.ts";
import { batchOf, type FakeRecord } from "./support_worker_fakes.ts";

const place = { topic: "in.dlq", groupId: "group" };
const bytes = (text: string) => new TextEncoder().encode(text);

function letter(
  record: Partial<FakeRecord>,
  rejection: Partial<Rejection> = {},
) {
  const batch = batchOf([
    { lane: 9, offset: 1 },
    { lane: 4, offset: 77, ...record },
  ]);
  const whole = { reason: "bad", complete: true, ...rejection };
  return deadLetter(batch, 1, whole, place);
}

const header = (record: ReturnType<typeof letter>, name: string) =>
  record.headers?.filter((each) => each.key === `switchyard.${name}`)
    .map((each) => each.value);

Deno.test("a dead letter holds the original bytes, key and time, on the dead-letter topic", () => {
  const value = new Uint8Array([0xff, 0, 0x7b]);
  const record = letter({ value, key: "k", timestampMs: 1_700_000_000_123 });
  assert.equal(record.topic, "in.dlq");
  assert.deepEqual(record.value, value);
  assert.deepEqual(record.key, bytes("k"));
  assert.equal(record.timestampMs, 1_700_000_000_123);
});

Deno.test("its headers say why, and where it came from", () => {
  const record = letter({}, { reason: "user_id: missing" });
  assert.deepEqual(record.headers, [
    { key: "switchyard.reason", value: "user_id: missing" },
    { key: "switchyard.topic", value: "in" },
    { key: "switchyard.partition", value: "4" },
    { key: "switchyard.offset", value: "77" },
    { key: "switchyard.group", value: "group" },
  ]);
});

Deno.test("after retries they say how often it was tried and when it failed first", () => {
  const failure = { attempts: 3, firstMs: 1_700_000_000_123 };
  const record = letter({}, { failure });
  assert.deepEqual(header(record, "attempts"), ["3"]);
  assert.deepEqual(header(record, "first-failure"), [
    "2023-11-14T22:13:20.123Z",
  ]);
});

Deno.test("the headers that it came with stand before ours, as they were", () => {
  const headers = [
    { key: "trace", value: bytes("a") },
    { key: "trace", value: null },
  ];
  const record = letter({ headers });
  assert.deepEqual(record.headers?.slice(0, 2), headers);
  assert.equal(record.headers?.length, 7);
});

Deno.test("tombstones and records without a key stay what they were", () => {
  const record = letter({ value: null });
  assert.equal(record.value, null);
  assert.equal(record.key, null);
});

Deno.test("a record without a timestamp gets that of its dead letter", () => {
  assert.equal(letter({ timestampMs: -1 }).timestampMs, undefined);
  // librdkafka takes 0 for "now", so it cannot be kept.
  assert.equal(letter({ timestampMs: 0 }).timestampMs, undefined);
});

Deno.test("a reason of any length takes a thousand characters at the most", () => {
  const record = letter({}, { reason: "x".repeat(5000) });
  const [reason] = header(record, "reason")!;
  assert.equal(reason, "x".repeat(1000));
});

Deno.test("where the value is too large for the cluster, its size is said instead", () => {
  const record = letter({ value: "x".repeat(300), key: "k" }, {
    complete: false,
  });
  assert.equal(record.value, null);
  assert.deepEqual(record.key, bytes("k"));
  assert.deepEqual(header(record, "value.omitted"), ["300"]);
  assert.deepEqual(header(record, "offset"), ["77"]);
  assert.deepEqual(header(letter({}), "value.omitted"), []);
});
