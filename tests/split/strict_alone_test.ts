/** Strict leases: never two writers under one group. */
import assert from "node:assert/strict";
import { commitTimes } from "../support/commit_markers.ts";
import { ALONE, firstMadeOnSecondary, leaveAlone } from "./alone.ts";
import { deadlineMs, splitTest, STRICT, topics } from "./world.ts";

splitTest(
  "a strict pool that is alone with the primary has stopped before another one begins on the secondary",
  ALONE,
  async (world) => {
    const { other, pool } = await leaveAlone(world, STRICT);
    await pool.logged("has no lease any more, and stops at once", deadlineMs);
    const movedMs = await firstMadeOnSecondary(world, other);
    await world.goesOn("secondary", topics.output, 200);

    const { cluster } = world.pair.source;
    const before = await commitTimes(cluster, topics.output);
    const lastMs = before.at(-1)!;
    assert.ok(lastMs < movedMs, `committed ${lastMs - movedMs} ms later`);

    // Nor when it hears of it, and closes what it had there.
    world.link("secondary", "POOL").heal();
    await pool.logged(/switched to secondary/, deadlineMs);
    await world.goesOn("secondary", topics.output, 20);
    assert.deepEqual(await commitTimes(cluster, topics.output), before);
    console.log(JSON.stringify({
      commits: before.length,
      apartMs: movedMs - lastMs,
    }));
  },
);
