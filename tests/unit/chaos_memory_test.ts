import assert from "node:assert/strict";
import { slopeOf, summaryOfMemory } from "../chaos/memory.ts";

const mib = 2 ** 20;

/** Every five seconds, beginning at `fromMs`. */
const samples = (megabytes: readonly number[], fromMs = 0) =>
  megabytes.map((each, at) => ({
    atMs: fromMs + at * 5_000,
    bytes: each * mib,
  }));

Deno.test("memory that grows by one MiB each five seconds has a slope of twelve a minute", () => {
  const growing = Array.from({ length: 20 }, (_, at) => 100 + at);
  assert.equal(Math.round(slopeOf(samples(growing, 999))!), 12);
});

Deno.test("what happens while a process warms up is left out", () => {
  const flat = [10, 50, 90, 120, 140, 150, ...Array(10).fill(160)];
  assert.equal(slopeOf(samples(flat)), 0);
  const long = Array.from({ length: 300 }, (_, at) => Math.min(at, 90));
  assert.equal(slopeOf(samples(long)), 0);
});

Deno.test("a short life has no slope", () => {
  assert.equal(slopeOf(samples([1, 2, 3, 4, 5, 6, 7, 8])), null);
  assert.equal(slopeOf([]), null);
});

Deno.test("the slope is that of the longest life, the peak that of all", () => {
  const summary = summaryOfMemory(
    new Map([
      [1, samples([500, 500])],
      [2, samples(Array(30).fill(100))],
    ]),
  );
  assert.deepEqual(summary, {
    peakMib: 500,
    slopeMibAMinute: 0,
    watchedSeconds: 145,
  });
  assert.equal(summaryOfMemory(new Map()).slopeMibAMinute, null);
});
