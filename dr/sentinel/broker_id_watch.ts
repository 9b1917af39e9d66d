/** Asks from time to time whether the clusters' brokers can be told apart. */
import type { Log } from "../../src/telemetry/log.ts";
import {
  type BrokerIds,
  brokerIdsProblem,
  checkBrokerIds,
  ClusterPairError,
} from "../broker_ids.ts";
import type { StateClusters } from "../state/mod.ts";
import { pause } from "../waits.ts";

const REQUEST_MS = 5_000;
const AGAIN_MS = 30_000;

export class BrokerIdWatch {
  readonly #clusters: StateClusters["clusters"];
  readonly #log: Log;
  #last: BrokerIds | null = null;

  constructor({ clusters }: StateClusters, log: Log) {
    this.#clusters = clusters;
    this.#log = log;
  }

  /** Null: they were not asked yet. */
  get last(): BrokerIds | null {
    return this.#last;
  }

  /**
   * Before anything else is done.
   * @throws {ClusterPairError} where ids are shared; the signal's reason.
   */
  async check(signal: AbortSignal): Promise<void> {
    const ids = await this.#ask(signal);
    const problem = brokerIdsProblem(ids);
    if (problem === null) return;
    // A sentinel must start while a cluster is down: then it is needed most.
    if (ids.kind !== "unanswered") throw new ClusterPairError(problem);
    this.#log.warn(problem);
  }

  /** Until the signal aborts: brokers may come, or tell their ids later. */
  async run(signal: AbortSignal): Promise<void> {
    let said: string | null = null;
    for (;;) {
      await pause(AGAIN_MS, signal);
      if (signal.aborted) return;
      let ids: BrokerIds;
      try {
        ids = await this.#ask(signal);
      } catch (error) {
        if (signal.aborted) return;
        throw error;
      }
      // That a cluster does not answer its health tells.
      if (ids.kind === "unanswered") continue;
      const problem = brokerIdsProblem(ids);
      if (problem !== null && problem !== said) this.#log.warn(problem);
      said = problem;
    }
  }

  async #ask(signal: AbortSignal): Promise<BrokerIds> {
    const { primary, secondary } = this.#clusters;
    this.#last = await checkBrokerIds(
      { primary: primary.admin, secondary: secondary.admin },
      { timeoutMs: REQUEST_MS, signal },
    );
    return this.#last;
  }
}
