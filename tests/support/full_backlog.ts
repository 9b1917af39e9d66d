/** Listeners that take no more connections, as hosts that are cut off. */

/** A time in which loopback connects, or never... */
const HANGING_MS = 300;
/** ...unless a busy machine stalls for once. */
const MOST_HANGING = 2;

/**
 * Connects to a port that nobody accepts on until connections hang, and keeps
 * the queue full until the result is disposed of.
 */
export async function fillBacklog(port: number): Promise<Disposable> {
  const waiting: Deno.TcpConn[] = [];
  const filled = {
    [Symbol.dispose]: () => waiting.forEach((each) => each.close()),
  };
  for (let hanging = 0; hanging < MOST_HANGING;) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(), HANGING_MS);
    try {
      waiting.push(
        await Deno.connect({
          hostname: "127.0.0.1",
          port,
          signal: stop.signal,
        }),
      );
      hanging = 0;
    } catch (error) {
      if (stop.signal.aborted) {
        hanging++;
        continue;
      }
      filled[Symbol.dispose]();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
  return filled;
}
