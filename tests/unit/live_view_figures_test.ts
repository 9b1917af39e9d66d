import assert from "node:assert/strict";
import fc from "fast-check";
import { cellsOf, column, fit, printable } from "../../src/telemetry/cells.ts";
import {
  bar,
  count,
  duration,
  partitionRanges,
  share,
  sparkline,
} from "../../src/telemetry/figures.ts";
import { RateMeter } from "../../src/telemetry/rate_meter.ts";

const texts = fc.string({ unit: "binary", maxLength: 60 });

Deno.test("a rate is that of the window, not of all the time", () => {
  const meter = new RateMeter(2000);
  meter.observe(0, 0);
  for (let second = 1; second <= 10; second++) {
    meter.observe(100, second * 1000);
  }
  assert.equal(meter.perSecond, 0);
  meter.observe(150, 10_500);
  meter.observe(300, 11_000);
  assert.equal(meter.perSecond, 100);
});

Deno.test("an average begins where the counter begins to move", () => {
  const meter = new RateMeter(2000);
  meter.observe(0, 0);
  meter.observe(0, 5000);
  meter.observe(100, 6000);
  meter.observe(100, 7000);
  assert.equal(meter.averagePerSecond, 50);
});

Deno.test("a counter that begins anew gives no negative rate", () => {
  const meter = new RateMeter(2000);
  meter.observe(1000, 0);
  meter.observe(5, 1000);
  assert.deepEqual([meter.perSecond, meter.averagePerSecond], [0, 0]);
  meter.observe(15, 2000);
  assert.deepEqual([meter.perSecond, meter.averagePerSecond], [10, 10]);
});

Deno.test("no rate is known from a single look", () => {
  const meter = new RateMeter(2000);
  assert.equal(meter.perSecond, 0);
  meter.observe(10, 0);
  assert.equal(meter.perSecond, 0);
});

Deno.test("printable text has nothing that a terminal would obey", () => {
  assert.equal(printable("a\x1b[2Jb\r\n\u202ec\u009b"), "a·[2Jb···c·");
  fc.assert(fc.property(texts, (text) => {
    assert.doesNotMatch(printable(text), /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }));
});

Deno.test("wide and combining characters count as a terminal counts them", () => {
  assert.equal(cellsOf("abc"), 3);
  assert.equal(cellsOf("日本"), 4);
  assert.equal(cellsOf("🙂"), 2);
  assert.equal(cellsOf("e\u0301\u0301"), 1);
});

Deno.test("text is cut only where it is too long, with an ellipsis", () => {
  assert.equal(fit("abc", 3), "abc");
  assert.equal(fit("abcd", 3), "ab…");
  assert.equal(fit("日本", 3), "日…");
  assert.equal(fit("abc", 0), "");
});

Deno.test("a column is as wide as it is told, whatever is in it", () => {
  fc.assert(fc.property(texts, fc.nat(50), (text, cells) => {
    const safe = printable(text);
    assert.equal(cellsOf(column(safe, cells)), cells);
    assert.equal(cellsOf(column(safe, cells, "right")), cells);
  }));
});

Deno.test("figures are written as people read them", () => {
  assert.deepEqual([0, 0.25, 5, 9.99, 1234.5, 1e9].map(count), [
    "0",
    "0.3",
    "5",
    "10",
    "1,235",
    "1,000,000,000",
  ]);
  assert.deepEqual(
    [share(0, 0), share(1, 100_000), share(1, 100), share(1, 3)],
    ["0 %", "<0.1 %", "1.0 %", "33 %"],
  );
  assert.deepEqual([999, 67_000, 7_260_000].map(duration), [
    "0s",
    "1m 07s",
    "2h 01m",
  ]);
});

Deno.test("partitions are written as ranges, with their topic if there are several", () => {
  const of = (topic: string, ...numbers: number[]) =>
    numbers.map((partition) => ({ topic, partition }));
  assert.equal(partitionRanges([]), "");
  assert.equal(partitionRanges(of("a", 10, 2, 0, 1, 7)), "0-2, 7, 10");
  assert.equal(
    partitionRanges([...of("b", 1), ...of("a", 0, 1)]),
    "a 0-1; b 1",
  );
});

Deno.test("a bar has the length of its share, and something is never nothing", () => {
  assert.equal(bar(10, 10, 4), "████");
  assert.equal(bar(5, 10, 4), "██  ");
  assert.equal(bar(1, 1000, 4), "▏   ");
  assert.equal(bar(0, 10, 4), "    ");
  assert.equal(bar(20, 10, 4), "████");
  fc.assert(fc.property(
    fc.double({ min: 0, noNaN: true }),
    fc.double({ min: 0, noNaN: true }),
    fc.nat(20),
    (value, most, cells) => {
      assert.ok(cellsOf(bar(value, most, cells)) <= Math.max(1, cells));
    },
  ));
});

Deno.test("a sparkline shows the newest values, the highest at full height", () => {
  assert.equal(sparkline([0, 7, 14], 3), "▁▅█");
  assert.equal(sparkline([99, 0, 7, 14], 3), "▁▅█");
  assert.equal(sparkline([0, 0], 5), "▁▁");
  assert.equal(sparkline([1, 2], -1), "");
});
