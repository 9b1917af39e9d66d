import assert from "node:assert/strict";
import fc from "fast-check";
import { EndOffsets } from "../../src/pool/end_offsets.ts";

Deno.test("without a look nothing is known, and where all is processed nothing waits", () => {
  const ends = new EndOffsets();
  assert.equal(ends.waitingMs(0, 100), null);
  ends.look(10, 10, 100);
  assert.equal(ends.waitingMs(10, 5000), 0);
  assert.equal(ends.waitingMs(12, 5000), 0);
});

Deno.test("what was there at the first look has waited at least since then", () => {
  const ends = new EndOffsets();
  ends.look(1000, 5, 100);
  assert.equal(ends.waitingMs(5, 100), 0);
  assert.equal(ends.waitingMs(5, 4100), 4000);
});

Deno.test("between two looks the end has moved evenly", () => {
  const ends = new EndOffsets();
  ends.look(100, 100, 1000);
  ends.look(200, 100, 2000);
  // The record at 149 makes the end 150.
  assert.equal(ends.waitingMs(149, 3000), 1500);
  assert.equal(ends.waitingMs(199, 3000), 1000);
});

Deno.test("while nothing comes time does not count for what comes later", () => {
  const ends = new EndOffsets();
  ends.look(100, 100, 1000);
  ends.look(100, 100, 9000);
  ends.look(200, 100, 10_000);
  assert.equal(ends.waitingMs(149, 11_000), 1500);
});

Deno.test("an end that goes back is of a topic that was made again", () => {
  const ends = new EndOffsets();
  ends.look(1000, 0, 1000);
  ends.look(10, 0, 2000);
  assert.equal(ends.waitingMs(5, 2500), 500);
});

Deno.test("a long steady stream is remembered well enough in few places", () => {
  const ends = new EndOffsets();
  const looks = 10_000;
  for (let look = 0; look <= looks; look++) {
    ends.look(look * 10, 0, look * 1000);
  }
  for (const next of [500, 12_345, 55_555, 99_000]) {
    const writtenMs = (next + 1) * 100;
    const nowMs = looks * 1000;
    assert.ok(
      Math.abs(ends.waitingMs(next, nowMs)! - (nowMs - writtenMs)) < 1,
      `${next}`,
    );
  }
});

Deno.test("however records come and go, the time is between the two looks around the record's arrival", () => {
  const steps = fc.array(
    fc.record({
      records: fc.nat(50),
      processed: fc.nat(50),
      ms: fc.integer({ min: 1, max: 5000 }),
    }),
    { minLength: 1, maxLength: 60 },
  );
  fc.assert(fc.property(steps, (each) => {
    const ends = new EndOffsets();
    const seen: { readonly end: number; readonly atMs: number }[] = [];
    let [end, next, nowMs] = [0, 0, 0];
    for (const { ms, processed, records } of each) {
      nowMs += ms;
      end += records;
      next = Math.min(end, next + processed);
      ends.look(end, next, nowMs);
      seen.push({ end, atMs: nowMs });
      const waitingMs = ends.waitingMs(next, nowMs)!;
      const arrived = seen.find((look) => look.end > next);
      if (arrived === undefined) {
        assert.equal(waitingMs, 0);
        continue;
      }
      const before = seen.findLast((look) => look.end <= next);
      assert.ok(waitingMs >= nowMs - arrived.atMs - 1e-6);
      assert.ok(waitingMs <= nowMs - (before ?? arrived).atMs + 1e-6);
    }
  }));
});
