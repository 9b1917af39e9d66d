import assert from "node:assert/strict";
import { inMapTime } from "../../dr/offset_map/mod.ts";
import { unlessAborted } from "../../dr/waits.ts";

const never = (signal: AbortSignal) =>
  unlessAborted(new Promise<never>(() => {}), signal);

Deno.test("lanes' logs that have no leader are not waited for without end", async () => {
  const stop = new AbortController();
  const wait = {
    topic: "lanes.x",
    patienceMs: 1,
    failed: (message: string) => new RangeError(message),
  };
  await assert.rejects(
    inMapTime(wait, never, stop.signal),
    (error) =>
      error instanceof RangeError &&
      /^lanes\.x cannot be read/.test(error.message),
  );
  await assert.rejects(
    inMapTime({ ...wait, patienceMs: 60_000 }, () => {
      throw new TypeError("refused");
    }, stop.signal),
    TypeError,
  );
  const reason = new Error("stopped");
  const ending = inMapTime({ ...wait, patienceMs: 60_000 }, never, stop.signal);
  stop.abort(reason);
  await assert.rejects(ending, reason);
});
