/** Puts together what the pool says of itself. */
import type { Consumer } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import type { Partitions } from "./partitions.ts";
import {
  NO_TOTALS,
  type PoolPhase,
  type PoolStatus,
  type Sample,
  sumOfTotals,
  type Totals,
  type WorkerState,
  type WorkerStatus,
} from "./status.ts";
import type { WorkerThread } from "./thread.ts";

export interface StatusParts {
  readonly phase: PoolPhase;
  readonly failure: string | undefined;
  readonly threads: readonly WorkerThread[];
  readonly samples: readonly Sample[];
}

export class StatusReport {
  readonly #consumer: Consumer;
  readonly #partitions: Partitions;
  readonly #inputTopic: string;
  /** Of threads that are gone. */
  #kept = NO_TOTALS;
  /** Outputs that were there already: seen last, and told. */
  #leftOut = 0;
  #told = 0;

  constructor(
    consumer: Consumer,
    partitions: Partitions,
    inputTopic: string,
  ) {
    this.#consumer = consumer;
    this.#partitions = partitions;
    this.#inputTopic = inputTopic;
  }

  keepTotals(thread: WorkerThread): void {
    this.#kept = sumOfTotals(this.#kept, totalsOf(thread));
  }

  /** Says how many outputs were left out, once no more of them come. */
  tellLeftOut(threads: readonly WorkerThread[], log: Log, isEnd = false): void {
    const { alreadyDone } = this.#totals(threads);
    const isAtRest = alreadyDone === this.#leftOut;
    this.#leftOut = alreadyDone;
    if (alreadyDone === this.#told || !(isAtRest || isEnd)) return;
    this.#told = alreadyDone;
    log.info("outputs were there already and are not sent again", {
      outputs: alreadyDone,
    });
  }

  status({ phase, failure, threads, samples }: StatusParts): PoolStatus {
    return {
      phase,
      ...(failure === undefined ? {} : { failure }),
      totals: this.#totals(threads),
      lag: this.#lag(),
      workers: threads.map((each) => this.#worker(each)),
      samples: [...samples],
    };
  }

  #totals(threads: readonly WorkerThread[]): Totals {
    return threads.map(totalsOf).reduce(sumOfTotals, this.#kept);
  }

  #worker(thread: WorkerThread): WorkerStatus {
    return {
      id: thread.id,
      state: stateOf(thread),
      partitions: this.#partitions.ownedBy(thread).map((each) => each.tp),
      totals: totalsOf(thread),
      pendingRecords: thread.page.pendingRecords,
      heapBytes: thread.page.heapBytes,
    };
  }

  /** From what the last fetches said of the ends of the partitions. */
  #lag(): number | null {
    if (this.#consumer.disposed) return null;
    let lag: number | null = null;
    for (const { tp, next, committed } of this.#partitions.all) {
      // What waits in a delay topic is not late.
      if (tp.topic !== this.#inputTopic) continue;
      const high = this.#consumer.knownHighWatermark(tp);
      if (high === null) continue;
      lag = (lag ?? 0) + Math.max(0, high - (committed?.offset ?? next));
    }
    return lag;
  }
}

function stateOf(thread: WorkerThread): WorkerState {
  switch (thread.state) {
    case "starting":
      return "starting";
    case "running":
      return thread.retiring ? "retiring" : "running";
    case "stopping":
      return "retiring";
    case "ended":
      return "restarting";
    case "abandoned":
      return "hung";
  }
}

const totalsOf = ({ page }: WorkerThread): Totals => ({
  consumed: page.counter("consumed"),
  produced: page.counter("produced"),
  deadLettered: page.counter("deadLettered"),
  skipped: page.counter("skipped"),
  retried: page.counter("retried"),
  alreadyDone: page.counter("alreadyDone"),
});
