/** Keeps one test process from starting more JVMs than a small machine bears. */

/**
 * Three brokers of a cluster, one of its mirror, and a record pipe of each: both
 * are at work where copies are judged while the source is written.
 */
export const maximumJvms = 6;
const running = new Set<string>();

/**
 * Counts one JVM until the result is disposed.
 *
 * @throws {Error} when `maximumJvms` are running already; it names them.
 */
export function takeJvmSlot(what: string): Disposable {
  if (running.size >= maximumJvms) {
    throw new Error(
      `cannot start ${what}: ${maximumJvms} JVMs run already ` +
        `(${[...running].join(", ")}); dispose one first`,
    );
  }
  const name = `${what} #${crypto.randomUUID().slice(0, 4)}`;
  running.add(name);
  return { [Symbol.dispose]: () => void running.delete(name) };
}
