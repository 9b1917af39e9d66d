import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "../../src/config/duration.ts";

const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

Deno.test("durations are read in their units", () => {
  assert.equal(parseDuration("250ms"), 250);
  assert.equal(parseDuration("30s"), 30_000);
  assert.equal(parseDuration("5m"), 300_000);
  assert.equal(parseDuration("1h"), 3_600_000);
  assert.equal(parseDuration("1.5s"), 1500);
  assert.equal(parseDuration(" 2s "), 2000);
});

for (
  const text of [
    "",
    "s",
    "30",
    "30 s",
    "-1s",
    "+1s",
    "0s",
    "0.0ms",
    "1e3s",
    "1d",
    "1S",
    "1s1s",
    ".5s",
    "1.s",
    "NaNs",
  ]
) {
  Deno.test(`${JSON.stringify(text)} is no duration`, () => {
    assert.equal(parseDuration(text), null);
  });
}

Deno.test("any whole number above 0 with a unit is a duration", () => {
  const unit = fc.constantFrom(...Object.keys(UNITS) as (keyof typeof UNITS)[]);
  const number = fc.integer({ min: 1, max: 1_000_000 });
  fc.assert(fc.property(number, unit, (number, unit) => {
    assert.equal(parseDuration(`${number}${unit}`), number * UNITS[unit]);
  }));
});

Deno.test("durations are written in the largest unit that is whole", () => {
  assert.equal(formatDuration(3_600_000), "1h");
  assert.equal(formatDuration(600_000), "10m");
  assert.equal(formatDuration(90_000), "90s");
  assert.equal(formatDuration(1500), "1500ms");
});

Deno.test("a duration that was written is read as the same", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (ms) => {
    assert.equal(parseDuration(formatDuration(ms)), ms);
  }));
});
