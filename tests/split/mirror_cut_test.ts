/** The primary lives and is worked on, and the mirror does not reach it. */
import assert from "node:assert/strict";
import { failover } from "../support/failover_run.ts";
import {
  deadlineMs,
  mirrored,
  neverSwitched,
  refusing,
  splitTest,
  stayedWhole,
} from "./world.ts";

const RPO_MS = 4_000;

splitTest(
  "a primary that the mirror has lost is not left beyond the RPO, and is mirrored exactly when the mirror reaches it again",
  { primary: ["SENTINEL", "MIRROR", "POOL"], secondary: [] },
  async (world) => {
    const { mirror, pool, sentinel, stray } = await world.atWork({
      SENTINEL_RPO_MS: `${RPO_MS}`,
    });
    const link = (way: string) => world.link("primary", way);

    link("MIRROR").hang();
    await sentinel.until(
      "behind",
      ({ lagMs }) => lagMs !== null && lagMs > 2 * RPO_MS,
    );
    assert.deepEqual((await sentinel.status()).decision, { kind: "stay" });
    const byHand = await failover(world.pair);
    assert.equal(byHand.code, 1, byHand.said);
    assert.match(byHand.said, /the primary answers, so this was not begun/);

    // Now nobody reaches it who could tell that it lives.
    link("POOL").hang();
    link("SENTINEL").hang();
    const refused = await refusing(
      sentinel,
      "beyond-rpo",
      /secondary is \d+ s behind primary, and at most 4 s/,
    );
    await neverSwitched(world);

    for (const way of ["MIRROR", "POOL", "SENTINEL"]) link(way).heal();
    await sentinel.until(
      "content again",
      ({ decision, lagMs }) =>
        decision?.kind === "stay" && lagMs !== null && lagMs <= RPO_MS,
    );
    const once = await stayedWhole(world, stray);
    await pool.stop();
    await world.pair.caughtUp(mirrored, [mirror], deadlineMs);
    await mirror.stop();
    const { counts } = await world.pair.isExact(
      mirrored.map((each) => ({ name: each })),
    );
    console.log(JSON.stringify({ once, refused, counts }));
  },
);
