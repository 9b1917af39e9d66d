/** What the pool says of itself: for the live view, `/status` and the summary. */
import type { TopicPartition } from "../kafka/mod.ts";
import { NO_DURATIONS, sumOfDurations } from "../telemetry/durations.ts";
import type { Distribution } from "../telemetry/metrics.ts";

/** Counts of records since the start. */
export interface Totals {
  /**
   * Input records that were settled, whatever became of them in the end: one
   * that waits in a delay topic is not counted yet.
   */
  readonly consumed: number;
  /** Output records that the cluster acknowledged, dead letters excluded. */
  readonly produced: number;
  /** Input records that went to the dead-letter topic. */
  readonly deadLettered: number;
  /** Input records for which the processor returned nothing. */
  readonly skipped: number;
  /** Times that a record was sent to a delay topic. */
  readonly retried: number;
  /** Outputs that were there before the job began, and were not sent again. */
  readonly alreadyDone: number;
}

export const NO_TOTALS: Totals = {
  consumed: 0,
  produced: 0,
  deadLettered: 0,
  skipped: 0,
  retried: 0,
  alreadyDone: 0,
};

export const sumOfTotals = (one: Totals, other: Totals): Totals => ({
  consumed: one.consumed + other.consumed,
  produced: one.produced + other.produced,
  deadLettered: one.deadLettered + other.deadLettered,
  skipped: one.skipped + other.skipped,
  retried: one.retried + other.retried,
  alreadyDone: one.alreadyDone + other.alreadyDone,
});

/** What has happened since the start, beside what became of records. */
export interface Happenings {
  /** Records that were fetched, also those that were fetched before. */
  readonly fetched: number;
  /** Assignments and revocations that the group asked for. */
  readonly rebalances: number;
  /** Partitions that went from one thread to another. */
  readonly moves: number;
  /** Threads that took the place of one that had failed. */
  readonly restarts: number;
  /** Transactions; both are 0 at least once. */
  readonly committed: number;
  readonly aborted: number;
  /** Spans of threads that were more than may wait. */
  readonly droppedSpans: number;
  /** Of batches, and of commits. */
  readonly durations: Readonly<
    Record<"poll" | "process" | "send" | "commit", Distribution>
  >;
}

export const NO_HAPPENINGS: Happenings = {
  fetched: 0,
  rebalances: 0,
  moves: 0,
  restarts: 0,
  committed: 0,
  aborted: 0,
  droppedSpans: 0,
  durations: {
    poll: NO_DURATIONS,
    process: NO_DURATIONS,
    send: NO_DURATIONS,
    commit: NO_DURATIONS,
  },
};

const sumOfHappenings = (
  one: Happenings,
  other: Happenings,
): Happenings => ({
  fetched: one.fetched + other.fetched,
  rebalances: one.rebalances + other.rebalances,
  moves: one.moves + other.moves,
  restarts: one.restarts + other.restarts,
  committed: one.committed + other.committed,
  aborted: one.aborted + other.aborted,
  droppedSpans: one.droppedSpans + other.droppedSpans,
  durations: {
    poll: sumOfDurations(one.durations.poll, other.durations.poll),
    process: sumOfDurations(one.durations.process, other.durations.process),
    send: sumOfDurations(one.durations.send, other.durations.send),
    commit: sumOfDurations(one.durations.commit, other.durations.commit),
  },
});

/** What a pool has done, and what has happened to it. */
export type Work = Pick<PoolStatus, "happenings" | "totals">;

export const NO_WORK: Work = { totals: NO_TOTALS, happenings: NO_HAPPENINGS };

export const sumOfWork = (one: Work, other: Work): Work => ({
  totals: sumOfTotals(one.totals, other.totals),
  happenings: sumOfHappenings(one.happenings, other.happenings),
});

export type WorkerState =
  | "starting"
  | "running"
  /** Its partitions are moving away; it ends when they have. */
  | "retiring"
  /** It failed and waits for its next start. */
  | "restarting"
  /** Its thread did not come back from user code; it is fenced for good. */
  | "hung";

export interface WorkerStatus {
  readonly id: number;
  readonly state: WorkerState;
  readonly partitions: readonly TopicPartition[];
  readonly totals: Totals;
  /** Records fetched and not settled. */
  readonly pendingRecords: number;
  /** Shares of what may be pending, 0 to 1: the fuller one holds it back. */
  readonly utilization: { readonly records: number; readonly bytes: number };
  readonly heapBytes: number;
  /** For how long its thread has not moved, in user code or a commit. */
  readonly stalledMs: number;
}

/** A partition that this instance owns. */
export interface PartitionStatus extends TopicPartition {
  /** Null: no thread has it for now. */
  readonly worker: number | null;
  /** That the group has committed; null: none. */
  readonly committed: number | null;
  /** The high watermark that the last fetch told; null: none has. */
  readonly end: number | null;
  /**
   * Records between the two, aborted ones and markers among them while there is
   * one below that has to be settled; null where a record waits for its time.
   */
  readonly lag: number | null;
  /** For how long the first of them has been there at least; null: not known. */
  readonly lagMs: number | null;
}

/** One record as it went in and what became of it, for people to look at. */
export interface Sample {
  readonly input: string;
  /** The first output's value; null where there was none. */
  readonly output: string | null;
  /** Why it became a dead letter. */
  readonly reason?: string;
}

export type PoolPhase =
  | "starting"
  | "running"
  | "draining"
  /** Between two clusters: it works on neither. */
  | "switching"
  | "stopped"
  /** Ends as soon as the rest has drained: a thread hangs, or crashes loop. */
  | "failing";

/** Of a pool that goes where the active one of two clusters is. */
export interface Following {
  readonly active: "primary" | "secondary";
  /** Of the newest state that it has seen; 0: there is none yet. */
  readonly epoch: number;
  /** Where a switch stands; `steady`: none is under way. */
  readonly phase: string;
}

export interface PoolStatus {
  readonly phase: PoolPhase;
  /** Absent: there is one cluster. */
  readonly following?: Following;
  /**
   * The group has said which partitions this instance has, perhaps none, and has
   * not dropped it since; always, under KIP-848.
   */
  readonly isAssigned: boolean;
  /** Why `phase` is "failing". */
  readonly failure?: string;
  readonly totals: Totals;
  /**
   * Records of the input topic between the committed offsets and the high
   * watermarks.
   */
  readonly lag: number | null;
  readonly partitions: readonly PartitionStatus[];
  readonly happenings: Happenings;
  readonly workers: readonly WorkerStatus[];
  /** The newest last. */
  readonly samples: readonly Sample[];
}
