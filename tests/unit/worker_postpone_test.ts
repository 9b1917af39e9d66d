import assert from "node:assert/strict";
import { z } from "zod";
import { stream, valued } from "./support_stream.ts";
import type { FakeRecord } from "./support_worker_fakes.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const delays = [
  { topic: "in.retry.1s", delayMs: 1000 },
  { topic: "in.retry.1m", delayMs: 60_000 },
];
const failing = {
  process() {
    throw new Error("down");
  },
};

Deno.test("a record that failed is postponed by the first delay, then by the next, then it is a dead letter", () => {
  const { handle, sink } = stream(failing, { delays });
  const tried = (attempt: number): FakeRecord => ({
    topic: "in.retry.1s",
    lane: 0,
    offset: attempt,
    headers: [
      { key: "switchyard.attempt", value: encode(String(attempt)) },
      { key: "switchyard.first-failure", value: encode("1970-01-01T00:01Z") },
    ],
  });
  handle([{ lane: 0, offset: 0 }, tried(1), tried(2)]);
  assert.deepEqual(
    sink.postponements.map(({ attempt, delayMs }) => [attempt, delayMs]),
    [[1, 1000], [2, 60_000]],
  );
  assert.equal(sink.postponements[1]!.firstFailureMs, 60_000);
  assert.equal(sink.postponements[1]!.reason, "down");
  assert.deepEqual(sink.rejections.map(({ offset }) => offset), [2]);
});

Deno.test("a value that the schema refuses is not tried again", () => {
  const { handle, sink } = stream(
    { input: z.object({}), process: (record) => ({ value: record.value }) },
    { delays },
  );
  handle(valued("{", "[]"));
  assert.equal(sink.rejections.length, 2);
  assert.equal(sink.postponements.length, 0);
});
