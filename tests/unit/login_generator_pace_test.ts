import assert from "node:assert/strict";
import fc from "fast-check";
import { Pace } from "../../src/embedded/pace.ts";

const unbounded = Number.MAX_SAFE_INTEGER;

Deno.test("work is spread evenly, whatever the timer does", () => {
  fc.assert(fc.property(
    fc.oneof(
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 1_000_000 }),
    ),
    fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1 }),
    (rate, pauses) => {
      const pace = new Pace(rate, 0);
      let nowMs = 0;
      let taken = 0;
      for (const pauseMs of pauses) {
        nowMs += pauseMs;
        taken += pace.take(nowMs, unbounded);
        assert.ok(Math.abs(taken - rate * nowMs / 1000) < 1.001);
      }
    },
  ));
});

Deno.test("nothing is due at the beginning", () => {
  assert.equal(new Pace(1000, 5).take(5, unbounded), 0);
});

Deno.test("no more is taken than there is room for, and never less than none", () => {
  const pace = new Pace(1000, 0);
  assert.equal(pace.take(100, 7), 7);
  assert.equal(pace.take(100, -3), 0);
  assert.equal(pace.take(100, unbounded), 93);
});

Deno.test("what was held back for long is not made good by a burst", () => {
  const pace = new Pace(1000, 0);
  assert.equal(pace.take(60_000, 0), 0);
  assert.ok(pace.take(60_000, unbounded) <= 201);
});

Deno.test("a rate below one a burst still comes to pass", () => {
  const pace = new Pace(1, 0);
  const taken = Array.from(
    { length: 300 },
    (_, slice) => pace.take((slice + 1) * 10, unbounded),
  );
  assert.equal(taken.reduce((sum, each) => sum + each, 0), 3);
});
