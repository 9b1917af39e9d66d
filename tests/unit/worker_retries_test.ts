import assert from "node:assert/strict";
import { OutputError } from "../../workers/output.ts";
import { RejectError, RetryError } from "../../workers/processor.ts";
import { fakeClock } from "./support_clock.ts";
import { across, stream, valued } from "./support_stream.ts";

const NONE = { attempts: 3, backoffMs: 100, inPlaceMs: 1000, delaysMs: [] };

/** Throws until the attempt that is named; says what it was told. */
function failing(until: number, error: () => unknown = () => new Error("no")) {
  const seen: string[] = [];
  const process = (
    { text, offset }: { readonly text: string | null; readonly offset: number },
    { attempt }: { readonly attempt: number },
  ) => {
    seen.push(`${offset}/${attempt}`);
    if (text === "bad" && attempt < until) throw error();
    return { value: `${offset}` };
  };
  return { seen, process };
}

const valuesOf = (sink: ReturnType<typeof stream>["sink"]) =>
  sink.outputs.map(({ record }) => record.value);

Deno.test("what a handler throws is tried again, in its place, until it succeeds", async () => {
  using clock = fakeClock();
  const { seen, process } = failing(3);
  const { sink, settlement, crashes, handle } = stream({ process }, {
    retry: NONE,
  });
  handle(valued("a", "bad", "c"));
  assert.deepEqual(seen, ["0/1", "1/1"]);
  await clock.tick(100);
  assert.deepEqual(seen, ["0/1", "1/1", "1/2"]);
  await clock.tick(200);
  assert.deepEqual(seen, ["0/1", "1/1", "1/2", "1/3", "2/1"]);
  assert.deepEqual(valuesOf(sink), ["0", "1", "2"]);
  assert.equal(sink.flushed, 3);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
  assert.equal(clock.timers, 0);
  assert.deepEqual(crashes, []);
});

Deno.test("after its last attempt it is a dead letter that says how often and since when, and its line goes on", async () => {
  using clock = fakeClock();
  const { process } = failing(Infinity);
  const { sink, settlement, handle } = stream({ process }, { retry: NONE });
  const firstMs = Date.now();
  handle(valued("bad", "b"));
  await clock.tick(300);
  assert.deepEqual(
    sink.rejections.map(({ offset, reason, failure }) => [
      offset,
      reason,
      failure,
    ]),
    [[0, "no", { attempts: 3, firstMs }]],
  );
  assert.deepEqual(valuesOf(sink), ["1"]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

for (
  const [what, error] of [
    ["RejectError", () => new RejectError("never")],
    ["OutputError", () => new OutputError("not JSON")],
  ] as const
) {
  Deno.test(`a ${what} makes a dead letter at once`, () => {
    const { process } = failing(Infinity, error);
    const { sink, handle } = stream({ process }, { retry: NONE });
    handle(valued("bad", "b"));
    assert.deepEqual(sink.rejections.map(({ failure }) => failure), [
      undefined,
    ]);
    assert.deepEqual(valuesOf(sink), ["1"]);
  });
}

Deno.test("what is no JSON, or no text, makes a dead letter at once", () => {
  const { sink, handle } = stream({ process: ({ value }) => ({ value }) }, {
    retry: NONE,
  });
  const value = new Uint8Array([0xff]);
  handle([{ lane: 0, offset: 0, value: "{" }, { lane: 0, offset: 1, value }]);
  assert.deepEqual(sink.rejections.map(({ offset }) => offset), [0, 1]);
});

Deno.test("a bad output makes a dead letter at once", () => {
  const { sink, handle } = stream({ process: () => ({ value: 1n }) }, {
    retry: NONE,
  });
  handle(across(1));
  assert.equal(sink.rejections.length, 1);
});

Deno.test("a record that was tried again and is then given up says so", async () => {
  using clock = fakeClock();
  const firstMs = Date.now();
  const { sink, handle } = stream({
    process(_, { attempt }) {
      throw attempt === 1 ? new Error("no") : new RejectError("never");
    },
  }, { retry: NONE });
  handle(across(1));
  await clock.tick(100);
  assert.deepEqual(
    sink.rejections.map(({ reason, failure }) => [reason, failure]),
    [["never", { attempts: 2, firstMs }]],
  );
});

Deno.test("a RetryError's wish is the wait", async () => {
  using clock = fakeClock();
  const { seen, process } = failing(
    2,
    () => new RetryError("busy", { delayMs: 700 }),
  );
  const { handle } = stream({ process }, { retry: NONE });
  handle(valued("bad"));
  await clock.tick(699);
  assert.equal(seen.length, 1);
  await clock.tick(1);
  assert.equal(seen.length, 2);
});

for (const delayMs of [-1, NaN, "5" as unknown as number]) {
  Deno.test(`a wish for ${delayMs} (${typeof delayMs}) is refused`, () => {
    assert.throws(() => new RetryError("busy", { delayMs }), RangeError);
  });
}

Deno.test("a rejected promise and a handler that takes too long are tried again", async () => {
  using clock = fakeClock();
  const seen: string[] = [];
  const { sink, settlement, handle } = stream({
    process({ offset }, { attempt }) {
      seen.push(`${offset}/${attempt}`);
      if (attempt === 2) return Promise.resolve({ value: `${offset}` });
      if (offset === 0) return Promise.reject(new Error("no"));
      return new Promise(() => {});
    },
  }, { retry: NONE, limits: { handlerTimeoutMs: 1000 } });
  handle(valued("a", "b"));
  await clock.tick(100);
  assert.deepEqual(seen, ["0/1", "0/2", "1/1"]);
  await clock.tick(1100);
  assert.deepEqual(seen, ["0/1", "0/2", "1/1", "1/2"]);
  assert.deepEqual(valuesOf(sink), ["0", "1"]);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
  assert.equal(clock.timers, 0);
});

Deno.test("while a record waits its partition waits and others go on, also where one handler may run", async () => {
  using clock = fakeClock();
  const { seen, process } = failing(2);
  const { sink, handle } = stream({
    process: (...args) => Promise.resolve(process(...args)),
  }, { retry: NONE, limits: { concurrency: 1 } });
  handle([
    { lane: 0, offset: 0, value: "bad" },
    { lane: 0, offset: 1 },
    { lane: 1, offset: 10 },
    { lane: 1, offset: 11 },
  ]);
  await clock.tick(10);
  assert.deepEqual(seen, ["0/1", "10/1", "11/1"]);
  await clock.tick(90);
  assert.deepEqual(valuesOf(sink), ["10", "11", "0", "1"]);
});

Deno.test("with an order by key the other keys of the partition go on", async () => {
  using clock = fakeClock();
  const { process } = failing(2);
  const { sink, handle } = stream({ process }, {
    retry: NONE,
    ordering: "key",
  });
  const keyed = (offset: number, key: string | null, value = "fine") => ({
    lane: 0,
    offset,
    key,
    value,
  });
  handle([
    keyed(0, "a", "bad"),
    keyed(1, "b"),
    keyed(2, "a"),
    keyed(3, null, "bad"),
    keyed(4, null),
  ]);
  assert.deepEqual(valuesOf(sink), ["1", "4"]);
  await clock.tick(100);
  assert.deepEqual(valuesOf(sink).toSorted(), ["0", "1", "2", "3", "4"]);
  assert.ok(valuesOf(sink).indexOf("0") < valuesOf(sink).indexOf("2"));
});

Deno.test("a wait too long for its place is the sink's, and the line goes on", () => {
  const { process } = failing(Infinity);
  const { sink, settlement, handle } = stream({ process }, {
    retry: { attempts: 3, backoffMs: 9000, delaysMs: [5000, 60_000] },
  });
  const before = Date.now();
  handle(valued("bad", "b"));
  const [{ offset, postponement }] = sink.postponed as [
    typeof sink.postponed[0],
  ];
  assert.equal(offset, 0);
  assert.ok(postponement.failure.firstMs >= before);
  assert.ok([5000, 60_000].includes(postponement.delayMs));
  assert.deepEqual([postponement.failure.attempts, postponement.reason], [
    1,
    "no",
  ]);
  assert.deepEqual(valuesOf(sink), ["1"]);
  assert.equal(settlement.idle, false);
  sink.acknowledge();
  assert.equal(settlement.idle, true);
});

Deno.test("when the worker ends, what waits is not tried again and what fails is nobody's", async () => {
  using clock = fakeClock();
  let fail = (_: unknown) => {};
  const { sink, kind, settlement, handle } = stream({
    process({ partition }) {
      if (partition === 0) throw new Error("no");
      return new Promise((_, reject) => fail = reject);
    },
  }, { retry: NONE });
  handle(across(2));
  kind.abort();
  fail(new Error("aborted"));
  await clock.tick(10_000);
  assert.deepEqual([...sink.outputs, ...sink.rejections], []);
  assert.equal(settlement.idle, false);
  assert.equal(clock.timers, 0);
});

Deno.test("an error of ours at a later attempt ends the worker", async () => {
  using clock = fakeClock();
  const { process } = failing(2);
  const broken = new Error("the sink is broken");
  const { sink, crashes, handle } = stream({ process }, { retry: NONE });
  sink.add = () => {
    throw broken;
  };
  handle(valued("bad"));
  await clock.tick(100);
  assert.deepEqual(crashes, [broken]);
});
