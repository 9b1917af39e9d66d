import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Copy,
  type DrState,
  encodeState,
  isSwitch,
  type Known,
  knownFrom,
  nextState,
  type Proposal,
  StateError,
  type StateLog,
} from "../../dr/state/mod.ts";
import { EMPTY_LOG, newerOf, withRecord } from "../../dr/state/copies.ts";
import { anyState, FIRST, recordOf } from "./support_dr_state.ts";

const NOW_MS = 1_700_000_000_000;
const lost: Copy = { kind: "failed", error: new Error("connection refused") };
const read = (log: StateLog): Copy => ({ kind: "read", ...log });
const logOf = (...values: readonly string[]): StateLog =>
  values.reduce(
    (log, value, offset) =>
      withRecord(log, recordOf(offset, { key: "state", value })),
    EMPTY_LOG,
  );
const stateLog = (...states: readonly DrState[]) =>
  logOf(...states.map((state) => encodeState(state).value));
const next = (known: Known, proposal: Proposal, force = false) =>
  nextState(known, proposal, { force, nowMs: NOW_MS });
const isRefused = (error: unknown) =>
  error instanceof StateError && error.kind === "refused";

Deno.test("a log's state is that of the highest epoch, in whatever order", () => {
  fc.assert(fc.property(fc.array(anyState), (states) => {
    const { newest } = stateLog(...states);
    const highest = Math.max(0, ...states.map(({ epoch }) => epoch));
    assert.equal(newest?.epoch ?? 0, highest);
  }));
});

Deno.test("the next epoch is above all that either copy has", () => {
  const states = fc.array(
    anyState.filter(({ epoch }) => epoch < Number.MAX_SAFE_INTEGER),
  );
  fc.assert(fc.property(states, states, (primary, secondary) => {
    const known = knownFrom(stateLog(...secondary), read(stateLog(...primary)));
    const era = Math.max(0, (known.newest?.era ?? 0) - 1) + 2;
    const state = next(known, { ...FIRST, era });
    for (const { epoch } of [...primary, ...secondary]) {
      assert.ok(state.epoch > epoch);
    }
    assert.equal(state.sinceMs, NOW_MS);
  }));
});

Deno.test("without the primary's copy nothing is switched unless by force", () => {
  const known = knownFrom(stateLog(FIRST), lost);
  assert.throws(() => next(known, { ...FIRST, phase: "fencing" }), isRefused);
  assert.throws(
    () => next(known, { ...FIRST, active: "secondary", era: 1 }),
    isRefused,
  );
  assert.equal(next(known, { ...FIRST, lanes: 4 }).epoch, 2);
  assert.equal(next(known, { ...FIRST, phase: "fencing" }, true).epoch, 2);
});

Deno.test("the first state of all is a switch", () => {
  assert.ok(isSwitch(null, FIRST));
  const known = knownFrom(EMPTY_LOG, lost);
  assert.throws(() => next(known, FIRST), isRefused);
  assert.equal(next(knownFrom(EMPTY_LOG, read(EMPTY_LOG)), FIRST).epoch, 1);
});

Deno.test("behind a record that cannot be read nothing is changed unless by force, and its epoch is not taken", () => {
  const newer = JSON.stringify({ ...FIRST, epoch: 7, phase: "evacuating" });
  const known = knownFrom(
    logOf(encodeState(FIRST).value, newer),
    read(stateLog(FIRST)),
  );
  assert.throws(() => next(known, { ...FIRST, lanes: 4 }), isRefused);
  assert.equal(next(known, FIRST, true).epoch, 8);
});

Deno.test("a record that cannot be read counts no more once a state came behind it", () => {
  const known = knownFrom(
    logOf("garbage", encodeState(FIRST).value),
    read(EMPTY_LOG),
  );
  assert.equal(known.hidden, null);
  assert.equal(next(known, { ...FIRST, phase: "fencing" }).epoch, 2);
});

Deno.test("an era never goes back, and a promotion begins one", () => {
  const known = knownFrom(stateLog({ ...FIRST, era: 3 }), read(EMPTY_LOG));
  assert.throws(() => next(known, { ...FIRST, era: 2 }), RangeError);
  assert.throws(
    () => next(known, { ...FIRST, active: "secondary", era: 3 }),
    RangeError,
  );
  assert.equal(next(known, { ...FIRST, active: "secondary", era: 4 }).era, 4);
});

Deno.test("of two states with the same epoch the first one stays", () => {
  const twin = { ...FIRST, reason: "twin" };
  assert.equal(newerOf(FIRST, twin), FIRST);
  assert.equal(newerOf(null, FIRST), FIRST);
  assert.equal(newerOf<DrState | null>(FIRST, null), FIRST);
});
