/** A clock that stands still until a test moves it. */
import fakeTimers from "@sinonjs/fake-timers";

export interface FakeClock extends Disposable {
  /** Lets time pass and everything run that this sets off. */
  tick(ms: number): Promise<void>;
  /** Timers that have not gone off. */
  readonly timers: number;
}

/** Replaces `setTimeout`, `performance.now` and their like until disposed. */
export function fakeClock(): FakeClock {
  const clock = fakeTimers.install({
    toFake: [
      "setTimeout",
      "clearTimeout",
      "setInterval",
      "clearInterval",
      "performance",
      "Date",
    ],
  });
  return {
    async tick(ms) {
      await clock.tickAsync(ms);
    },
    get timers() {
      return clock.countTimers();
    },
    [Symbol.dispose]: () => clock.uninstall(),
  };
}
