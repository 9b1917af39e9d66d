import assert from "node:assert/strict";
import { z } from "zod";
import type { BatchProcessor } from "../../workers/processor.ts";
import { RetryError } from "../../workers/processor.ts";
import { stream, valued } from "./support_stream.ts";
import type { FakeRecord } from "./support_worker_fakes.ts";

const encode = (text: string) => new TextEncoder().encode(text);

const delayTopics = [
  { topic: "in.retry.1s", delayMs: 1000 },
  { topic: "in.retry.1m", delayMs: 60_000 },
];
const options = {
  delayTopics,
  retry: { attempts: 3, backoffMs: 900, inPlaceMs: 0 },
};

/** A record that has come through a delay topic. */
const tried = (attempt: number, offset = attempt): FakeRecord => ({
  topic: "in.retry.1s",
  lane: 0,
  offset,
  headers: [
    { key: "switchyard.attempt", value: encode(String(attempt)) },
    { key: "switchyard.first-failure", value: encode("1970-01-01T00:01Z") },
  ],
});

/** Fails; says for each record which attempt it was told of. */
function failing(error = new Error("down")) {
  const seen: number[] = [];
  const process = (_: unknown, { attempt }: { readonly attempt: number }) => {
    seen.push(attempt);
    throw error;
  };
  return { seen, process };
}

Deno.test("what has failed before it was fetched counts: for the processor, the next delay and the end", () => {
  const { seen, process } = failing();
  const { handle, sink } = stream({ process }, {
    ...options,
    retry: { ...options.retry, backoffMs: 1001 },
  });
  handle([{ lane: 0, offset: 0 }, tried(1), tried(2)]);
  assert.deepEqual(seen, [1, 2, 3]);
  const [first, second] = sink.postponed.map((each) => each.postponement);
  assert.equal(first!.failure.attempts, 1);
  assert.deepEqual(second, {
    delayMs: 60_000,
    failure: { attempts: 2, firstMs: 60_000 },
    reason: "down",
  });
  assert.deepEqual(
    sink.rejections.map(({ offset, failure }) => [offset, failure]),
    [[2, { attempts: 3, firstMs: 60_000 }]],
  );
});

Deno.test("a processor's wish for a long wait goes through a delay topic, a short one does not", () => {
  const wish = (delayMs: number) => {
    const { process } = failing(new RetryError("later", { delayMs }));
    const { handle, sink, kind } = stream({ process }, {
      ...options,
      retry: { ...options.retry, inPlaceMs: 500 },
    });
    handle([{ lane: 0, offset: 0 }]);
    kind.abort();
    return sink.postponed.map(({ postponement }) => postponement.delayMs);
  };
  assert.deepEqual(wish(500), []);
  assert.deepEqual(wish(501), [1000]);
  assert.deepEqual(wish(1001), [60_000]);
  assert.deepEqual(wish(3_600_000), [60_000]);
});

Deno.test("a value that the schema refuses is not tried again", () => {
  const { handle, sink } = stream(
    { input: z.object({}), process: (record) => ({ value: record.value }) },
    options,
  );
  handle(valued("{", "[]"));
  assert.equal(sink.rejections.length, 2);
  assert.equal(sink.postponed.length, 0);
});

Deno.test("of a batch, a record at its last attempt is handled on its own, so that no other one costs it that", () => {
  const parts: [attempt: number, offsets: number[]][] = [];
  const processor: BatchProcessor = {
    processBatch(batch, _output, { attempt }) {
      const offsets = Array.from(
        { length: batch.count },
        (_, index) => batch.offset(index),
      );
      parts.push([attempt, offsets]);
      if (offsets.includes(0)) throw new Error("down");
    },
  };
  const { handle, sink, settlement } = stream(processor, options);
  handle([{ lane: 0, offset: 0 }, tried(1, 1), tried(2, 2), {
    lane: 0,
    offset: 3,
  }]);
  assert.deepEqual(parts, [[2, [0, 1]], [3, [2]], [1, [3]]]);
  assert.deepEqual(
    sink.postponed.map(({ offset, postponement }) => [
      offset,
      postponement.failure.attempts,
    ]),
    [[0, 1], [1, 2]],
  );
  assert.equal(sink.rejections.length, 0);
  sink.acknowledge();
  assert.ok(settlement.idle);
});
