import assert from "node:assert/strict";
import fc from "fast-check";
import type { LogLine } from "../../src/telemetry/log.ts";
import { Repetition } from "../../src/telemetry/repetition.ts";

const LIMITS = { lines: 2, windowMs: 1000, kinds: 3 };

const line = (
  message: string,
  fields: LogLine["fields"] = {},
  level: LogLine["level"] = "warn",
): LogLine => ({ time: "t", level, message, fields });

const repeatedIn = ({ fields }: LogLine) => Number(fields["repeated"] ?? 0);

Deno.test("what repeats itself is written some times, and then once with how often", () => {
  const repetition = new Repetition(LIMITS);
  const written = [0, 1, 2, 3, 4].flatMap((at) =>
    repetition.take(line("broken", { delayMs: at }), at)
  );
  assert.deepEqual(written.map(({ fields }) => fields), [
    { delayMs: 0 },
    { delayMs: 1 },
  ]);
  assert.equal(repetition.dueMs, 1000);
  assert.deepEqual(repetition.due(999), []);
  assert.deepEqual(repetition.due(1000), [
    line("broken", { delayMs: 4, repeated: 3 }),
  ]);
  assert.equal(repetition.dueMs, null);
  // The next window begins as the first.
  assert.equal(repetition.take(line("broken"), 1001).length, 1);
});

Deno.test("numbers make no new kind of line; names, addresses, offsets and levels do", () => {
  const alike: readonly [LogLine, LogLine][] = [
    [line("x", { worker: 1 }), line("x", { worker: 2 })],
    [line("took 3 of 4"), line("took 5 of 6")],
    [
      line("refused (after 12ms in state A)"),
      line("refused (after 0ms in state A)"),
    ],
  ];
  const different: readonly [LogLine, LogLine][] = [
    [line("x", { topic: "a" }), line("x", { topic: "b" })],
    [line("127.0.0.1:9092 refused"), line("127.0.0.1:9093 refused")],
    [line("x", { from: "t-0@12" }), line("x", { from: "t-0@13" })],
    [line("broker-1"), line("broker-2")],
    [
      line("x", { error: { message: "a" } }),
      line("x", { error: { message: "b" } }),
    ],
    [line("x"), line("x", {}, "error")],
  ];
  const pass = ([one, other]: readonly [LogLine, LogLine]) => {
    const repetition = new Repetition({ ...LIMITS, lines: 1 });
    repetition.take(one, 0);
    return repetition.take(other, 0).length;
  };
  assert.deepEqual(alike.map(pass), [0, 0, 0]);
  assert.deepEqual(different.map(pass), [1, 1, 1, 1, 1, 1]);
});

Deno.test("of debugging every line is written", () => {
  const repetition = new Repetition(LIMITS);
  for (let at = 0; at < 10; at++) {
    assert.equal(repetition.take(line("x", {}, "debug"), at).length, 1);
  }
});

const lines = fc.array(fc.record({
  afterMs: fc.nat({ max: 700 }),
  kind: fc.nat({ max: 7 }),
  number: fc.nat(),
}));

Deno.test("no line is lost, the first of a kind passes, and memory is bounded, whatever comes", () => {
  fc.assert(fc.property(
    lines,
    fc.record({
      lines: fc.integer({ min: 1, max: 4 }),
      windowMs: fc.integer({ min: 1, max: 2000 }),
      kinds: fc.integer({ min: 1, max: 5 }),
    }),
    (taken, limits) => {
      const repetition = new Repetition(limits);
      const written: LogLine[] = [];
      const seen = new Set<number>();
      let nowMs = 0;
      for (const { afterMs, kind, number } of taken) {
        nowMs += afterMs;
        const now = repetition.take(
          line(`kind-${kind}`, { count: number }),
          nowMs,
        );
        assert.equal(
          seen.has(kind) || now.at(-1)?.message === `kind-${kind}`,
          true,
        );
        seen.add(kind);
        written.push(...now);
        assert.ok(repetition.size <= limits.kinds);
        // Nothing waits longer than its window.
        assert.ok((repetition.dueMs ?? Infinity) > nowMs);
      }
      written.push(...repetition.flush());
      assert.equal(repetition.size, 0);
      assert.equal(repetition.dueMs, null);
      for (const kind of seen) {
        const own = written.filter(({ message }) => message === `kind-${kind}`);
        const told = own.reduce(
          (sum, each) => sum + (repeatedIn(each) || 1),
          0,
        );
        assert.equal(told, taken.filter((each) => each.kind === kind).length);
      }
    },
  ));
});

Deno.test("of one kind a window writes its share, and one line more at its end", () => {
  fc.assert(
    fc.property(lines, fc.integer({ min: 1, max: 4 }), (taken, share) => {
      const windowMs = 1000;
      const repetition = new Repetition({ lines: share, windowMs, kinds: 1 });
      let nowMs = 0;
      const times: number[] = [];
      for (const { afterMs } of taken) {
        nowMs += afterMs;
        times.push(...repetition.take(line("x"), nowMs).map(() => nowMs));
      }
      for (const from of times) {
        const within = times.filter((each) =>
          each >= from && each < from + windowMs
        );
        // Two windows may touch it, and one of them ends in it.
        assert.ok(within.length <= 2 * share + 1, `${within.length}`);
      }
    }),
  );
});
