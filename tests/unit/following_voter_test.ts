import assert from "node:assert/strict";
import fc from "fast-check";
import type { Assignment } from "../../src/commands/following/assignment.ts";
import {
  type Progress,
  ProgressWatch,
} from "../../src/commands/following/voter.ts";

const assignment: Assignment = { cluster: "primary", era: 0, epoch: 1 };
const at = (consumed: number, of = assignment): Progress => ({
  epoch: 1,
  working: { assignment: of, consumed },
});
const IDLE: Progress = { epoch: 1, working: null };

const PATIENCE_MS = 1_000;
/** Looks that are less apart than a standstill. */
const MOST_MS = 500;
/** What it says of each, one look every so many ms. */
const said = (everyMs: number, looks: readonly Progress[]): boolean[] => {
  const watch = new ProgressWatch(PATIENCE_MS);
  return looks.map((each, at) => watch.look(each, at * everyMs));
};

Deno.test("a pool gets on until it has settled nothing for as long as patience lasts", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3), { minLength: 1 }),
      fc.integer({ min: 1, max: MOST_MS }),
      (settled, everyMs) => {
        let consumed = 0;
        const looks = settled.map((more) => at(consumed += more));
        const expected = settled.map((_, now) => {
          const last = settled.slice(0, now + 1).findLastIndex((more) =>
            more > 0
          );
          return last >= 0 && (now - last) * everyMs < PATIENCE_MS;
        });
        assert.deepEqual(said(everyMs, looks), expected);
      },
    ),
  );
});

Deno.test("a pool that is not at work does not get on, whatever it did before", () => {
  assert.deepEqual(said(1, [at(100), IDLE]), [true, false]);
});

Deno.test("what another session has settled is not counted for this one", () => {
  const next = { ...assignment };
  assert.deepEqual(said(1, [at(100), at(0, next)]), [true, false]);
  assert.deepEqual(said(1, [at(100), at(1, next)]), [true, true]);
  assert.deepEqual(said(1, [IDLE, at(0, next)]), [false, false]);
});

Deno.test("a pool that has stood still itself is not said to settle nothing before it could", () => {
  const watch = new ProgressWatch(PATIENCE_MS);
  assert.equal(watch.look(at(100), 0), true);
  let nowMs = 10 * PATIENCE_MS;
  assert.equal(watch.look(at(100), nowMs), true);
  for (let looks = 0; looks < 2; looks++) {
    watch.look(at(100), nowMs += PATIENCE_MS / 4);
  }
  assert.equal(watch.look(at(100), nowMs), false);
});
