/** Waits that end by themselves. */
import { StateError } from "./errors.ts";

/**
 * Runs `work` with a signal that aborts when the given one does, or after
 * `timeoutMs`.
 * @throws {StateError} `failed`, when it was the time; what `work` throws.
 */
export async function withDeadline<T>(
  timeoutMs: number,
  doing: string,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const timer = setTimeout(
    () =>
      late.abort(
        new StateError("failed", `${doing}: no answer within ${timeoutMs} ms`),
      ),
    timeoutMs,
  );
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Runs both side by side. When one fails the other's signal aborts, and it is
 * waited for.
 * @throws what the first to fail throws.
 */
export async function together<A, B>(
  signal: AbortSignal,
  one: (signal: AbortSignal) => Promise<A>,
  other: (signal: AbortSignal) => Promise<B>,
): Promise<[A, B]> {
  const failed = new AbortController();
  const shared = AbortSignal.any([signal, failed.signal]);
  const both = [one(shared), other(shared)] as const;
  try {
    return await Promise.all(both);
  } catch (error) {
    failed.abort(error);
    await Promise.allSettled(both);
    throw error;
  }
}
