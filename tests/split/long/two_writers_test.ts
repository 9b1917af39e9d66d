/** What strict leases are good for: without them there can be two writers. */
import assert from "node:assert/strict";
import { commitTimes } from "../../support/commit_markers.ts";
import { ALONE, firstMadeOnSecondary, leaveAlone } from "../alone.ts";
import { deadlineMs, splitTest, topics } from "../world.ts";

splitTest(
  "without strict leases a pool that is alone with the primary goes on while another one works on the secondary",
  ALONE,
  async (world) => {
    const { other, pool } = await leaveAlone(world);
    const movedMs = await firstMadeOnSecondary(world, other);
    await world.goesOn("primary", topics.output, 200);
    const commits = await commitTimes(world.pair.source.cluster, topics.output);
    const late = commits.filter((ms) => ms > movedMs);
    assert.ok(late.length > 0, "there were no two writers");

    // It hears of it as soon as it can.
    world.link("secondary", "POOL").heal();
    await pool.logged(/switched to secondary/, deadlineMs);
    console.log(JSON.stringify({
      commitsBeside: late.length,
      besideMs: late.at(-1)! - movedMs,
    }));
  },
);
