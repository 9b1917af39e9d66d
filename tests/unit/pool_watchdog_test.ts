import assert from "node:assert/strict";
import { Watchdog } from "../../src/pool/watchdog.ts";

Deno.test("a word that has stood for the whole limit, and not before, is reported", () => {
  const watchdog = new Watchdog(1000, 250);
  const answers = Array.from({ length: 7 }, () => watchdog.observe(1, 8));
  // The first look is when the standing begins: four more are 1000 ms.
  assert.deepEqual(answers, [false, false, false, false, true, true, true]);
});

Deno.test("a limit between two ticks is rounded up, never down", () => {
  const watchdog = new Watchdog(251, 250);
  assert.deepEqual([1, 2, 3].map(() => watchdog.observe(1, 8)), [
    false,
    false,
    true,
  ]);
});

Deno.test("a limit shorter than a tick still allows one tick", () => {
  const watchdog = new Watchdog(1, 250);
  assert.equal(watchdog.observe(1, 8), false);
  assert.equal(watchdog.observe(1, 8), true);
});

Deno.test("any change of the word starts the time anew", () => {
  const watchdog = new Watchdog(500, 250);
  const words = [8, 8, 16, 16, 24, 24, 8, 8, 8];
  assert.deepEqual(words.map((word) => watchdog.observe(1, word)), [
    ...Array(8).fill(false),
    true,
  ]);
});

Deno.test("workers are watched apart from one another", () => {
  const watchdog = new Watchdog(500, 250);
  watchdog.observe(1, 8);
  watchdog.observe(1, 8);
  assert.equal(watchdog.observe(2, 8), false);
  assert.equal(watchdog.observe(1, 8), true);
});

Deno.test("a worker that was forgotten is watched from the start", () => {
  const watchdog = new Watchdog(250, 250);
  watchdog.observe(1, 8);
  watchdog.forget(1);
  assert.equal(watchdog.observe(1, 8), false);
  assert.equal(watchdog.observe(1, 8), true);
});
