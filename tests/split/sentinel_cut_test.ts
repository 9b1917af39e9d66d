/** The primary lives and is worked on, and sentinels do not reach it. */
import assert from "node:assert/strict";
import { eventually } from "../support/wait.ts";
import {
  content,
  deadlineMs,
  refusing,
  splitTest,
  stayedWhole,
  topics,
} from "./world.ts";

const NAMES = ["ONE", "TWO", "THREE"] as const;

splitTest(
  "a primary that one sentinel of three, or all of them, cannot reach is not left while a pool works there",
  { primary: NAMES, secondary: [] },
  async (world) => {
    const mirror = world.mirror();
    const pool = world.pool();
    await mirror.running();
    await pool.logged("started");
    const stray = world.stray();
    await world.goesOn("secondary", topics.output, 200);
    const sentinels = NAMES.map((each) =>
      world.sentinel(each, { SENTINELS: "3" })
    );
    await content(sentinels);

    world.link("primary", "ONE").hang();
    const alone = await refusing(
      sentinels[0]!,
      "no-majority",
      /down for 1 sentinels and 2 are needed/,
    );
    await world.goesOn("primary", topics.output);
    for (const each of sentinels.slice(1)) {
      assert.deepEqual((await each.status()).decision, { kind: "stay" });
    }

    await world.link("primary", "TWO").cut();
    await world.link("primary", "THREE").cut();
    for (const each of sentinels) {
      await refusing(
        each,
        "in-use",
        /records are still settled on primary by split\/pool\//,
      );
    }
    await world.goesOn("secondary", topics.output, 200);
    await eventually(async () => {
      const { votes } = await world.printed();
      assert.ok(!("error" in votes));
      assert.deepEqual(
        votes.map(({ health, kind, isProgressing }) =>
          `${kind} ${health.primary} ${isProgressing}`
        ).sort(),
        ["pool unknown true", ...NAMES.map(() => "sentinel down false")],
      );
      return true;
    }, { what: "seen in the votes", timeoutMs: deadlineMs });

    for (const each of NAMES) world.link("primary", each).heal();
    await content(sentinels);
    const once = await stayedWhole(world, stray);
    console.log(JSON.stringify({ once, alone }));
  },
);
