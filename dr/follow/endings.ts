/** Clients that were left, on their way out. */
import type { Consumer, Producer } from "../../src/kafka/mod.ts";
import { within } from "../../src/pool/deadline.ts";
import type { ClusterName } from "../state/types.ts";

/**
 * Nobody waits for a client of a dead cluster beyond a bound; what it still does
 * natively ends in the background, after its own time-outs.
 */
export class Endings {
  readonly #running = new Map<Promise<void>, ClusterName>();
  readonly #boundMs: number;
  readonly #onAdd: (ending: Promise<void>) => void;
  readonly #onLate: (cluster: ClusterName) => void;

  /** @param boundMs of each wait, in milliseconds */
  constructor(
    boundMs: number,
    onAdd: (ending: Promise<void>) => void,
    onLate: (cluster: ClusterName) => void,
  ) {
    this.#boundMs = boundMs;
    this.#onAdd = onAdd;
    this.#onLate = onLate;
  }

  /** Takes over a client of `cluster` that ends when `ending` does. */
  add(cluster: ClusterName, ending: Promise<void>): void {
    this.#running.set(ending, cluster);
    this.#onAdd(ending);
    const forget = () => this.#running.delete(ending);
    ending.then(forget, forget);
    within(ending, this.#boundMs).then(
      (isInTime) => isInTime || this.#onLate(cluster),
      () => {}, // it has ended, though not well
    );
  }

  /**
   * Makes a client of each cluster, and ends it: what is refused is better
   * refused now than in the middle of a switch.
   * @throws what `make` throws.
   */
  tryOut(make: (cluster: ClusterName) => Producer | Consumer): void {
    for (const cluster of ["primary", "secondary"] as const) {
      this.add(cluster, make(cluster)[Symbol.asyncDispose]());
    }
  }

  /** Ends when those of `cluster` have, or the bound is reached. */
  async of(cluster: ClusterName): Promise<void> {
    await this.#settled((each) => each === cluster);
  }

  async all(): Promise<void> {
    await this.#settled(() => true);
  }

  async #settled(isMeant: (cluster: ClusterName) => boolean): Promise<void> {
    const meant = [...this.#running]
      .filter(([, cluster]) => isMeant(cluster)).map(([ending]) => ending);
    if (meant.length === 0) return;
    await within(Promise.allSettled(meant), this.#boundMs);
  }
}
