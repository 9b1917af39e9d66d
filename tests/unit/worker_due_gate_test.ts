import assert from "node:assert/strict";
import type { Position } from "../../src/pool/protocol.ts";
import { DueGate } from "../../workers/due_gate.ts";
import { Router } from "../../workers/router.ts";

const NOW = 1_000_000;

function gated() {
  const early: [lane: number, dueMs: number][] = [];
  const gate = new DueGate(
    new Set(["late"]),
    (...each) => early.push(each),
    () => NOW,
  );
  return { early, gate, router: new Router(() => {}, gate) };
}

const position = (topic: string): Position => ({
  tp: { topic, partition: 0 },
  epoch: 1,
  next: 0,
  beyond: [],
});

Deno.test("a record may be taken from the moment at which it is due", () => {
  const { early, gate } = gated();
  assert.equal(gate.admits(0, String(NOW - 1)), true);
  assert.equal(gate.admits(0, String(NOW)), true);
  assert.deepEqual(early, []);
});

Deno.test("the lane of one that is early is told, with the time", () => {
  const { early, gate } = gated();
  assert.equal(gate.admits(3, String(NOW + 1)), false);
  assert.deepEqual(early, [[3, NOW + 1]]);
});

Deno.test("what says no time, or nonsense, is due", () => {
  const { gate } = gated();
  for (const value of [null, "", "soon", "NaN"]) {
    assert.equal(gate.admits(0, value), true, String(value));
  }
});

Deno.test("only lanes of delay topics are guarded, and without any there is no gate", () => {
  const { router } = gated();
  router.open(0, position("in"));
  const guarded = () => [0, 1].map((lane) => router.gate?.guards(lane));
  assert.deepEqual(guarded(), [undefined, undefined]);
  router.open(1, { ...position("late") });
  assert.deepEqual(guarded(), [false, true]);
  router.close(1);
  assert.deepEqual(guarded(), [undefined, undefined]);
});

Deno.test("a lane that is used again for another topic is not guarded", () => {
  const { router } = gated();
  router.open(0, position("late"));
  router.open(0, position("in"));
  assert.equal(router.gate, undefined);
});

Deno.test("no record of a lane that was closed is expected, not even by who found it before", () => {
  const { router } = gated();
  router.open(0, position("late"));
  router.close(0);
  assert.equal(router.next[0], Infinity);
});
