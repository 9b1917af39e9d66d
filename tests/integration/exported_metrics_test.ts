import assert from "node:assert/strict";
import { exportedMetrics } from "../support/exported_metrics.ts";
import { OURS } from "../support/metric_catalogue.ts";

Deno.test("start, mirror and sentinel export what operators are told of, with these labels", async () => {
  const exported = [...await exportedMetrics()]
    .filter(([name]) => name !== "target_info")
    .map(([name, labels]): [string, string[]] => [name, [...labels]]);
  assert.deepEqual(sorted(exported), sorted(Object.entries(OURS)));
});

function sorted(
  metrics: readonly (readonly [name: string, labels: readonly string[]])[],
): Record<string, string[]> {
  return Object.fromEntries(
    metrics.map(([name, labels]) => [name, labels.toSorted()]),
  );
}
