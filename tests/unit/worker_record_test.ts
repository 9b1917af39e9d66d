import assert from "node:assert/strict";
import { z } from "zod";
import type { Batch } from "../../src/kafka/mod.ts";
import type { RecordProcessor } from "../../workers/processor.ts";
import { InvalidRecordError, RecordView } from "../../workers/record.ts";
import { batchOf, type FakeRecord } from "./support_worker_fakes.ts";

type Schemas = Pick<RecordProcessor<unknown>, "input" | "check">;

const viewOf = (batch: Batch, schemas: Schemas = {}) =>
  new RecordView(batch, 0, { ...schemas, process() {} });

const view = (record: Partial<FakeRecord>, schemas?: Schemas) =>
  viewOf(batchOf([{ lane: 3, offset: 12, ...record }]), schemas);

const invalid = (message: string | RegExp) => ({
  name: "InvalidRecordError",
  message,
});

Deno.test("a record has everything that the batch has of it", () => {
  const headers = [{ key: "h", value: new Uint8Array([1]) }];
  const record = view({ value: "[1]", key: "k", headers, timestampMs: 99 });
  assert.deepEqual(record.value, [1]);
  assert.equal(record.text, "[1]");
  assert.deepEqual(record.bytes, new TextEncoder().encode("[1]"));
  assert.equal(record.key, "k");
  assert.deepEqual(record.keyBytes, new TextEncoder().encode("k"));
  assert.deepEqual(record.headers, headers);
  assert.equal(record.topic, "in");
  assert.equal(record.partition, 3);
  assert.equal(record.offset, 12);
  assert.equal(record.timestampMs, 99);
});

Deno.test("nothing is decoded before it is read", () => {
  const record = view({ value: new Uint8Array([0xff]) });
  assert.equal(record.offset, 12);
  assert.throws(() => record.text, TypeError);
  assert.throws(() => record.value, TypeError);
});

Deno.test("without a schema the value is whatever the JSON says", () => {
  assert.deepEqual(view({ value: '{"a":[null]}' }).value, { a: [null] });
  assert.equal(view({ value: "null" }).value, null);
});

Deno.test("`input` gives what the schema makes of the JSON", () => {
  const input = z.object({ id: z.string().transform((id) => id.length) });
  const record = view({ value: '{"id":"abc","more":1}' }, { input });
  assert.deepEqual(record.value, { id: 3 });
});

Deno.test("`check` gives the JSON as it came, with all of its fields", () => {
  const check = z.object({ id: z.string() });
  const record = view({ value: '{"more":1,"id":"abc"}' }, { check });
  assert.equal(JSON.stringify(record.value), '{"more":1,"id":"abc"}');
});

Deno.test("a tombstone has no value to process", () => {
  assert.throws(
    () => view({ value: null }).value,
    invalid("the value is null"),
  );
  assert.equal(view({ value: null }).text, null);
  assert.equal(view({ value: null }).bytes, null);
});

for (const value of ["", "{", "nope", '{"a":1}x', "\u0000"]) {
  Deno.test(`${JSON.stringify(value)} is refused as not being JSON`, () => {
    assert.throws(
      () => view({ value }).value,
      invalid(/^the value is not JSON: ./),
    );
  });
}

for (const form of ["input", "check"] as const) {
  Deno.test(`what \`${form}\` refuses is named by its path`, () => {
    const schema = z.object({ a: z.object({ b: z.array(z.number()) }) });
    const record = view({ value: '{"a":{"b":[1,"x"]}}' }, { [form]: schema });
    assert.throws(() => record.value, invalid(/^a\.b\.1: .*number/));
  });
}

Deno.test("a refusal of the whole value has no path", () => {
  const record = view({ value: "5" }, { input: z.string() });
  assert.throws(() => record.value, invalid(/^Invalid input: .*string/));
});

Deno.test("three problems are shown, further ones are counted", () => {
  const text = z.string();
  const input = z.object({ a: text, b: text, c: text, d: text, e: text });
  const record = view({ value: "{}" }, { input });
  assert.throws(
    () => record.value,
    invalid(/^a: .*; b: .*; c: .*; and 2 more$/),
  );
});

Deno.test("a record that was settled cannot be read any more", () => {
  const batch = batchOf([{ lane: 0, offset: 1 }]);
  const record = viewOf(batch);
  batch.free();
  assert.throws(() => record.value, TypeError);
  assert.throws(
    () => record.value,
    (error) => !(error instanceof InvalidRecordError),
  );
});
