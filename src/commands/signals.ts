/** Signals of a long-running command. */

/**
 * `deno task` and a terminal both pass Ctrl-C on, so what comes within this
 * time of the first signal is the same wish.
 */
const SAME_WISH_MS = 500;
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

export interface SignalActions {
  /** The first SIGINT or SIGTERM. */
  readonly onStop: (signal: Deno.Signal) => void;
  /** A second one. */
  readonly onStopNow: () => void;
  /** SIGHUP where no terminal could have caused it. */
  readonly onReload: () => void;
}

/** Listens until disposed. */
export function listenToSignals(actions: SignalActions): Disposable {
  let firstMs: number | undefined;
  const listeners: [Deno.Signal, () => void][] = STOP_SIGNALS.map((signal) => [
    signal,
    () => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        actions.onStop(signal);
      } else if (performance.now() - firstMs > SAME_WISH_MS) {
        actions.onStopNow();
      }
    },
  ]);
  if (!Deno.stdin.isTerminal()) {
    listeners.push(["SIGHUP", () => actions.onReload()]);
  }
  for (const [signal, listener] of listeners) {
    Deno.addSignalListener(signal, listener);
  }
  return {
    [Symbol.dispose]() {
      for (const [signal, listener] of listeners) {
        Deno.removeSignalListener(signal, listener);
      }
    },
  };
}

/** Resolves with the signal's reason: what `onStop` was told. */
export async function aborted(signal: AbortSignal): Promise<Deno.Signal> {
  if (!signal.aborted) {
    await new Promise((resolve) =>
      signal.addEventListener("abort", resolve, { once: true })
    );
  }
  return signal.reason;
}
