import assert from "node:assert/strict";
import fc from "fast-check";
import { judge } from "../../dr/drill/judge.ts";
import type { Observed, Seen, SeenOutput } from "../../dr/drill/mod.ts";
import { broughtHome, failedOver, spoilt } from "./support_drill.ts";

const away = failedOver({ before: 60, after: 40, tail: 7, ahead: 3 });
const home = broughtHome({ before: 40, away: 30, after: 20 });
const NOT_LIKE = "1 copies of the mirror are not like their originals";

const changed = <T>(all: readonly T[], at: number, change: Partial<T>): T[] =>
  all.with(at, { ...all[at]!, ...change });
const on = (
  part: "inputs" | "outputs",
  at: number,
  change: Partial<Seen & SeenOutput>,
) =>
(there: Observed): Partial<Observed> =>
  part === "inputs"
    ? { inputs: changed(there.inputs, at, change) }
    : { outputs: changed(there.outputs, at, change) };

Deno.test("an input or output that came over with another timestamp or header is found", () => {
  fc.assert(
    fc.property(fc.constantFrom("inputs", "outputs"), fc.nat(), (part, nth) => {
      const there = away.clusters.secondary;
      // Those of the first inputs were mirrored.
      const at = nth % (there[part].findLastIndex(({ id }) => id < 50) + 1);
      const bad = spoilt(away, on(part, at, { digest: "another" }));
      assert.deepEqual(judge(bad).violations, [NOT_LIKE]);
    }),
  );
});

Deno.test("one that was made where it is is no copy", () => {
  const { inputs, outputs } = away.clusters.secondary;
  const good = spoilt(away, () => ({
    inputs: changed(inputs, inputs.length - 1, { digest: "its own" }),
    outputs: changed(outputs, outputs.length - 1, { digest: "its own" }),
  }));
  assert.deepEqual(judge(good).violations, []);
});

Deno.test("one that came home is compared with that of the secondary", () => {
  const at = home.clusters.primary.outputs.findIndex(({ id }) => id === 45);
  for (const part of ["inputs", "outputs"] as const) {
    const bad = spoilt(
      home,
      on(part, part === "inputs" ? 45 : at, {
        digest: "another",
      }),
    );
    assert.deepEqual(judge(bad).violations, [NOT_LIKE]);
  }
});

Deno.test("an output in another partition than its original is found", () => {
  const bad = spoilt(away, on("outputs", 0, { partition: 99 }));
  assert.ok(judge(bad).violations.includes(NOT_LIKE));
});

for (
  const change of [{ key: "another" }, { key: null }, { value: "{}" }, {
    value: null,
  }]
) {
  Deno.test(`a record with ${JSON.stringify(change)} is not what it should be`, () => {
    const last = (part: "inputs" | "outputs") =>
      away.clusters.secondary[part].length - 1;
    const input = spoilt(away, on("inputs", last("inputs"), change));
    assert.deepEqual(judge(input).violations, [
      "1 inputs are not as they were sent",
    ]);
    const output = spoilt(away, on("outputs", last("outputs"), change));
    assert.deepEqual(judge(output).violations, [
      "1 outputs are not as their inputs demand",
    ]);
  });
}
