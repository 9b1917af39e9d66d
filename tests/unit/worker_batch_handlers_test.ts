import assert from "node:assert/strict";
import { FencedError, Phase } from "../../src/pool/page.ts";
import { OutputError } from "../../workers/output.ts";
import type {
  BatchOutput,
  BatchProcessor,
  Context,
  Output,
} from "../../workers/processor.ts";
import { fakeClock } from "./support_clock.ts";
import { across, stream, valued } from "./support_stream.ts";
import { turn } from "./support_worker_fakes.ts";

interface Running {
  readonly output: BatchOutput;
  readonly context: Context;
  readonly offset: number;
  readonly end: () => void;
  readonly fail: (error: unknown) => void;
}

/** A processor whose batches end when the test says so. */
function held() {
  const running: Running[] = [];
  const processBatch: BatchProcessor["processBatch"] = (
    batch,
    output,
    context,
  ) => {
    const { promise, resolve: end, reject: fail } = Promise.withResolvers<
      void
    >();
    running.push({ output, context, offset: batch.offset(0), end, fail });
    return promise;
  };
  return { ...stream({ processBatch }), running };
}

const sentOf = (sink: ReturnType<typeof stream>["sink"]) => ({
  outputs: sink.outputs.map(({ index, record }) => [index, record.value]),
  rejections: sink.rejections.map(({ index, reason }) => [index, reason]),
});

Deno.test("every output belongs to the input that it was emitted for", () => {
  const { sink, settlement, handle } = stream({
    processBatch(batch, { emit }) {
      for (let index = batch.count - 1; index >= 0; index--) {
        emit(index, { key: `k${index}`, value: batch.text(index) });
      }
      emit(0, { value: "again", topic: "other" });
    },
  });
  const ticket = handle(valued("a", "b"));
  assert.deepEqual(
    sink.outputs.map(({ index, record }) => [
      index,
      record.topic,
      record.key,
      record.value,
    ]),
    [
      [1, "out", "k1", "b"],
      [0, "out", "k0", "a"],
      [0, "other", undefined, "again"],
    ],
  );
  settlement.done(ticket, 1);
  settlement.done(ticket, 0);
  assert.equal(settlement.idle, false);
  settlement.done(ticket, 0);
  assert.equal(settlement.idle, true);
});

Deno.test("an input without outputs is skipped, one that is rejected is not", () => {
  const { sink, settlement, handle } = stream({
    processBatch(_, { emit, reject }) {
      emit(1, { value: "x" });
      reject(3, "useless");
    },
  });
  handle(valued("a", "b", "c", "d"));
  assert.deepEqual(sentOf(sink), {
    outputs: [[1, "x"]],
    rejections: [[3, "useless"]],
  });
  assert.equal(sink.skipped, 2);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

for (
  const [what, error, reason] of [
    ["an error", new RangeError("too far"), "RangeError: too far"],
    ["nothing at all", undefined, "undefined"],
    ["null", null, "null"],
  ] as const
) {
  Deno.test(`a batch that throws ${what} half way keeps what it emitted and rejects the rest`, () => {
    const { sink, settlement, handle } = stream({
      processBatch(_, { emit }) {
        emit(0, { value: "x" });
        throw error;
      },
    });
    handle(valued("a", "b", "c"));
    assert.deepEqual(sentOf(sink), {
      outputs: [[0, "x"]],
      rejections: [[1, reason], [2, reason]],
    });
    assert.equal(sink.skipped, 0);
    sink.acknowledge();
    assert.equal(settlement.idle, true);
  });
}

Deno.test("an asynchronous batch that fails half way does the same", async () => {
  const { sink, running, settlement, crashes, handle } = held();
  handle(valued("a", "b"));
  running[0]!.output.emit(1, { value: "x" });
  running[0]!.fail(new Error("no"));
  await turn();
  assert.deepEqual(sentOf(sink), {
    outputs: [[1, "x"]],
    rejections: [[0, "no"]],
  });
  assert.equal(sink.flushed, 2);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
  assert.deepEqual(crashes, []);
});

Deno.test("batches run one after another, in the order they came", async () => {
  const { running, settlement, sink, handle } = held();
  for (const offset of [0, 10, 20]) handle([{ lane: 0, offset }]);
  for (const [index, offset] of [0, 10, 20].entries()) {
    assert.equal(running.length, index + 1);
    assert.equal(running[index]!.offset, offset);
    running[index]!.output.emit(0, { value: String(offset) });
    running[index]!.end();
    await turn();
    assert.equal(sink.flushed, index + 1);
  }
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("batches that end at once follow one that does not", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen: number[] = [];
  const { handle } = stream({
    processBatch(batch) {
      seen.push(batch.offset(0));
      if (seen.length === 1) return promise;
    },
  });
  for (const offset of [0, 1, 2, 3]) handle([{ lane: 0, offset }]);
  assert.deepEqual(seen, [0]);
  resolve();
  await turn();
  assert.deepEqual(seen, [0, 1, 2, 3]);
});

Deno.test("a batch that takes too long is told so, and what it has not answered is rejected", async () => {
  using clock = fakeClock();
  const { running, sink, handle } = held();
  handle(valued("a", "b"));
  handle([{ lane: 0, offset: 10 }]);
  const { output, context } = running[0]!;
  output.emit(0, { value: "x" });
  await clock.tick(999);
  assert.equal(context.signal.aborted, false);
  await clock.tick(1);
  assert.equal(context.signal.aborted, true);
  assert.deepEqual(sentOf(sink), {
    outputs: [[0, "x"]],
    rejections: [[1, "the handler took over 1000 ms"]],
  });
  assert.equal(running[1]!.offset, 10);
  assert.equal(running[1]!.context.signal.aborted, false);
  running[1]!.end();
  await clock.tick(0);
  assert.equal(clock.timers, 0);
});

Deno.test("what comes after a batch has ended is refused, and nobody's record is touched", async () => {
  using clock = fakeClock();
  const { running, sink, settlement, handle } = held();
  handle(valued("a"));
  const { output } = running[0]!;
  await clock.tick(1000);
  sink.acknowledge(); // the slot is free for the next ticket
  handle([{ lane: 0, offset: 1 }]);
  assert.throws(() => output.emit(0, { value: "late" }), TypeError);
  assert.throws(() => output.reject(0, "late"), TypeError);
  assert.deepEqual(sentOf(sink), { outputs: [], rejections: [] });
  running[1]!.end();
  await clock.tick(0);
  assert.equal(settlement.idle, true);
});

Deno.test("a batch that ended at once takes nothing later either", () => {
  let kept: BatchOutput | undefined;
  const { sink, handle } = stream({
    processBatch(_, output) {
      kept = output;
    },
  });
  handle(across(1));
  assert.throws(() => kept!.emit(0, { value: "late" }), TypeError);
  assert.deepEqual(sentOf(sink), { outputs: [], rejections: [] });
});

for (const index of [-1, 2, 0.5, NaN]) {
  Deno.test(`an output for input ${index} of 2 is refused`, () => {
    const errors: unknown[] = [];
    const { sink, handle } = stream({
      processBatch(_, { emit, reject }) {
        for (
          const answer of [
            () => emit(index, { value: "x" }),
            () => reject(index, "bad"),
          ]
        ) {
          try {
            answer();
          } catch (error) {
            errors.push(error);
          }
        }
      },
    });
    handle(across(2));
    assert.equal(errors.length, 2);
    for (const error of errors) assert.ok(error instanceof RangeError);
    assert.deepEqual(sentOf(sink), { outputs: [], rejections: [] });
    assert.equal(sink.skipped, 2);
  });
}

Deno.test("a bad output is the processor's error, which rejects its input unless it is caught", () => {
  const bad = { value: 1, key: 5 } as unknown as Output;
  const { sink, handle } = stream({
    processBatch(_, { emit }) {
      assert.throws(() => emit(0, bad), OutputError);
      emit(0, { value: "instead" });
      emit(1, bad);
    },
  });
  handle(valued("a", "b"));
  const { outputs, rejections } = sentOf(sink);
  assert.deepEqual(outputs, [[0, "instead"]]);
  assert.equal(rejections.length, 1);
  assert.match(String(rejections[0]), /^1,OutputError: .*`key`/);
});

Deno.test("when the worker ends its batch is told, and what waits is not begun", async () => {
  const { running, kind, handle } = held();
  handle(across(1));
  handle(across(1, 1));
  const { signal } = running[0]!.context;
  assert.equal(signal.aborted, false);
  kind.abort();
  assert.equal(signal.aborted, true);
  running[0]!.end();
  await turn();
  assert.equal(running.length, 1);
});

Deno.test("the page says `user` while a batch runs, between its outputs too, and `native` behind it", () => {
  const seen: unknown[] = [];
  const { view, page, sink, handle } = stream({
    processBatch(_, { emit, reject }) {
      seen.push(view.phase);
      emit(0, { value: "x" });
      seen.push(view.phase);
      reject(0, "no");
      seen.push(view.phase);
      throw new Error("no");
    },
  });
  const { add } = sink;
  // As the real one does before it hands anything to librdkafka.
  sink.add = (...output) => {
    page.enter(Phase.native);
    add.apply(sink, output);
  };
  handle(across(1));
  assert.deepEqual([...seen, view.phase], [
    Phase.user,
    Phase.user,
    Phase.user,
    Phase.native,
  ]);
});

Deno.test("a fenced worker does not begin a batch", () => {
  let calls = 0;
  const { view, handle } = stream({ processBatch: () => void calls++ });
  view.fenceNow();
  assert.throws(() => handle(across(1)), FencedError);
  assert.equal(calls, 0);
});

Deno.test("a worker that is fenced in a batch settles nothing of it", () => {
  const { view, settlement, handle } = stream({
    processBatch() {
      view.fenceNow();
    },
  });
  assert.throws(() => handle(across(1)), FencedError);
  assert.equal(settlement.idle, false);
});

Deno.test("an error outside the batch is not put down to a record", async () => {
  const broken = new Error("the sink is broken");
  const { running, sink, crashes, handle } = held();
  sink.reject = () => {
    throw broken;
  };
  handle(across(1));
  running[0]!.fail(new Error("no"));
  await turn();
  assert.deepEqual(crashes, [broken]);
});
