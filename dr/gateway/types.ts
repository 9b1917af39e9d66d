/** What the gateway is told, and what it tells. */
import type { ClusterName } from "../state/types.ts";

/** One address for clients: one listener of the pair of clusters. */
export interface GatewayAddress {
  /** `host:port`; port 0 takes any free one, which `status` names. */
  readonly listen: string;
  /** Brokers as `bootstrap.servers` names them, by cluster. */
  readonly primary: readonly string[];
  readonly secondary: readonly string[];
}

export interface GatewayLimits {
  /**
   * Connections of clients at one time, over all addresses. Each takes two
   * sockets and twice `bufferBytes`.
   */
  readonly connections: number;
  /** Of these, to one address. */
  readonly connectionsPerAddress: number;
  /** Of these, from one host; `Infinity` where many share one. */
  readonly connectionsPerClient: number;
  /**
   * A client waits for so long, at the most, while no cluster is active and while
   * no broker of it can be connected to; 0: not at all. Its bytes wait, too.
   * librdkafka gives a connection up when its first request is not answered
   * within ten seconds, Java's clients after their request time-out of 30.
   */
  readonly waitMs: number;
  /** For one broker; then the next one is tried. */
  readonly connectTimeoutMs: number;
  /**
   * A broker that could not be connected to is for so long tried after those
   * that could.
   */
  readonly avoidBrokerMs: number;
  /**
   * Connections without a byte in either direction for so long are closed.
   * Clients close theirs after nine minutes, brokers after ten.
   */
  readonly idleTimeoutMs: number;
  /** Bytes held for each direction of a connection. */
  readonly bufferBytes: number;
  /**
   * Connections to the former cluster are left open for so long, at the most,
   * after another one has become active; 0: none.
   */
  readonly switchGraceMs: number;
}

export const DEFAULT_LIMITS: GatewayLimits = {
  connections: 2_000,
  connectionsPerAddress: 1_000,
  connectionsPerClient: Infinity,
  waitMs: 5_000,
  connectTimeoutMs: 1_000,
  avoidBrokerMs: 5_000,
  idleTimeoutMs: 600_000,
  bufferBytes: 16_384,
  switchGraceMs: 0,
};

/** Why a connection was closed before it reached a broker. */
export const REFUSALS = [
  /**
   * No cluster has become active in `waitMs`: it is not known, or a switch is
   * under way.
   */
  "inactive",
  /** One for each of the limits on connections. */
  "full",
  "address-full",
  "client-full",
  /** No broker of the active cluster could be connected to in `waitMs`. */
  "no-broker",
  /** The gateway closes. */
  "stopped",
] as const;
export type Refusal = typeof REFUSALS[number];

/** Why a connection that had reached a broker was closed. */
export const ENDINGS = [
  /** Both sides have sent all that they wanted to. */
  "ended",
  /** One side, or the network, broke it. */
  "broken",
  "idle",
  /** Another cluster became active. */
  "switched",
  /** The gateway closes. */
  "stopped",
] as const;
export type Ending = typeof ENDINGS[number];

/** Numbers grow from the gateway's start on, but where they say otherwise. */
export interface GatewayStatus {
  readonly active: ClusterName | null;
  readonly addresses: readonly AddressStatus[];
}

/** `accepted` is the sum of all of `refused`, `closed`, `connecting`, `open`. */
export interface AddressStatus {
  /** `host:port` as it is, where a free port was asked for. */
  readonly listen: string;
  readonly accepted: number;
  readonly refused: Readonly<Record<Refusal, number>>;
  readonly closed: Readonly<Record<Ending, number>>;
  /** Now: they wait for a cluster, or for a broker of it. */
  readonly connecting: number;
  /** Now: bytes are forwarded. */
  readonly open: number;
  readonly bytesToBrokers: number;
  readonly bytesToClients: number;
  /** Accepting failed, for want of file descriptors mostly. */
  readonly acceptErrors: number;
  readonly brokers: readonly BrokerStatus[];
}

export interface BrokerStatus {
  readonly cluster: ClusterName;
  /** `host:port` as it was given. */
  readonly broker: string;
  readonly connects: number;
  readonly connectFailures: number;
  /** Of the last attempt; null: it succeeded, or there was none. */
  readonly lastFailure: string | null;
}
