import assert from "node:assert/strict";
import { createLog } from "../../src/telemetry/log.ts";
import { progressText, startProgress } from "../../src/telemetry/progress.ts";
import { fakeClock } from "./support_clock.ts";

Deno.test("a job that moves says so every ten seconds, with its rate since the line before", async () => {
  using clock = fakeClock();
  const said: string[] = [];
  let total = 0;
  const progress = startProgress({
    log: createLog({ level: "info", write: (line) => said.push(line.message) }),
    total: () => total,
    text: (rate) => `${total} (${rate})`,
  });
  total = 20_000;
  await clock.tick(10_000);
  total = 20_050;
  await clock.tick(10_000);
  // Nothing moves: nothing is said, and the rate does not hide the rest.
  await clock.tick(60_000);
  total = 20_060;
  await clock.tick(10_000);
  progress[Symbol.dispose]();
  total = 99_999;
  await clock.tick(60_000);
  assert.deepEqual(said, ["20000 (2,000/s)", "20050 (5/s)", "20060 (1/s)"]);
  assert.equal(clock.timers, 0);
});

const topics = { inputTopic: "user-login", outputTopic: "user-login-done" };
const totals = {
  consumed: 12_345,
  produced: 12_345,
  deadLettered: 0,
  skipped: 0,
  retried: 0,
  alreadyDone: 0,
};

Deno.test("what a pool has done is a sentence, with dead letters where there are any", () => {
  assert.equal(
    progressText({ totals, lag: 0 }, topics, "2,000/s"),
    "processed 12,345 of user-login into user-login-done (2,000/s), lag 0",
  );
  assert.equal(
    progressText(
      { totals: { ...totals, deadLettered: 1_200 }, lag: null },
      topics,
      "0.5/s",
    ),
    "processed 12,345 of user-login into user-login-done (0.5/s), " +
      "1,200 to dead letters, lag unknown",
  );
});
