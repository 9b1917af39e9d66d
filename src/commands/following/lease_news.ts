/** Says that a strict pool has no lease, once each time: it does not work then. */
import { covers, type Lease, type LeaseClock } from "../../../dr/state/mod.ts";
import type { Log } from "../../telemetry/log.ts";

export class LeaseNews {
  readonly #clock: Pick<LeaseClock, "now">;
  readonly #log: Log;
  #lease: Lease | null = null;
  #isTold = false;

  constructor(clock: Pick<LeaseClock, "now">, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  took(lease: Lease): void {
    this.#lease = lease;
    this.#isTold = false;
  }

  /** An attempt came to nothing. Some may, within a lease. */
  missed(error: Error): void {
    const lease = this.#lease;
    const has = lease !== null && covers(lease, lease, this.#clock.now());
    if (has || this.#isTold) {
      this.#log.debug("the lease was not renewed", { error });
      return;
    }
    this.#isTold = true;
    this.#log.warn("has no lease, and works when it gets one", { error });
  }
}
