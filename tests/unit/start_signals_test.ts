import assert from "node:assert/strict";
import { listenToSignals } from "../../src/commands/signals.ts";
import { fakeClock } from "./support_clock.ts";

type Listeners = Map<Deno.Signal, () => void>;

/** Catches listeners instead of registering them with the process. */
function catchListeners(terminal: boolean): Disposable & {
  readonly listeners: Listeners;
} {
  const { addSignalListener, removeSignalListener } = Deno;
  const { isTerminal } = Deno.stdin;
  const listeners: Listeners = new Map();
  Deno.addSignalListener = (signal, listener) => {
    listeners.set(signal, listener);
  };
  Deno.removeSignalListener = (signal, listener) => {
    assert.equal(listeners.get(signal), listener);
    listeners.delete(signal);
  };
  Deno.stdin.isTerminal = () => terminal;
  return {
    listeners,
    [Symbol.dispose]() {
      Object.assign(Deno, { addSignalListener, removeSignalListener });
      Deno.stdin.isTerminal = isTerminal;
    },
  };
}

function heard() {
  const seen: string[] = [];
  const actions = {
    onStop: (signal: Deno.Signal) => seen.push(`stop ${signal}`),
    onStopNow: () => seen.push("stop now"),
    onReload: () => seen.push("reload"),
  };
  return { seen, actions };
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test(`${signal} asks for an orderly stop`, () => {
    using caught = catchListeners(false);
    const { seen, actions } = heard();
    using _listening = listenToSignals(actions);
    caught.listeners.get(signal)!();
    assert.deepEqual(seen, [`stop ${signal}`]);
  });
}

Deno.test("a second signal within half a second is the same wish, a later one asks for more", async () => {
  using clock = fakeClock();
  using caught = catchListeners(false);
  const { seen, actions } = heard();
  using _listening = listenToSignals(actions);
  await clock.tick(10_000);
  caught.listeners.get("SIGINT")!();
  caught.listeners.get("SIGTERM")!();
  await clock.tick(500);
  caught.listeners.get("SIGINT")!();
  assert.deepEqual(seen, ["stop SIGINT"]);
  await clock.tick(1);
  caught.listeners.get("SIGTERM")!();
  assert.deepEqual(seen, ["stop SIGINT", "stop now"]);
});

Deno.test("SIGHUP reads the settings again, as often as it comes", () => {
  using caught = catchListeners(false);
  const { seen, actions } = heard();
  using _listening = listenToSignals(actions);
  caught.listeners.get("SIGHUP")!();
  caught.listeners.get("SIGHUP")!();
  assert.deepEqual(seen, ["reload", "reload"]);
});

Deno.test("on a terminal SIGHUP keeps its meaning, the end", () => {
  using caught = catchListeners(true);
  using _listening = listenToSignals(heard().actions);
  assert.deepEqual([...caught.listeners.keys()], ["SIGINT", "SIGTERM"]);
});

Deno.test("after disposal nobody listens", () => {
  using caught = catchListeners(false);
  listenToSignals(heard().actions)[Symbol.dispose]();
  assert.equal(caught.listeners.size, 0);
});
