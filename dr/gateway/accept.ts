/** Accepting connections, whatever the system says. */
import { pause } from "../waits.ts";

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1_000;

export interface AcceptOptions {
  readonly onConnection: (connection: Deno.TcpConn) => void;
  /** Told of each failure; `isFirst`: the one before was a connection. */
  readonly onError: (error: unknown, isFirst: boolean) => void;
  readonly signal: AbortSignal;
}

/**
 * Ends when the signal aborts; whoever aborts it closes the listener. A failure,
 * mostly for want of file descriptors (EMFILE), is tried again after a pause
 * that doubles up to a second: clients wait in the listener's queue meanwhile.
 */
export async function acceptAll(
  listener: Pick<Deno.TcpListener, "accept">,
  { onConnection, onError, signal }: AcceptOptions,
): Promise<void> {
  let pauseMs = 0;
  while (!signal.aborted) {
    try {
      const connection = await listener.accept();
      pauseMs = 0;
      onConnection(connection);
    } catch (error) {
      if (signal.aborted) return;
      onError(error, pauseMs === 0);
      pauseMs = Math.min(
        Math.max(FIRST_PAUSE_MS, 2 * pauseMs),
        LONGEST_PAUSE_MS,
      );
      await pause(pauseMs, signal);
    }
  }
}
