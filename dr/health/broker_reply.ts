/**
 * Whether a broker answers at all, on a connection of its own. A process that
 * hangs still has its connections accepted, by the system; so, where the listener
 * is not encrypted, it is asked which requests it knows, which nobody needs to
 * log in for, and any reaction tells that it lives.
 */
import { connectUnlessAborted } from "../connect.ts";
import { unlessAborted } from "../waits.ts";
import type { BrokerAddress } from "./known_brokers.ts";

export type BrokerReply =
  | "answers"
  /** The host is there, and nobody listens: the process is gone. */
  | "refuses"
  /** It was connected to, and does not react: the process hangs. */
  | "hangs"
  /** Nothing comes back: host or network are gone, or a packet filter is. */
  | "unreachable";

export interface BrokerQuestion {
  readonly address: BrokerAddress;
  /** See above; false: a connection is enough. */
  readonly asksRequests: boolean;
  readonly timeoutMs: number;
}

// Length; ApiVersions (18), version 0, correlation id 0, client id "probe".
const API_VERSIONS = new Uint8Array([
  ...[0, 0, 0, 15],
  ...[0, 18, 0, 0, 0, 0, 0, 0],
  ...[0, 5, ...new TextEncoder().encode("probe")],
]);

/** @throws the signal's reason, and nothing else. */
export async function askBroker(
  question: BrokerQuestion,
  signal: AbortSignal,
): Promise<BrokerReply> {
  signal.throwIfAborted();
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), question.timeoutMs);
  const stop = AbortSignal.any([signal, late.signal]);
  try {
    return await reply(question, stop);
  } finally {
    clearTimeout(timer);
    signal.throwIfAborted();
  }
}

async function reply(
  { address: { host, port }, asksRequests }: BrokerQuestion,
  stop: AbortSignal,
): Promise<BrokerReply> {
  let connection: Deno.Conn;
  try {
    connection = await connectUnlessAborted({ hostname: host, port }, stop);
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused
      ? "refuses"
      : "unreachable";
  }
  try {
    if (!asksRequests) return "answers";
    await unlessAborted(connection.write(API_VERSIONS), stop);
    await unlessAborted(connection.read(new Uint8Array(64)), stop);
    return "answers";
  } catch {
    // Whoever closes the connection lives as well.
    return stop.aborted ? "hangs" : "answers";
  } finally {
    connection.close();
  }
}
