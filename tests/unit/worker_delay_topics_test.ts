import assert from "node:assert/strict";
import fc from "fast-check";
import type { OutputRecord, ReadHeader } from "../../src/kafka/mod.ts";
import { deadLetter } from "../../workers/dead_letter.ts";
import { DelayTopics } from "../../workers/delay_topics.ts";
import { RecordView } from "../../workers/record.ts";
import { batchOf, type FakeRecord, TOPIC } from "./support_worker_fakes.ts";

const delayTopics = new DelayTopics([
  { topic: "in.retry.1s", delayMs: 1000 },
  { topic: "in.retry.1m", delayMs: 60_000 },
]);
const place = { topic: "in.dlq", groupId: "group", delayTopics };
const encoder = new TextEncoder();
const decoder = new TextDecoder();
const firstMs = Date.UTC(2026, 0, 2);

function postpone(
  record: FakeRecord,
  { delayMs = 1000, attempt = 1, nowMs = 5_000_000, reason = "down" } = {},
): OutputRecord {
  const failure = { attempts: attempt, firstMs };
  const postponement = { delayMs, failure, reason };
  return delayTopics.postponed(batchOf([record]), 0, postponement, nowMs);
}

/** The record as it is read from the topic to which it was produced. */
function read(output: OutputRecord, offset: number): FakeRecord {
  const bytes = (part: OutputRecord["value"]) =>
    typeof part === "string" ? encoder.encode(part) : part?.slice() ?? null;
  return {
    topic: output.topic,
    lane: 3,
    offset,
    value: bytes(output.value),
    key: output.key ? decoder.decode(bytes(output.key)!) : null,
    headers: (output.headers ?? []).map(({ key, value }): ReadHeader => ({
      key,
      value: bytes(value),
    })),
    timestampMs: 4_999_999, // when it was produced
  };
}

const headersOf = (output: OutputRecord) =>
  (output.headers ?? []).map(({ key, value }) => [
    key,
    typeof value === "string" ? value : value && decoder.decode(value),
  ]);

const letterOf = (record: FakeRecord) =>
  deadLetter(batchOf([record]), 0, { reason: "down", complete: true }, place);

Deno.test("a record waits in the topic of its delay, with its key, value and headers, and what is to be known of it", () => {
  const output = postpone({
    lane: 4,
    offset: 77,
    key: "k",
    value: "v",
    headers: [{ key: "trace", value: encoder.encode("a") }],
    timestampMs: 1_700_000_000_123,
  });
  assert.equal(output.topic, "in.retry.1s");
  assert.deepEqual(output.key, encoder.encode("k"));
  assert.deepEqual(output.value, encoder.encode("v"));
  assert.deepEqual(headersOf(output), [
    ["trace", "a"],
    ["switchyard.reason", "down"],
    ["switchyard.topic", TOPIC],
    ["switchyard.partition", "4"],
    ["switchyard.offset", "77"],
    ["switchyard.attempt", "1"],
    ["switchyard.first-failure", "2026-01-02T00:00:00.000Z"],
    ["switchyard.due", "5001000"],
    ["switchyard.timestamp", "1700000000123"],
  ]);
});

Deno.test("its own time is that of its postponement, from which retention counts", () => {
  const output = postpone({ lane: 0, offset: 0, timestampMs: 1 });
  assert.equal(output.timestampMs, undefined);
});

Deno.test("postponed again it keeps its origin, and each header is there once", () => {
  const first = postpone({ lane: 4, offset: 77, timestampMs: 123 });
  const second = postpone(read(first, 9), {
    delayMs: 60_000,
    attempt: 2,
    reason: "still down",
  });
  assert.equal(second.topic, "in.retry.1m");
  assert.deepEqual(headersOf(second), [
    ["switchyard.reason", "still down"],
    ["switchyard.topic", TOPIC],
    ["switchyard.partition", "4"],
    ["switchyard.offset", "77"],
    ["switchyard.attempt", "2"],
    ["switchyard.first-failure", "2026-01-02T00:00:00.000Z"],
    ["switchyard.due", "5060000"],
    ["switchyard.timestamp", "123"],
  ]);
});

Deno.test("what a record of the input topic says of attempts is not believed", () => {
  const forged = { ...read(postpone({ lane: 0, offset: 0 }), 1), topic: TOPIC };
  assert.equal(delayTopics.failureBefore(batchOf([forged]), 0), null);
  assert.deepEqual(
    headersOf(letterOf(forged)).findLast(([key]) =>
      key === "switchyard.offset"
    ),
    ["switchyard.offset", "1"],
  );
});

Deno.test("the attempts at a record of a delay topic are read from its headers", () => {
  const record = read(postpone({ lane: 0, offset: 0 }, { attempt: 2 }), 1);
  assert.deepEqual(delayTopics.failureBefore(batchOf([record]), 0), {
    attempts: 2,
    firstMs,
  });
});

Deno.test("a stranger's record in a delay topic has failed once, and comes from there", () => {
  const batch = batchOf([{
    topic: "in.retry.1s",
    lane: 2,
    offset: 5,
    timestampMs: 9,
    headers: [
      { key: "switchyard.attempt", value: encoder.encode("many") },
      { key: "switchyard.first-failure", value: null },
    ],
  }]);
  assert.deepEqual(delayTopics.failureBefore(batch, 0), {
    attempts: 1,
    firstMs: 9,
  });
  assert.deepEqual(delayTopics.originOf(batch, 0), {
    topic: "in.retry.1s",
    partition: 2,
    offset: 5,
    timestampMs: 9,
  });
});

Deno.test("a processor sees the original time of a record that is tried again", () => {
  const view = (record: FakeRecord) =>
    new RecordView(batchOf([record]), 0, { process() {} }, delayTopics)
      .timestampMs;
  assert.equal(
    view(read(postpone({ lane: 0, offset: 0, timestampMs: 123 }), 1)),
    123,
  );
  assert.equal(view(read(postpone({ lane: 0, offset: 0 }), 1)), -1);
  assert.equal(view({ lane: 0, offset: 0, timestampMs: 7 }), 7);
});

Deno.test("a delay without a topic is a mistake", () => {
  assert.throws(
    () => postpone({ lane: 0, offset: 0 }, { delayMs: 5 }),
    RangeError,
  );
});

const bytes = fc.uint8Array({ maxLength: 20 }).map((each) => each.slice());
const anyHeader = fc.record({
  key: fc.oneof(
    fc.string(),
    fc.constantFrom(
      "switchyard.topic",
      "switchyard.due",
      "switchyard.attempts",
      "switchyard.value.omitted",
      "switchyard.redriven",
    ),
  ),
  value: fc.option(bytes, { nil: null }),
}).map((each) => ({ ...each }));
const anyRecord = fc.record({
  lane: fc.nat(100),
  offset: fc.nat(),
  value: fc.option(bytes, { nil: null }),
  key: fc.option(fc.string({ minLength: 1 }), { nil: null }),
  headers: fc.array(anyHeader, { maxLength: 5 }),
  timestampMs: fc.oneof(fc.constant(-1), fc.nat()),
});

Deno.test("however often a record was postponed, its dead letter is the same but for the attempts and the first failure", () => {
  const ways = fc.array(fc.constantFrom(1000, 60_000), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(fc.property(anyRecord, ways, (record, ways) => {
    let current: FakeRecord = record;
    ways.forEach((delayMs, at) => {
      const output = postpone(current, { delayMs, attempt: at + 1 });
      current = read(output, at);
    });
    const { headers = [], ...letter } = letterOf(current);
    const { headers: expected = [], ...rest } = letterOf(record);
    assert.deepEqual(letter, rest);
    assert.deepEqual(headers, [
      ...expected,
      { key: "switchyard.attempts", value: String(ways.length + 1) },
      {
        key: "switchyard.first-failure",
        value: new Date(firstMs).toISOString(),
      },
    ]);
  }));
});
