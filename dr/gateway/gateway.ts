/**
 * A TCP forwarder that clients have as `bootstrap.servers`. It forwards to a
 * broker of the active cluster and reads no byte, so TLS and logins pass through;
 * clients learn the brokers' own addresses by it and then connect to these.
 *
 * It moves the clients that ask it again: those that lost every broker they knew
 * of (KIP-899), and those that start.
 */
import type { Log } from "../../src/telemetry/log.ts";
import type { ClusterName } from "../state/types.ts";
import { addressText, parseAddress } from "./address.ts";
import { Census } from "./admission.ts";
import { Entrance } from "./entrance.ts";
import {
  DEFAULT_LIMITS,
  type GatewayAddress,
  type GatewayLimits,
  type GatewayStatus,
} from "./types.ts";

export interface GatewayOptions {
  readonly addresses: readonly GatewayAddress[];
  /** See `setActive`; default null. */
  readonly active?: ClusterName | null;
  readonly limits?: Partial<GatewayLimits>;
  readonly log: Log;
}

export class Gateway implements AsyncDisposable {
  readonly #entrances: readonly Entrance[];
  #active: ClusterName | null;

  /**
   * Listens on all addresses, or on none.
   * @throws {RangeError} quoting the option that cannot be.
   * @throws {ListenError} when an address cannot be listened on.
   */
  static async open(options: GatewayOptions): Promise<Gateway> {
    const { active = null, addresses, log } = options;
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    checkLimits(limits);
    checkAddresses(addresses);
    const census = new Census();
    await using opened = new AsyncDisposableStack();
    const entrances = addresses.map((address) =>
      opened.use(new Entrance({ address, limits, active, census, log }))
    );
    opened.move();
    return new Gateway(entrances, active);
  }

  private constructor(
    entrances: readonly Entrance[],
    active: ClusterName | null,
  ) {
    this.#entrances = entrances;
    this.#active = active;
  }

  /**
   * Where new connections go from now on. Those to another cluster are closed
   * (see `switchGraceMs`). While it is null (not known, or a switch is under way)
   * new connections wait (see `waitMs`), and those that are open stay, because
   * nothing better is known for them.
   */
  setActive(cluster: ClusterName | null): void {
    if (cluster === this.#active) return;
    this.#active = cluster;
    for (const entrance of this.#entrances) entrance.setActive(cluster);
  }

  status(): GatewayStatus {
    return {
      active: this.#active,
      addresses: this.#entrances.map((each) => each.status()),
    };
  }

  /** Closes everything at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#entrances.map((each) => each[Symbol.asyncDispose]()),
    );
  }
}

/** Timers take no more than 2^31 - 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** The least and the most of each, both included. */
const BOUNDS: Readonly<Record<keyof GatewayLimits, readonly [number, number]>> =
  {
    connections: [1, Infinity],
    connectionsPerAddress: [1, Infinity],
    connectionsPerClient: [1, Infinity],
    waitMs: [0, LONGEST_MS],
    connectTimeoutMs: [1, LONGEST_MS],
    avoidBrokerMs: [0, LONGEST_MS],
    idleTimeoutMs: [1, LONGEST_MS],
    bufferBytes: [1, 1 << 20],
    switchGraceMs: [0, LONGEST_MS],
  };

function checkLimits(limits: GatewayLimits): void {
  for (const name of Object.keys(BOUNDS) as (keyof GatewayLimits)[]) {
    const value = limits[name];
    const [least, most] = BOUNDS[name];
    const isWhole = Number.isInteger(value) || value === Infinity;
    if (isWhole && value >= least && value <= most) continue;
    throw new RangeError(
      `${name} must be a whole number from ${least} to ${most}, not ${value}`,
    );
  }
}

function checkAddresses(addresses: readonly GatewayAddress[]): void {
  if (addresses.length === 0) throw new RangeError("no address to listen on");
  const own = new Set(
    addresses.map(({ listen }) => addressText(parseAddress(listen, 0))),
  );
  for (const { listen, primary, secondary } of addresses) {
    for (const [cluster, brokers] of Object.entries({ primary, secondary })) {
      if (brokers.length === 0) {
        throw new RangeError(`no brokers of the ${cluster} for ${listen}`);
      }
      const loop = brokers.find((each) =>
        own.has(addressText(parseAddress(each)))
      );
      if (loop === undefined) continue;
      throw new RangeError(
        `the ${cluster}'s broker ${loop} is an address of the gateway itself`,
      );
    }
  }
}
