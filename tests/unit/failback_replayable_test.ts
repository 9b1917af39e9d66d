import assert from "node:assert/strict";
import { replayablePartitions } from "../../dr/failback/replayable.ts";

Deno.test("a replay may be at all that was mirrored, and at all that would be, each once", () => {
  const partitions = replayablePartitions(
    [{ topic: "grown", partition: 0 }, { topic: "deleted", partition: 1 }],
    new Map([["grown", 2], ["never mirrored", 1], ["other", 1]]),
    (topic) => topic !== "other",
  );
  assert.deepEqual(
    partitions.map(({ partition, topic }) => `${topic}-${partition}`).sort(),
    ["deleted-1", "grown-0", "grown-1", "never mirrored-0"],
  );
});
