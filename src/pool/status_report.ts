/** Puts together what the pool says of itself. */
import type { Consumer } from "../kafka/mod.ts";
import type { Log } from "../telemetry/log.ts";
import { EndOffsets } from "./end_offsets.ts";
import type { Partition, Partitions } from "./partitions.ts";
import type { WorkerLimits } from "./protocol.ts";
import {
  NO_HAPPENINGS,
  NO_WORK,
  type PartitionStatus,
  type PoolPhase,
  type PoolStatus,
  type Sample,
  sumOfWork,
  type Totals,
  type Work,
  type WorkerState,
  type WorkerStatus,
} from "./status.ts";
import type { Tally } from "./tally.ts";
import type { WorkerThread } from "./thread.ts";

export interface ReportParts {
  readonly consumer: Consumer;
  readonly partitions: Partitions;
  readonly inputTopic: string;
  readonly limits: Pick<WorkerLimits, "pendingBytes" | "pendingRecords">;
  readonly log: Log;
  readonly tally: Tally;
  readonly stalledMs: (thread: WorkerThread) => number;
}

export interface StatusParts {
  readonly phase: PoolPhase;
  readonly failure: string | undefined;
  readonly threads: readonly WorkerThread[];
  readonly samples: readonly Sample[];
}

export class StatusReport {
  readonly #parts: ReportParts;
  /** By partition. */
  #ends = new Map<string, EndOffsets>();
  /** Of threads that are gone. */
  #kept = NO_WORK;
  /** Outputs that were there already: seen last, and told. */
  #leftOut = 0;
  #told = 0;

  constructor(parts: ReportParts) {
    this.#parts = parts;
  }

  keepTotals(thread: WorkerThread): void {
    this.#kept = sumOfWork(this.#kept, workOf(thread));
  }

  /** Every second or so. */
  look(threads: readonly WorkerThread[], nowMs: number): void {
    this.tellLeftOut(threads);
    const ends = new Map<string, EndOffsets>();
    for (const partition of this.#parts.partitions.all) {
      const looks = this.#ends.get(partition.id) ?? new EndOffsets();
      ends.set(partition.id, looks);
      const end = this.#endOf(partition);
      if (end !== null) looks.look(end, nextOf(partition), nowMs);
    }
    this.#ends = ends;
  }

  /** Says how many outputs were left out, once no more of them come. */
  tellLeftOut(threads: readonly WorkerThread[], isEnd = false): void {
    const { alreadyDone } = this.#work(threads).totals;
    const isAtRest = alreadyDone === this.#leftOut;
    this.#leftOut = alreadyDone;
    if (alreadyDone === this.#told || !(isAtRest || isEnd)) return;
    this.#told = alreadyDone;
    this.#parts.log.info("outputs were there already and are not sent again", {
      outputs: alreadyDone,
    });
  }

  status({ phase, failure, threads, samples }: StatusParts): PoolStatus {
    const nowMs = performance.now();
    const partitions = this.#parts.partitions.all
      .map((each) => this.#partition(each, nowMs));
    const lags = partitions.map(({ lag }) => lag).filter((lag) => lag !== null);
    return {
      phase,
      isAssigned: this.#parts.tally.isAssigned,
      ...(failure === undefined ? {} : { failure }),
      ...this.#work(threads),
      lag: lags.length === 0 ? null : lags.reduce((sum, lag) => sum + lag),
      partitions,
      workers: threads.map((each) => this.#worker(each)),
      samples: [...samples],
    };
  }

  #work(threads: readonly WorkerThread[]): Work {
    const {
      aborted,
      commits,
      committed,
      droppedSpans,
      moves,
      rebalances,
      restarts,
    } = this.#parts.tally;
    const { happenings, totals } = threads.map(workOf)
      .reduce(sumOfWork, this.#kept);
    const { durations, fetched } = happenings;
    return {
      totals,
      happenings: {
        fetched,
        rebalances,
        moves,
        restarts,
        committed,
        aborted,
        droppedSpans,
        durations: { ...durations, commit: commits.distribution },
      },
    };
  }

  #worker(thread: WorkerThread): WorkerStatus {
    const { limits, partitions, stalledMs } = this.#parts;
    const { heapBytes, pendingBytes, pendingRecords } = thread.page;
    return {
      id: thread.id,
      state: stateOf(thread),
      partitions: partitions.ownedBy(thread).map((each) => each.tp),
      totals: totalsOf(thread),
      pendingRecords,
      utilization: {
        records: Math.min(1, pendingRecords / limits.pendingRecords),
        bytes: Math.min(1, pendingBytes / limits.pendingBytes),
      },
      heapBytes,
      stalledMs: stalledMs(thread),
    };
  }

  #partition(partition: Partition, nowMs: number): PartitionStatus {
    const { committed, id, tp, worker } = partition;
    const end = this.#endOf(partition);
    const next = nextOf(partition);
    // What waits in a delay topic is not late.
    const lag = end === null || tp.topic !== this.#parts.inputTopic
      ? null
      : Math.max(0, end - next);
    const waitingMs = this.#ends.get(id)?.waitingMs(next, nowMs) ?? null;
    return {
      ...tp,
      worker: worker?.id ?? null,
      committed: committed?.offset ?? null,
      end,
      lag,
      lagMs: lag === null || lag === 0 ? lag : waitingMs,
    };
  }

  /** As the last fetch said. */
  #endOf({ tp }: Partition): number | null {
    const { consumer } = this.#parts;
    return consumer.disposed ? null : consumer.knownHighWatermark(tp);
  }
}

/** What the group has yet to process. */
const nextOf = ({ committed, next }: Partition) => committed?.offset ?? next;

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

const workOf = (thread: WorkerThread): Work => ({
  totals: totalsOf(thread),
  happenings: {
    ...NO_HAPPENINGS,
    fetched: thread.page.counter("fetched"),
    durations: {
      ...NO_HAPPENINGS.durations,
      poll: thread.page.durations("poll"),
      process: thread.page.durations("process"),
      send: thread.page.durations("send"),
    },
  },
});
