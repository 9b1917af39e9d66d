import assert from "node:assert/strict";
import { Results } from "../../dr/follow/results.ts";
import { COORDINATES_HEADER } from "../../src/pool/coordinates.ts";
import type { DonePartition } from "../../src/pool/done_outputs.ts";

const order = { topic: "orders", topicId: "t1", partition: 2, offset: 7 };
const bill = { topic: "bills", value: "bill" };
const note = { topic: "notes", value: "note" };
const parts = { clusterId: "c", group: "g/1", done: null };
const isBill: DonePartition = {
  topic: "orders",
  topicId: "t1",
  partition: 2,
  output: "bills",
  count: 3,
  outputs: [[7, 1]],
};
const coordinatesOf = (results: ReturnType<Results["of"]>) =>
  results.map(({ headers }) => headers!.map(({ key, value }) => [key, value]));

Deno.test("each result says of which record it comes, and how many there are", () => {
  const results = new Results(parts).of(order, [bill, note]);
  assert.deepEqual(coordinatesOf(results), [
    [[COORDINATES_HEADER, "c/t1/2/7/0/2/bills/g/1"]],
    [[COORDINATES_HEADER, "c/t1/2/7/1/2/notes/g/1"]],
  ]);
  assert.deepEqual(results.map(({ value }) => value), ["bill", "note"]);
});

Deno.test("headers stay, but for coordinates of a record that was passed on", () => {
  const passed = { key: COORDINATES_HEADER, value: "c/t0/0/1/0/1/orders/pool" };
  const kept = { key: "a", value: "b" };
  const [result] = new Results(parts)
    .of(order, [{ ...bill, headers: [kept, passed] }]);
  assert.deepEqual(result!.headers, [
    kept,
    { key: COORDINATES_HEADER, value: "c/t1/2/7/0/1/bills/g/1" },
  ]);
});

Deno.test("what is there already is left out, by its number, topic and count", () => {
  const results = new Results({ ...parts, done: [isBill] });
  const left = (origin: typeof order, ...outputs: (typeof bill)[]) =>
    results.of(origin, outputs).map(({ headers }) =>
      `${headers!.at(-1)!.value}`.split("/").slice(3, 7).join("/")
    );
  const all = ["7/0/3/bills", "7/2/3/bills"];
  assert.deepEqual(left(order, bill, bill, bill), all);
  // It comes of it otherwise than before.
  assert.equal(left(order, bill, bill).length, 2);
  assert.equal(left(order, bill, note, bill).length, 3);
  // Other records.
  for (
    const other of [
      { ...order, offset: 8 },
      { ...order, partition: 1 },
      { ...order, topicId: "t2" },
    ]
  ) assert.equal(left(other, bill, bill, bill).length, 3);
});
