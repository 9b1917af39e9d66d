/**
 * The brokers that a cluster is known to have. Pure.
 *
 * One that is not named any more is remembered for a while: a cluster that has
 * lost two of three brokers names only the third, and all of one is a majority.
 */
import type { ClientProperties } from "../../src/kafka/mod.ts";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
}

interface KnownBroker extends BrokerAddress {
  /** When metadata named it last, in ms. */
  readonly namedMs: number;
}

export type KnownBrokers = readonly KnownBroker[];

/** Until then partitions without a leader have told, see `HEALTH_DEFAULTS`. */
const REMEMBERED_MS = 60_000;

/** `known`, after metadata has named `brokers`. */
export function nameBrokers(
  known: KnownBrokers,
  brokers: readonly BrokerAddress[],
  nowMs: number,
): KnownBrokers {
  const isNamed = ({ host, port }: BrokerAddress) =>
    brokers.some((each) => each.host === host && each.port === port);
  return [
    ...brokers.map(({ host, port }) => ({ host, port, namedMs: nowMs })),
    ...known.filter((each) =>
      !isNamed(each) && nowMs - each.namedMs <= REMEMBERED_MS
    ),
  ];
}

/** @throws {TypeError} where they name no brokers. */
export function bootstrapOf(properties: ClientProperties): BrokerAddress[] {
  const servers = properties["bootstrap.servers"] ??
    properties["metadata.broker.list"];
  if (servers === undefined) throw new TypeError("no bootstrap.servers");
  return bootstrapAddresses(servers);
}

const DEFAULT_PORT = 9092;

/** Of `bootstrap.servers`, as librdkafka reads it. */
export function bootstrapAddresses(servers: string): BrokerAddress[] {
  return servers.split(",").map((each) => each.trim())
    .filter((each) => each !== "")
    .map((each) => {
      const [, host = "", , port] =
        /^(?:\w+:\/\/)?(\[[^\]]*\]|([^:]*))(?::(\d+))?$/.exec(each) ?? [];
      return {
        host: host.replace(/^\[|\]$/g, ""),
        port: port === undefined ? DEFAULT_PORT : Number(port),
      };
    });
}
