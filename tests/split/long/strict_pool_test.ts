/** Strict leases: without the secondary there is no work on the primary either. */
import assert from "node:assert/strict";
import {
  deadlineMs,
  neverSwitched,
  splitTest,
  STRICT,
  topics,
} from "../world.ts";

splitTest(
  "a strict pool that only has lost the secondary stops, and goes on exactly once when it reaches it again",
  { primary: [], secondary: ["POOL"] },
  async (world) => {
    const { pool, sentinel, stray } = await world.atWork(STRICT);
    const { output, input } = topics;

    world.link("secondary", "POOL").hang();
    await pool.logged("has no lease any more, and stops at once", deadlineMs);
    // A commit may have been on its way.
    await world.goesOn("secondary", input, 200);
    const before = await world.count("primary", output);
    await world.goesOn("secondary", input);
    assert.equal(await world.count("primary", output), before);
    assert.equal((await pool.get("/readyz")).status, 503);
    assert.deepEqual((await sentinel.status()).decision, { kind: "stay" });

    world.link("secondary", "POOL").heal();
    await world.goesOn("primary", output);
    await stray.stop();
    const once = await world.eachOnce("primary", stray.acknowledged.keys());
    await neverSwitched(world);
    await pool.stop();
    console.log(JSON.stringify({ once, before }));
  },
);
