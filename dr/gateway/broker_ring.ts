/** In which order the brokers of a cluster are tried. */
import type { BrokerStatus } from "./types.ts";

interface BrokerRecord {
  readonly broker: string;
  connects: number;
  connectFailures: number;
  /** Null: the last attempt succeeded, or there was none. */
  failed: { readonly reason: string; readonly atMs: number } | null;
}

/**
 * Round robin; brokers that have failed lately come last, so that a client does
 * not wait for the time-out of one that is known to hang.
 */
export class BrokerRing {
  readonly #records: readonly BrokerRecord[];
  readonly #avoidMs: number;
  #first = 0;

  /** @param avoidMs how long a failure counts as late. */
  constructor(brokers: readonly string[], avoidMs: number) {
    this.#records = [...new Set(brokers)].map((broker) => ({
      broker,
      connects: 0,
      connectFailures: 0,
      failed: null,
    }));
    this.#avoidMs = avoidMs;
  }

  /** All brokers, for the next client. */
  order(nowMs: number): string[] {
    const turned = [
      ...this.#records.slice(this.#first),
      ...this.#records.slice(0, this.#first),
    ];
    this.#first = (this.#first + 1) % this.#records.length;
    const isAvoided = ({ failed }: BrokerRecord) =>
      failed !== null && nowMs - failed.atMs < this.#avoidMs;
    return [
      ...turned.filter((each) => !isAvoided(each)),
      ...turned.filter(isAvoided),
    ].map(({ broker }) => broker);
  }

  /** Returns whether it had failed before. */
  connected(broker: string): boolean {
    const record = this.#of(broker);
    const hadFailed = record.failed !== null;
    record.connects++;
    record.failed = null;
    return hadFailed;
  }

  /** Returns whether it had failed before. */
  failed(broker: string, reason: string, nowMs: number): boolean {
    const record = this.#of(broker);
    const hadFailed = record.failed !== null;
    record.connectFailures++;
    record.failed = { reason, atMs: nowMs };
    return hadFailed;
  }

  status(): Omit<BrokerStatus, "cluster">[] {
    return this.#records.map(({ failed, ...rest }) => ({
      ...rest,
      lastFailure: failed?.reason ?? null,
    }));
  }

  #of(broker: string): BrokerRecord {
    const found = this.#records.find((each) => each.broker === broker);
    if (found === undefined) throw new RangeError(`no broker "${broker}"`);
    return found;
  }
}
