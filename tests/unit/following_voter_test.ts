import assert from "node:assert/strict";
import fc from "fast-check";
import type { Assignment } from "../../src/commands/following/assignment.ts";
import {
  isProgressing,
  type Progress,
} from "../../src/commands/following/voter.ts";

const assignment: Assignment = { cluster: "primary", era: 0, epoch: 1 };
const at = (consumed: number, of = assignment): Progress => ({
  epoch: 1,
  working: { assignment: of, consumed },
});
const IDLE: Progress = { epoch: 1, working: null };

Deno.test("a pool gets on while it settles more", () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), (before, more) => {
      assert.equal(isProgressing(at(before), at(before + more)), more > 0);
    }),
  );
});

Deno.test("a pool that is not at work does not get on, whatever it did before", () => {
  assert.equal(isProgressing(at(100), IDLE), false);
});

Deno.test("what another session has settled is not counted for this one", () => {
  const next = { ...assignment };
  assert.equal(isProgressing(at(100), at(0, next)), false);
  assert.equal(isProgressing(at(100), at(1, next)), true);
  assert.equal(isProgressing(IDLE, at(0, next)), false);
});
