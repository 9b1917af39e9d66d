/** Waiting for conditions with a deadline; tests never sleep for a fixed time. */
import { pause } from "./pause.ts";

export interface EventuallyOptions {
  /** Said in the error: "<what> within <timeoutMs> ms". */
  readonly what: string;
  /** Default 30,000. */
  readonly timeoutMs?: number;
  /** Pause between two attempts, default 50. */
  readonly everyMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Calls `condition` until it returns a truthy value, and returns that value.
 * An attempt that throws counts as "not yet"; the last error becomes the cause.
 *
 * @throws {Error} when the deadline passes.
 * @throws the signal's reason when it aborts.
 */
export async function eventually<T>(
  condition: () => T | Promise<T>,
  options: EventuallyOptions,
): Promise<NonNullable<T>> {
  const { what, timeoutMs = 30_000, everyMs = 50, signal } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    let cause: unknown;
    let last: unknown;
    try {
      const value = await condition();
      if (value) return value;
      last = value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) {
      const seen = cause === undefined
        ? `last value ${Deno.inspect(last)}`
        : `last error ${cause instanceof Error ? cause.message : cause}`;
      throw new Error(`not ${what} within ${timeoutMs} ms (${seen})`, {
        cause,
      });
    }
    await pause(everyMs, signal);
  }
}

/**
 * Awaits `promise` for at most `timeoutMs`. The promise itself goes on.
 *
 * @throws {Error} "not <what> within <timeoutMs> ms".
 */
export async function within<T>(
  promise: Promise<T>,
  timeoutMs: number,
  what: string,
): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`not ${what} within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
