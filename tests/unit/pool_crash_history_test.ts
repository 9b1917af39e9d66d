import assert from "node:assert/strict";
import { CrashHistory } from "../../src/pool/crash_history.ts";

Deno.test("each further crash within a minute doubles the wait, up to 10 s", () => {
  const history = new CrashHistory();
  const delays = Array.from({ length: 10 }, (_, each) => history.add(each));
  assert.deepEqual(delays, [
    100,
    200,
    400,
    800,
    1600,
    3200,
    6400,
    10_000,
    10_000,
    10_000,
  ]);
});

Deno.test("a crash does not count any more a minute later", () => {
  const history = new CrashHistory();
  history.add(0);
  assert.equal(history.add(59_999), 200);
  assert.equal(history.add(60_000), 200);
  assert.equal(history.add(120_000), 100);
});

Deno.test("five crashes within a minute are a loop, until one of them has passed", () => {
  const history = new CrashHistory();
  for (const nowMs of [0, 1000, 2000, 3000]) history.add(nowMs);
  assert.equal(history.isLoop(3000), false);
  history.add(4000);
  assert.equal(history.isLoop(4000), true);
  assert.equal(history.isLoop(59_999), true);
  assert.equal(history.isLoop(60_000), false);
});
