/** Connecting to one of several brokers. */
import { connectUnlessAborted } from "../connect.ts";
import { parseAddress } from "./address.ts";

export interface Connected {
  readonly broker: string;
  readonly connection: Deno.TcpConn;
}

export interface ConnectOptions {
  /** For each broker. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Told of each that does not take the connection. */
  readonly onFailure: (broker: string, reason: string) => void;
}

/** The first of `brokers` that can be connected to; null: none, or aborted. */
export async function connectToFirst(
  brokers: readonly string[],
  { timeoutMs, signal, onFailure }: ConnectOptions,
): Promise<Connected | null> {
  for (const broker of brokers) {
    if (signal.aborted) return null;
    try {
      const connection = await connect(broker, timeoutMs, signal);
      if (!signal.aborted) return { broker, connection };
      connection.close();
      return null;
    } catch (error) {
      if (signal.aborted) return null;
      onFailure(broker, error instanceof Error ? error.message : `${error}`);
    }
  }
  return null;
}

async function connect(
  broker: string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  // Not AbortSignal.any, which the long-lived signal would remember.
  const stop = new AbortController();
  const abort = () => stop.abort(signal.reason);
  signal.addEventListener("abort", abort);
  const timer = setTimeout(
    () => stop.abort(new Error(`no connection within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await connectUnlessAborted(parseAddress(broker), stop.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
