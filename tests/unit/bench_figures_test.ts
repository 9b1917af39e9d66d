import assert from "node:assert/strict";
import { median, secondsAt, steadyRate } from "../../bench/figures.ts";
import { differences, type Digest } from "../../bench/input.ts";
import { replaceSection } from "../../bench/report.ts";

Deno.test("the steady rate leaves out start and tail", () => {
  // 5 s of start, 1,000/s from then on, and a tail of 10 s.
  const samples = [
    { seconds: 5, outputs: 1 },
    { seconds: 15, outputs: 9_999 },
    { seconds: 25, outputs: 10_000 },
  ];
  const rate = steadyRate(samples, 10_000);
  assert.ok(Math.abs(rate - 1000) < 1, String(rate));
});

Deno.test("a moment between two looks is interpolated", () => {
  const samples = [{ seconds: 1, outputs: 0 }, { seconds: 2, outputs: 100 }];
  assert.equal(secondsAt(samples, 0.25), 1.25);
});

Deno.test("without an output there is no rate", () => {
  assert.ok(Number.isNaN(steadyRate([], 100)));
});

Deno.test("the median of two values lies between them", () => {
  assert.equal(median([10, 20]), 15);
  assert.equal(median([30, 10, 20]), 20);
  assert.ok(Number.isNaN(median([])));
});

const input: Digest = { records: 10, content: "a", order: "b" };

Deno.test("equal digests and commits differ in nothing", () => {
  assert.deepEqual(differences(input, input, 10), []);
});

Deno.test("each kind of wrong output is named", () => {
  const named: [Digest, number, string][] = [
    [{ ...input, records: 8 }, 10, "2 outputs are missing"],
    [{ ...input, records: 13 }, 10, "3 outputs too many"],
    [{ ...input, content: "x", order: "x" }, 10, "outputs are wrong"],
    [{ ...input, order: "x" }, 10, "the order of a key is wrong"],
    [input, 9, "1 inputs are not committed"],
  ];
  for (const [output, committed, problem] of named) {
    assert.deepEqual(differences(input, output, committed), [problem]);
  }
});

Deno.test("a table replaces the one between its markers and nothing else", () => {
  const page = (content: string) =>
    `before\n<!-- t: written by the bench -->\n\n${content}\n\n` +
    "<!-- end of t -->\nafter\n";
  assert.equal(replaceSection(page("old"), "t", "new"), page("new"));
  assert.throws(() => replaceSection("no markers", "t", "new"), /no markers/);
});
