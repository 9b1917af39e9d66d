import assert from "node:assert/strict";
import fc from "fast-check";
import { RisingStates } from "../../dr/state/follow.ts";
import { anyState, FIRST } from "./support_dr_state.ts";

Deno.test("states never go back, none comes twice, and the newest always comes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyState, { minLength: 1 }), async (states) => {
      const rising = new RisingStates();
      for (const state of states) rising.offer(state);
      rising.end();
      const taken = (await Array.fromAsync(rising.taken()))
        .map(({ epoch }) => epoch);
      assert.deepEqual(taken, [...new Set(taken)].sort((a, b) => a - b));
      assert.equal(taken.at(-1), Math.max(...states.map(({ epoch }) => epoch)));
    }),
  );
});

Deno.test("whoever waits hears of the next state at once, and of the end", async () => {
  const rising = new RisingStates();
  const taken = rising.taken();
  const first = taken.next();
  rising.offer(FIRST);
  assert.deepEqual(await first, { done: false, value: FIRST });
  const second = taken.next();
  rising.offer(FIRST);
  rising.end();
  assert.deepEqual(await second, { done: true, value: undefined });
});

Deno.test("of states that nobody takes the oldest are forgotten", async () => {
  const rising = new RisingStates();
  for (let epoch = 1; epoch <= 1500; epoch++) rising.offer({ ...FIRST, epoch });
  rising.end();
  const taken = await Array.fromAsync(rising.taken());
  assert.equal(taken.length, 1000);
  assert.equal(taken.at(-1)!.epoch, 1500);
});
