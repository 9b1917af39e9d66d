import assert from "node:assert/strict";
import fc from "fast-check";
import { z } from "zod";
import { FencedError, Phase } from "../../src/pool/page.ts";
import type { Sample } from "../../src/pool/status.ts";
import type {
  Context,
  Output,
  RecordProcessor,
} from "../../workers/processor.ts";
import { fakeClock } from "./support_clock.ts";
import {
  across,
  stream,
  type StreamOptions,
  valued,
} from "./support_stream.ts";
import { type FakeRecord, turn } from "./support_worker_fakes.ts";

type Outputs = Output | readonly Output[] | void;
interface Running {
  readonly lane: number;
  readonly offset: number;
  readonly context: Context;
  end(outputs?: Outputs): void;
  fail(error: unknown): void;
}

/** A processor whose handlers end when the test says so. */
function held(options?: StreamOptions) {
  const running: Running[] = [];
  const started: { readonly lane: number; readonly offset: number }[] = [];
  const process: RecordProcessor<unknown>["process"] = (
    { partition: lane, offset },
    context,
  ) => {
    const { promise, resolve, reject } = Promise.withResolvers<Outputs>();
    const forget = () => running.splice(running.indexOf(handler), 1);
    const handler: Running = {
      lane,
      offset,
      context,
      end: (outputs) => (forget(), resolve(outputs)),
      fail: (error) => (forget(), reject(error)),
    };
    started.push({ lane, offset });
    running.push(handler);
    return promise;
  };
  return { ...stream({ process }, options), running, started };
}

const values = (outputs: readonly { readonly record: { value: unknown } }[]) =>
  outputs.map(({ record }) => record.value);

Deno.test("outputs are sent in the order of their records, with all that they say", () => {
  const { sink, handle } = stream({
    process: ({ text, offset }) => ({
      key: `k${offset}`,
      value: text?.toUpperCase(),
      headers: [{ key: "h", value: "v" }],
      timestampMs: 5,
      partition: 1,
    }),
  });
  handle(valued("a", "b"));
  assert.deepEqual(sink.outputs.map(({ index, record }) => [index, record]), [
    [0, {
      topic: "out",
      key: "k0",
      value: "A",
      headers: [{ key: "h", value: "v" }],
      timestampMs: 5,
      partition: 1,
    }],
    [1, {
      topic: "out",
      key: "k1",
      value: "B",
      headers: [{ key: "h", value: "v" }],
      timestampMs: 5,
      partition: 1,
    }],
  ]);
});

Deno.test("a record is settled when all of its outputs have arrived, and not before", () => {
  const { sink, settlement, handle } = stream({
    process: () => [{ value: "a" }, { value: "b" }],
  });
  const ticket = handle(across(1));
  assert.equal(settlement.idle, false);
  settlement.done(ticket, 0); // the first of two
  assert.equal(settlement.idle, false);
  settlement.done(ticket, 0);
  assert.equal(settlement.idle, true);
  assert.deepEqual(values(sink.outputs), ["a", "b"]);
});

for (
  const [what, result] of [["nothing", undefined], ["no outputs", []]] as const
) {
  Deno.test(`a record for which ${what} is returned is skipped and settled`, () => {
    const { sink, settlement, handle } = stream({
      process: () => result,
    });
    handle(across(3));
    assert.equal(sink.outputs.length + sink.rejections.length, 0);
    assert.equal(sink.skipped, 3);
    assert.equal(settlement.idle, true);
  });
}

Deno.test("a handler's error rejects its record and no other", () => {
  const { sink, settlement, handle } = stream({
    process({ offset }) {
      if (offset === 1) throw new RangeError("too far");
      return { value: offset };
    },
  });
  handle(valued("a", "b", "c"));
  assert.deepEqual(values(sink.outputs), ["0", "2"]);
  assert.deepEqual(
    sink.rejections.map(({ offset, reason }) => [offset, reason]),
    [[1, "RangeError: too far"]],
  );
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("a promise's error rejects its record and no other", async () => {
  const { sink, running, settlement, handle } = held();
  handle(valued("a", "b"));
  running[0]!.fail(new Error("no"));
  await turn();
  running[0]!.end({ value: "fine" });
  await turn();
  assert.deepEqual(
    sink.rejections.map(({ offset, reason }) => [offset, reason]),
    [[0, "no"]],
  );
  assert.deepEqual(values(sink.outputs), ["fine"]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("what the schema refuses is rejected with its path, bad JSON with its place", () => {
  const { sink, handle } = stream({
    input: z.object({ id: z.string() }),
    process: ({ value }) => ({ value: value.id }),
  });
  handle(valued('{"id":1}', "{", null, '{"id":"x"}'));
  assert.deepEqual(values(sink.outputs), ["x"]);
  const [type, json, tombstone] = sink.rejections.map(({ reason }) => reason);
  assert.match(type!, /^id: .*string/);
  assert.match(json!, /^the value is not JSON: /);
  assert.equal(tombstone, "the value is null");
});

Deno.test("a record goes whole or not at all: one bad output of three rejects it", () => {
  const { sink, handle } = stream({
    process: () => [{ value: "a" }, { value: 1n }, { value: "c" }],
  });
  handle(across(1));
  assert.deepEqual(sink.outputs, []);
  assert.match(sink.rejections[0]!.reason, /^OutputError: .*not JSON/);
});

Deno.test("a bad output of an asynchronous handler rejects its record", async () => {
  const { sink, running, crashes, handle } = held();
  handle(across(1));
  running[0]!.end({ key: 5, value: 1 } as unknown as Output);
  await turn();
  assert.match(sink.rejections[0]!.reason, /^OutputError: .*`key`/);
  assert.deepEqual(crashes, []);
});

Deno.test("in any order of endings partitions keep theirs, and as many handlers run as may", async () => {
  const lane = fc.integer({ min: 0, max: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(lane, { minLength: 1, maxLength: 12 }), {
        minLength: 1,
        maxLength: 6,
      }),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat()),
      async (batches, concurrency, picks) => {
        const pick = (count: number) => picks.next().value! % count;
        const heads = new Map<number, number>();
        const { started, running, sink, settlement, crashes, handle } = held({
          limits: { concurrency },
        });
        const check = () => {
          const lanes = running.map((each) => each.lane);
          assert.equal(new Set(lanes).size, lanes.length, "one a partition");
          const waiting =
            [...heads].filter(([lane, head]) =>
              started.filter((each) => each.lane === lane).length < head &&
              !lanes.includes(lane)
            ).length;
          const most = Math.min(concurrency, lanes.length + waiting);
          assert.equal(lanes.length, most, "as many as may");
        };
        const endOne = async () => {
          const { lane, offset, end } = running[pick(running.length)]!;
          end({ value: `${lane}:${offset}` });
          await turn();
          assert.equal(sink.flushed, sink.outputs.length, "sent at once");
          check();
        };
        for (const lanes of batches) {
          handle(lanes.map((lane) => {
            const offset = heads.get(lane) ?? 0;
            heads.set(lane, offset + 1);
            return { lane, offset };
          }));
          check();
          for (let ends = pick(4); ends > 0 && running.length > 0; ends--) {
            await endOne();
          }
        }
        while (running.length > 0) await endOne();
        for (const [lane, head] of heads) {
          const inOrder = Array.from({ length: head }, (_, offset) => offset);
          const offsetsOf = (
            list: readonly { lane: number; offset: number }[],
          ) =>
            list.filter((each) => each.lane === lane)
              .map((each) => each.offset);
          assert.deepEqual(offsetsOf(started), inOrder);
          assert.deepEqual(offsetsOf(sink.outputs), inOrder);
        }
        sink.acknowledge();
        assert.equal(settlement.idle, true);
        assert.deepEqual(crashes, []);
      },
    ),
    { numRuns: 60 },
  );
});

Deno.test("records that are handled at once keep their place behind those that are not", async () => {
  const ends: (() => void)[] = [];
  const { sink, handle } = stream({
    process({ offset }) {
      const output = { value: String(offset) };
      if (offset % 3 !== 0) return output;
      return new Promise<Output>((resolve) => ends.push(() => resolve(output)));
    },
  });
  handle(valued("a", "b", "c", "d", "e"));
  assert.deepEqual(values(sink.outputs), []);
  ends.shift()!();
  await turn();
  assert.deepEqual(values(sink.outputs), ["0", "1", "2"]);
  ends.shift()!();
  await turn();
  assert.deepEqual(values(sink.outputs), ["0", "1", "2", "3", "4"]);
});

Deno.test("a partition with much to do does not keep the others waiting", async () => {
  const { running, started, handle } = held({ limits: { concurrency: 1 } });
  const records = [0, 1, 2].flatMap((lane): FakeRecord[] =>
    across(3).map((_, offset) => ({ lane, offset }))
  );
  handle(records);
  while (running.length > 0) {
    running[0]!.end();
    await turn();
  }
  const lanes = started.map((each) => each.lane);
  assert.deepEqual(lanes, [0, 1, 2, 0, 1, 2, 0, 1, 2]);
});

Deno.test("more records than a stack holds may wait in one partition", async () => {
  const count = 130_000;
  let handled = 0;
  const over = Promise.withResolvers<void>();
  const { handle } = stream({
    process() {
      if (++handled === count) over.resolve();
      return Promise.resolve();
    },
  });
  handle(Array.from({ length: count }, (_, offset) => ({
    lane: 0,
    offset,
    value: null,
  })));
  assert.equal(handled, 1);
  await over.promise;
  await turn();
});

Deno.test("a handler that takes too long is told so, and its record is rejected", async () => {
  using clock = fakeClock();
  const { running, sink, handle } = held({
    limits: { handlerTimeoutMs: 1000 },
  });
  handle(across(1));
  const { signal } = running[0]!.context;
  await clock.tick(999);
  assert.equal(signal.aborted, false);
  assert.deepEqual(sink.rejections, []);
  await clock.tick(1);
  assert.equal(signal.aborted, true);
  assert.match(String(signal.reason), /the handler took over 1000 ms/);
  assert.deepEqual(sink.rejections.map(({ reason }) => reason), [
    "the handler took over 1000 ms",
  ]);
});

Deno.test("a signal that is asked for after its time was over has been aborted", async () => {
  using clock = fakeClock();
  const { running, handle } = held();
  handle(across(1));
  const { context } = running[0]!;
  await clock.tick(1000);
  assert.equal(context.signal.aborted, true);
});

Deno.test("behind a handler that took too long its partition goes on, and what it still says is ignored", async () => {
  using clock = fakeClock();
  const { running, sink, settlement, crashes, handle } = held();
  handle(valued("a", "b"));
  const late = running[0]!;
  await clock.tick(1000);
  const next = running.at(-1)!;
  assert.equal(next.offset, 1);
  assert.equal(next.context.signal.aborted, false);
  late.end({ value: "too late" });
  next.end({ value: "in time" });
  await clock.tick(0);
  assert.deepEqual(values(sink.outputs), ["in time"]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
  assert.deepEqual(crashes, []);
});

Deno.test("each handler has its own time, and none is left when all have ended", async () => {
  using clock = fakeClock();
  const { running, sink, handle } = held();
  handle(across(1));
  await clock.tick(600);
  handle([{ lane: 1, offset: 0 }]);
  await clock.tick(600);
  assert.deepEqual(sink.rejections.map(({ lane }) => lane), [0]);
  running.find((each) => each.lane === 1)!.end();
  await clock.tick(0);
  assert.equal(clock.timers, 0);
});

Deno.test("a handler that ends at once needs no timer", () => {
  using clock = fakeClock();
  const { handle } = stream({ process: () => ({ value: 1 }) });
  handle(across(3));
  assert.equal(clock.timers, 0);
});

Deno.test("when the worker ends its handlers are told, and what waits is not begun", async () => {
  const { kind, running, started, handle } = held({
    limits: { concurrency: 2 },
  });
  handle([...across(3), ...across(3, 1)]);
  const signals = running.map((each) => each.context.signal);
  assert.deepEqual(signals.map((each) => each.aborted), [false, false]);
  kind.abort();
  assert.deepEqual(signals.map((each) => each.aborted), [true, true]);
  assert.match(String(signals[0]!.reason), /the worker ends/);
  for (const each of [...running]) each.end();
  await turn();
  assert.equal(started.length, 2);
});

Deno.test("a handler is told that it is the first attempt and where to log", async () => {
  const { running, handle } = held();
  handle(across(1));
  const { attempt, log } = running[0]!.context;
  assert.equal(attempt, 1);
  log.info("hello");
  running[0]!.end();
  await turn();
});

Deno.test("the page says `user` while a handler runs and `native` behind it, whatever it throws", () => {
  const seen: unknown[] = [];
  const { view, handle } = stream({
    process({ offset }) {
      seen.push(view.phase);
      if (offset === 1) throw new Error("no");
    },
  });
  for (const offset of [0, 1]) {
    handle([{ lane: 0, offset }]);
    seen.push(view.phase);
  }
  assert.deepEqual(seen, [Phase.user, Phase.native, Phase.user, Phase.native]);
});

Deno.test("a fenced worker does not call its processor", () => {
  let calls = 0;
  const { view, sink, handle } = stream({
    process: () => void calls++,
  });
  view.fenceNow();
  assert.throws(() => handle(across(1)), FencedError);
  assert.equal(calls, 0);
  assert.deepEqual(sink.outputs, []);
});

Deno.test("a worker that is fenced in a handler sends nothing of it", () => {
  const { view, sink, settlement, handle } = stream({
    process() {
      view.fenceNow();
      return { value: "never" };
    },
  });
  assert.throws(() => handle(across(1)), FencedError);
  assert.deepEqual(sink.outputs, []);
  assert.equal(settlement.idle, false);
});

Deno.test("a fence that was put up between two asynchronous handlers is told, and the second does not begin", async () => {
  const { view, running, started, crashes, handle } = held();
  handle(valued("a", "b"));
  view.fenceNow();
  running[0]!.end();
  await turn();
  assert.equal(started.length, 1);
  assert.equal(crashes.length, 1);
  assert.ok(crashes[0] instanceof FencedError);
});

Deno.test("an error outside the handlers is not put down to a record", async () => {
  const broken = new Error("the sink is broken");
  const sync = stream({ process: () => ({ value: 1 }) });
  sync.sink.add = () => {
    throw broken;
  };
  assert.throws(() => sync.handle(across(1)), broken);
  const later = held();
  later.sink.add = sync.sink.add;
  later.handle(across(1));
  later.running[0]!.end({ value: 1 });
  await turn();
  assert.deepEqual(later.crashes, [broken]);
  assert.deepEqual(later.sink.rejections, []);
});

Deno.test("twice a second a record is shown, with its first output or its reason", async () => {
  using clock = fakeClock();
  const samples: Sample[] = [];
  const { handle } = stream({
    process({ text }) {
      if (text === "bad") throw new Error("no");
      if (text === "skip") return;
      return [{ value: `${text}!` }, { value: "second" }];
    },
  }, { onSample: (sample) => samples.push(sample) });
  for (const [at, text] of ["a", "b", "bad", "c", "skip", "d"].entries()) {
    handle([{ lane: 0, offset: at, value: text }]);
    await clock.tick(250);
  }
  assert.deepEqual(samples, [
    { input: "a", output: "a!" },
    { input: "bad", output: null, reason: "no" },
    { input: "skip", output: null },
  ]);
});

Deno.test("long values are cut in samples and bytes are counted", () => {
  const samples: Sample[] = [];
  const { handle } = stream({
    process: () => ({ value: new Uint8Array(7) }),
  }, { onSample: (sample) => samples.push(sample) });
  handle(valued("x".repeat(5000)));
  assert.deepEqual(samples, [{ input: "x".repeat(400), output: "7 bytes" }]);
});
