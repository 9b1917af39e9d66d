import { setTimeout as delay } from "node:timers/promises";

const RETRY_MS = 100;

/**
 * Waits until no other process holds the file, and holds it until disposed.
 * The operating system frees the lock of a process that dies, so the file
 * itself means nothing and stays.
 *
 * @param onWait called once if the lock is held by somebody else
 */
export async function holdLock(
  path: string,
  onWait: () => void,
  signal?: AbortSignal,
): Promise<Disposable> {
  const file = await Deno.open(path, { create: true, write: true });
  try {
    // `file.lock()` cannot be aborted, hence the polling.
    for (let attempt = 0; !(await file.tryLock(true)); attempt++) {
      if (attempt === 0) onWait();
      await delay(RETRY_MS, undefined, { signal });
    }
  } catch (error) {
    file.close();
    throw error;
  }
  return { [Symbol.dispose]: () => file.close() };
}
