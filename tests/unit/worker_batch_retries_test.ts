import assert from "node:assert/strict";
import fc from "fast-check";
import type { BatchProcessor } from "../../workers/processor.ts";
import { fakeClock } from "./support_clock.ts";
import { stream, type StreamOptions, valued } from "./support_stream.ts";
import { type FakeRecord, turn } from "./support_worker_fakes.ts";

const RETRY = { attempts: 3, backoffMs: 100, inPlaceMs: 1000, delaysMs: [] };

/** Notes each run as `attempt: offsets`. */
function noting(
  answer: BatchProcessor["processBatch"],
  options: StreamOptions = {},
) {
  const runs: string[] = [];
  const worker = stream({
    processBatch(batch, output, context) {
      runs.push(`${context.attempt}: ${[...batch.offsets].join()}`);
      return answer(batch, output, context);
    },
  }, { retry: RETRY, ...options });
  return { ...worker, runs };
}

const outputsOf = (sink: ReturnType<typeof stream>["sink"]) =>
  sink.outputs.map(({ offset, record }) => [offset, record.value]);

Deno.test("nothing of an asynchronous batch is in the sink before it has ended", async () => {
  const end = Promise.withResolvers<void>();
  const { sink, settlement, handle } = noting(
    async (_, { emit, reject }) => {
      emit(0, { value: "a" });
      reject(1, "no");
      await end.promise;
      emit(0, { value: "b" });
    },
  );
  handle(valued("x", "y"));
  await turn();
  assert.deepEqual([...sink.outputs, ...sink.rejections], []);
  end.resolve();
  await turn();
  assert.deepEqual(outputsOf(sink), [[0, "a"], [0, "b"]]);
  assert.deepEqual(sink.rejections.map(({ reason }) => reason), ["no"]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("an input that is tried again comes without the others, and what was emitted for it before is dropped", async () => {
  using clock = fakeClock();
  const { sink, settlement, runs, handle } = noting(
    (batch, { emit, retry }, { attempt }) => {
      for (let index = 0; index < batch.count; index++) {
        emit(index, { value: `${batch.text(index)}${attempt}` });
        if (batch.offsets[index]! % 2 === 1 && attempt === 1) retry(index);
      }
    },
  );
  handle(valued("a", "b", "c", "d"));
  assert.deepEqual(outputsOf(sink), [[0, "a1"], [2, "c1"]]);
  await clock.tick(100);
  assert.deepEqual(runs, ["1: 0,1,2,3", "2: 1,3"]);
  assert.deepEqual(outputsOf(sink).slice(2), [[1, "b2"], [3, "d2"]]);
  assert.equal(sink.skipped, 0);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("of a batch that threw, what has no answer is tried again, in the end record by record", async () => {
  using clock = fakeClock();
  const firstMs = Date.now();
  const { sink, settlement, runs, crashes, handle } = noting(
    (batch, { emit }) => {
      for (let index = 0; index < batch.count; index++) {
        if (batch.text(index) === "bad") throw new Error("no");
        emit(index, { value: batch.text(index) });
      }
    },
  );
  handle(valued("a", "bad", "c", "d"));
  await clock.tick(100);
  await clock.tick(200);
  assert.deepEqual(runs, ["1: 0,1,2,3", "2: 1,2,3", "3: 1", "3: 2", "3: 3"]);
  assert.deepEqual(outputsOf(sink), [[0, "a"], [2, "c"], [3, "d"]]);
  assert.deepEqual(
    sink.rejections.map(({ offset, reason, failure }) => [
      offset,
      reason,
      failure,
    ]),
    [[1, "no", { attempts: 3, firstMs }]],
  );
  sink.acknowledge();
  assert.equal(settlement.idle, true);
  assert.deepEqual(crashes, []);
});

Deno.test("an input that is rejected at a later attempt says how often it was tried", async () => {
  using clock = fakeClock();
  const { sink, handle } = noting((_, { reject, retry }, { attempt }) => {
    if (attempt === 1) retry(0, 5);
    else reject(0, "no use");
  });
  handle(valued("a"));
  await clock.tick(5);
  assert.deepEqual(
    sink.rejections.map(({ reason, failure }) => [reason, failure?.attempts]),
    [["no use", 2]],
  );
});

Deno.test("an input that is to be tried again once too often is a dead letter", async () => {
  using clock = fakeClock();
  const { sink, settlement, handle } = noting((_, { retry }) => retry(0, 10));
  handle(valued("a"));
  await clock.tick(20);
  assert.deepEqual(sink.rejections.map(({ failure }) => failure?.attempts), [
    3,
  ]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("a retry is refused for no input, for a bad wait, and after the end", () => {
  const problems: unknown[] = [];
  let late = () => {};
  const { handle } = noting((_, { retry }) => {
    for (const [index, delayMs] of [[2, 1], [0, -1], [0, NaN]] as const) {
      try {
        retry(index, delayMs);
      } catch (error) {
        problems.push(error);
      }
    }
    late = () => retry(0);
  });
  handle(valued("a", "b"));
  assert.equal(problems.length, 3);
  assert.ok(problems.every((each) => each instanceof RangeError));
  assert.throws(late, TypeError);
});

Deno.test("while an input waits its line is held up, and the rest of each batch goes on", async () => {
  using clock = fakeClock();
  const { sink, settlement, runs, handle } = noting(
    (batch, { emit, retry }, { attempt }) => {
      for (let index = 0; index < batch.count; index++) {
        if (batch.text(index) === "bad" && attempt < 3) retry(index);
        else emit(index, { value: attempt });
      }
    },
    { ordering: "key" },
  );
  const keyed = (offset: number, key: string, value = "fine"): FakeRecord => ({
    lane: 0,
    offset,
    key,
    value,
  });
  handle([keyed(0, "a", "bad"), keyed(1, "b")]);
  handle([keyed(2, "a"), keyed(3, "b"), keyed(4, "a")]);
  handle([keyed(5, "a")]);
  assert.deepEqual(runs, ["1: 0,1", "1: 3"]);
  await clock.tick(100);
  assert.deepEqual(runs, ["1: 0,1", "1: 3", "2: 0"]);
  await clock.tick(200);
  assert.deepEqual(runs.slice(3), ["3: 0", "1: 2,4", "1: 5"]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("when the worker ends nothing of its batches is sent or tried again", async () => {
  using clock = fakeClock();
  const end = Promise.withResolvers<void>();
  const { sink, kind, runs, handle } = noting((_, { emit, retry }) => {
    if (runs.length === 1) return retry(0);
    emit(0, { value: "x" });
    return end.promise;
  });
  handle([{ lane: 0, offset: 0 }]);
  handle([{ lane: 1, offset: 0 }]);
  kind.abort();
  end.resolve();
  await clock.tick(1000);
  assert.equal(runs.length, 2);
  assert.deepEqual(sink.outputs, []);
  assert.equal(clock.timers, 0);
});

Deno.test("whatever is tried again, each line's inputs of later batches come after it and each is answered once", async () => {
  const record = fc.record({
    lane: fc.nat(1),
    key: fc.constantFrom("a", "b", null),
    failures: fc.nat(3),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(record, { minLength: 1, maxLength: 6 }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.constantFrom("partition", "key", "none"),
      async (batches, ordering) => {
        using clock = fakeClock();
        const failuresLeft = new Map<number, number>();
        const { sink, settlement, crashes, handle } = noting(
          (batch, { emit, retry }) => {
            for (let index = 0; index < batch.count; index++) {
              const offset = batch.offsets[index]!;
              const left = failuresLeft.get(offset)!;
              if (left === 0) emit(index, { value: "x" });
              else {
                failuresLeft.set(offset, left - 1);
                retry(index, 7);
              }
            }
          },
          { ordering },
        );
        let offset = 0;
        const lineOf = new Map<number, string | null>();
        const batchOfOffset = new Map<number, number>();
        for (const [number, records] of batches.entries()) {
          handle(records.map(({ lane, key, failures }) => {
            failuresLeft.set(offset, failures);
            const line =
              { partition: `${lane}`, none: null }[ordering as "none"];
            const byKey = key === null ? null : `${lane}${key}`;
            lineOf.set(offset, ordering === "key" ? byKey : line);
            batchOfOffset.set(offset, number);
            return { lane, key, offset: offset++ };
          }));
          await clock.tick(number % 2 * 5);
        }
        await clock.tick(1000);
        const answered = [...sink.outputs, ...sink.rejections];
        assert.equal(answered.length, offset);
        assert.equal(new Set(answered.map((each) => each.offset)).size, offset);
        const last = new Map<string, number>();
        for (const { offset } of sink.outputs) {
          const line = lineOf.get(offset)!;
          if (line === null) continue;
          const batch = batchOfOffset.get(offset)!;
          assert.ok((last.get(line) ?? 0) <= batch);
          last.set(line, batch);
        }
        sink.acknowledge();
        assert.equal(settlement.idle, true);
        assert.deepEqual(crashes, []);
      },
    ),
    { numRuns: 100 },
  );
});
