/** All but a client that knows nothing of it have lost the primary. */
import assert from "node:assert/strict";
import { FailbackRuns } from "../support/failback_run.ts";
import { eventually } from "../support/wait.ts";
import { deadlineMs, mirrored, splitTest, topics } from "./world.ts";

const WAYS = ["SENTINEL", "MIRROR", "POOL"];
const STRAYED = 500;

splitTest(
  "what a stray client writes to a primary that everybody has left is listed as its tail, and processed once when it is replayed",
  { primary: WAYS, secondary: [] },
  async (world) => {
    const { pool, stray } = await world.atWork();

    for (const way of WAYS) world.link("primary", way).hang();
    const strayed = stray.next;
    const cutMs = Date.now();
    const switched = await pool.logged(/switched to secondary/, deadlineMs);
    const switchedAt = stray.next;
    await eventually(() => stray.acknowledged.has(switchedAt + STRAYED), {
      what: "acknowledged by the primary that was left",
      timeoutMs: deadlineMs,
    });
    await stray.stop();
    const acknowledged = new Set(stray.acknowledged.keys());
    const kept = await world.inputs("secondary");
    const tail = acknowledged.difference(kept);
    for (const id of acknowledged) {
      assert.ok(id < strayed || tail.has(id), `${id} is on the secondary`);
    }
    await world.eachOnce("secondary", kept, tail);

    for (const way of WAYS) world.link("primary", way).heal();
    const runs = new FailbackRuns(world.pair, {
      MIRROR_TOPICS: mirrored.map((each) => each.replaceAll(".", "\\."))
        .join(","),
      INPUT_TOPIC: topics.input,
      OUTPUT_TOPIC: topics.output,
      GROUP_ID: topics.group,
      HTTP_PORT: "0",
    });
    const plan = await runs.json("failback", "--dry-run");
    assert.deepEqual(plan.problems, []);
    const listed = plan.tail.find((each: { readonly topic: string }) =>
      each.topic === topics.input
    );
    assert.deepEqual(
      [listed?.class, listed?.treatment, listed?.records],
      ["source", "replay", tail.size],
    );

    await using failback = runs.start("failback");
    await failback.waitForLine(/^reverse /, { timeoutMs: deadlineMs });
    assert.deepEqual(await world.inputs("secondary"), acknowledged);
    const once = await world.eachOnce("secondary", acknowledged);
    failback.signal("SIGTERM");
    await failback.exit(deadlineMs);
    console.log(JSON.stringify({
      switchedAfterMs: Date.parse(switched.time) - cutMs,
      acknowledged: acknowledged.size,
      mirrored: kept.size,
      tail: tail.size,
      afterTheCut: acknowledged.size - strayed,
      once,
    }));
  },
);
