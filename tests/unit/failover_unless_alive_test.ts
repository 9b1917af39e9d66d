import assert from "node:assert/strict";
import { unlessAlive } from "../../src/commands/unless_alive.ts";
import type { DrState } from "../../dr/state/mod.ts";
import { STEADY } from "./support_failover_world.ts";

const { signal } = new AbortController();

const parts = (state: DrState | null, isAlive: boolean) => ({
  newest: () => Promise.resolve(state),
  isLeftAlive: () => Promise.resolve(isAlive),
});

Deno.test("no failover from a primary that answers is begun without force", async () => {
  const draining = { ...STEADY, phase: "draining" } as const;
  for (const state of [null, STEADY, draining]) {
    await assert.rejects(
      unlessAlive(parts(state, true), signal),
      /the primary answers, so this was not begun.*--force/,
    );
    assert.deepEqual(await unlessAlive(parts(state, false), signal), {});
  }
});

Deno.test("a failover that has fenced goes on though the primary answers, and no other is begun instead", async () => {
  const state = { ...STEADY, phase: "fencing" } as const;
  const decided = await unlessAlive(parts(state, true), signal);
  assert.deepEqual(decided, { epoch: STEADY.epoch });
});

Deno.test("where the secondary is active it does not matter whether the primary answers", async () => {
  const state = { ...STEADY, active: "secondary" } as const;
  const { epoch } = await unlessAlive(parts(state, true), signal);
  assert.equal(epoch, STEADY.epoch);
});
