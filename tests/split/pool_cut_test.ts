/** The primary lives, and the pool does not reach it. */
import assert from "node:assert/strict";
import { sized } from "../support/soak.ts";
import { splitTest, stayedWhole, topics } from "./world.ts";

/** At 200 a second; in a soak longer than transactions and members have. */
const LONG = sized(400, 2_600);

splitTest(
  "a primary that only the pool has lost is not left, and the pool goes on exactly once when it reaches it again",
  { primary: ["POOL"], secondary: [] },
  async (world) => {
    const { pool, sentinel, stray } = await world.atWork();
    const { output, input } = topics;

    await world.link("primary", "POOL").cut();
    await sentinel.until(
      "told that the pool stands still",
      ({ votes }) =>
        votes.some(({ isProgressing, kind }) =>
          kind === "pool" && !isProgressing
        ),
    );
    const before = await world.count("primary", output);
    await world.goesOn("secondary", input, LONG);
    assert.equal(await world.count("primary", output), before);
    const { decision, health } = await sentinel.status();
    assert.deepEqual(decision, { kind: "stay" });
    assert.equal(health?.primary.health, "healthy");

    world.link("primary", "POOL").heal();
    await world.goesOn("primary", output, LONG);
    const once = await stayedWhole(world, stray);
    await pool.stop();
    console.log(JSON.stringify({ once, before }));
  },
);
