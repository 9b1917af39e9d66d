/** Connecting over TCP, unless a signal aborts before. */
import { unlessAborted } from "./waits.ts";

/**
 * Looking up a name does not end when the signal aborts: a connection that comes
 * later is closed.
 * @throws what the system says; the signal's reason.
 */
export async function connectUnlessAborted(
  address: { readonly hostname: string; readonly port: number },
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  const connecting = Deno.connect({ ...address, signal });
  try {
    return await unlessAborted(connecting, signal);
  } catch (error) {
    connecting.then((late) => late.close(), () => {});
    throw error;
  }
}
