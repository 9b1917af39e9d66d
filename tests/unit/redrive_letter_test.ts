import assert from "node:assert/strict";
import { letterOf, originalRecord } from "../../src/redrive/letter.ts";
import { deadLetter } from "../../workers/dead_letter.ts";
import { batchOf, type FakeRecord } from "./support_worker_fakes.ts";

const encoder = new TextEncoder();
const header = (key: string, value: string) => ({
  key,
  value: encoder.encode(value),
});

/** The dead letter of a record, as it is fetched. */
function letter(record: FakeRecord): FakeRecord {
  const { headers = [] } = deadLetter(
    batchOf([record]),
    0,
    { reason: "bad", complete: true },
    { topic: "dead", groupId: "group" },
  );
  return {
    ...record,
    offset: 1,
    headers: headers.map(({ key, value }) =>
      typeof value === "string"
        ? header(key, value)
        : { key, value: value && new Uint8Array(value) }
    ),
  };
}

function putBack(record: FakeRecord) {
  const batch = batchOf([letter(record)]);
  const read = letterOf(batch, 0);
  return { read, record: originalRecord(batch, 0, read, "in") };
}

Deno.test("a letter says why and whence, and its record comes back without that", () => {
  const { read, record } = putBack({ lane: 3, offset: 70 });
  assert.equal(read.reason, "bad");
  assert.deepEqual([read.sourcePartition, read.sourceOffset], [3, 70]);
  assert.equal(read.isOmitted, false);
  assert.deepEqual(record.headers, [{
    key: "switchyard.redriven",
    value: "1",
  }]);
});

Deno.test("headers with names like ours that the record had are neither believed nor lost", () => {
  const own = [
    header("switchyard.value.omitted", "5"),
    header("switchyard.reason", "its own"),
  ];
  const { read, record } = putBack({ lane: 0, offset: 0, headers: own });
  assert.equal(read.isOmitted, false);
  assert.equal(read.reason, "bad");
  assert.deepEqual(
    record.headers?.map(({ key }) => key),
    [...own.map(({ key }) => key), "switchyard.redriven"],
  );
});

Deno.test("what is put back does not say whose output its record was", () => {
  const headers = [header("switchyard.coordinates", "c/t/0/1/0/1/out/g")];
  const { record } = putBack({ lane: 0, offset: 0, headers });
  assert.deepEqual(record.headers?.map(({ key }) => key), [
    "switchyard.redriven",
  ]);
});

Deno.test("it is counted how often a record was put back", () => {
  const headers = [header("switchyard.redriven", "2")];
  const { read, record } = putBack({ lane: 0, offset: 0, headers });
  assert.equal(read.redriven, 2);
  assert.deepEqual(record.headers, [{
    key: "switchyard.redriven",
    value: "3",
  }]);
});
