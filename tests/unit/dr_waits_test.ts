import assert from "node:assert/strict";
import { pause, unlessAborted } from "../../dr/waits.ts";

/** A signal that knows how many listen to it. */
class Counted extends EventTarget {
  listeners = 0;
  readonly aborted = false;
  readonly reason = undefined;
  throwIfAborted(): void {}

  override addEventListener(
    ...args: Parameters<EventTarget["addEventListener"]>
  ) {
    this.listeners++;
    super.addEventListener(...args);
  }

  override removeEventListener(
    ...args: Parameters<EventTarget["removeEventListener"]>
  ) {
    this.listeners--;
    super.removeEventListener(...args);
  }
}

Deno.test("a wait that is over leaves nothing at its signal", async () => {
  const counted = new Counted();
  const signal = counted as unknown as AbortSignal;
  assert.equal(await unlessAborted(Promise.resolve(7), signal), 7);
  await assert.rejects(
    unlessAborted(Promise.reject(new Error("failed")), signal),
    /failed/,
  );
  await pause(0, signal);
  assert.equal(counted.listeners, 0);
});

Deno.test("a wait that is abandoned ends with the signal's reason, and what fails later is nobody's error", async () => {
  const stop = new AbortController();
  const late = Promise.withResolvers<void>();
  const waited = unlessAborted(late.promise, stop.signal);
  stop.abort(new Error("stopped"));
  await assert.rejects(waited, /stopped/);
  late.reject(new Error("too late"));
});
