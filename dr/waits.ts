/** Waits that a signal ends. */

/** Ends after `ms`, or at once when the signal aborts; it does not throw. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}

/**
 * The promise's outcome, unless the signal aborts before. What the promise
 * stands for goes on then.
 * @throws the signal's reason.
 */
export async function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  // It may fail for the same reason, when nobody listens any more.
  promise.catch(() => {});
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A signal that aborts `timeoutMs` after another one has; dispose of it. */
export function patienceAfter(
  signal: AbortSignal,
  timeoutMs: number,
): Disposable & { readonly signal: AbortSignal } {
  const over = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const begin = () => {
    timer = setTimeout(() => over.abort(signal.reason), timeoutMs);
  };
  if (signal.aborted) begin();
  else signal.addEventListener("abort", begin);
  return {
    signal: over.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      signal.removeEventListener("abort", begin);
    },
  };
}
